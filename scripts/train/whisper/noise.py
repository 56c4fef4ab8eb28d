"""Trains Whisper's encoder to hear in noise what it hears of the same speech without it.

    python -m scripts.train.whisper.noise WORK [--minutes 70]

The teacher is the encoder as it is, given the recording; the student begins as its copy and is given the same recording
in a room, in noise, over a line. No words are learned: the student's states shall be the teacher's, and what the
decoder, which stays as it is, makes of them as well (the divergence of its probabilities, token by token, along the
words that were said and, now and then, along others). ``WORK`` holds the wheel as for ``export``; the encoder's weights
are written to ``WORK/noise.npz``, which ``export --encoder`` takes.
"""

import argparse
import pickle
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from scripts.measure.heldout import tuned_on
from scripts.measure.phrase_people import spoken_lines
from scripts.measure.trials import LIBRISPEECH, load, utterance
from scripts.train.ge2e.noise import degraded
from scripts.train.schedule import learning_rate
from scripts.train.vosk.speech import transcripts
from scripts.train.whisper.ctranslate2_file import Array, read_weights
from scripts.train.whisper.export import fetched, vocabulary
from scripts.train.whisper.reference import Reference
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.phrase.whisper.model import SILENCE_SAMPLES, WhisperModel, encoder_input
from streamauth.engines.phrase.whisper.tokens import WhisperTokens

MODEL = Path(__file__).resolve().parents[3] / "models" / "whisper-tiny-en"
SETS = ("gsc", "wuw2", "dsp20", "pico-intent", "alphanum", "precise", "kathleen")
SHORTEST_S, LONGEST_S, PIECE_S = 0.4, 8.0, (2.0, 6.0)
MOST_MARGIN_S = 0.4
BATCH, BATCHES_SORTED = 16, 12
MOST_TALKERS = 8
OTHER_WORDS, STATES_WEIGHT = 0.15, 1.0
HIGHEST_RATE, AVERAGE = 1.5e-4, 0.98
CHECKED, CHECK_EVERY_S, SAVE_EVERY_S = 64, 400.0, 240.0


@dataclass(frozen=True)
class Clip:
    """A recording: ``audio`` of 16 bits at 16 kHz, the tokens of its words, and whether it is trained on."""

    audio: np.ndarray[tuple[int], np.dtype[np.int16]]
    tokens: tuple[int, ...]
    heard: bool

    def samples(self) -> Samples:
        """Its audio, shape (samples,), float32."""
        return np.asarray(self.audio / np.float32(32768), np.float32)


def clips(tokens: WhisperTokens) -> Iterator[Clip]:
    """All recordings."""
    for source in SETS:
        for line in sorted(spoken_lines(source, tuned=True), key=lambda one: one.file):
            if SHORTEST_S <= line.end_s - line.start_s <= LONGEST_S and all(word.isascii() for word in line.words):
                audio = utterance(line.file, line.start_s, line.end_s)
                yield _clip(audio, " ".join(line.words), tokens, tuned_on(source, line.person, line.name))
    judge, dice, known = WhisperModel(MODEL), random.Random(1), transcripts()
    for path in sorted(LIBRISPEECH.glob("*.flac")):
        if path.name in known:
            audio, at, heard = load(path), 0, tuned_on("librispeech", path.name.split("-")[0], path.name)
            while at < audio.size - PIECE_S[0] * SAMPLE_RATE_HZ:
                piece = audio[at : at + int(dice.uniform(*PIECE_S) * SAMPLE_RATE_HZ)]
                found = judge.hypotheses(judge.hear(piece)).greedy(60, np.array([tokens.end]))
                yield _clip(piece, tokens.decode(found).strip(), tokens, heard)
                at += piece.size


def _clip(audio: Samples, text: str, tokens: WhisperTokens, heard: bool) -> Clip:
    loudest = float(np.abs(audio).max()) or 1.0
    return Clip((audio / loudest * 32000).astype(np.int16), tuple(tokens.encode(" " + text)), heard)


def _mels(group: Sequence[Samples], size: int) -> Tensor:
    return torch.from_numpy(np.stack([encoder_input(one, size - one.size).T for one in group]))


class Batches:
    """Draws batches.

    Args:
        known: The recordings.
        rng: Source of chance.
    """

    def __init__(self, known: Sequence[Clip], rng: np.random.Generator) -> None:
        self._known, self._rng = known, rng

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, list[tuple[int, ...]]]]:
        """Clean features, those of the same in noise, and the words to follow; without end."""
        while True:
            # long ones as often as short ones: most recordings are single words
            seconds = np.array([one.audio.size for one in self._known]) / SAMPLE_RATE_HZ
            share = np.minimum(seconds, 4.0)
            drawn = self._rng.choice(len(share), BATCH * BATCHES_SORTED, replace=False, p=share / share.sum())
            drawn = drawn[np.argsort(seconds[drawn], kind="stable")].reshape(BATCHES_SORTED, BATCH)
            for group in self._rng.permutation(drawn):
                yield self.batch([self._known[index] for index in group])

    def batch(self, group: Sequence[Clip]) -> tuple[Tensor, Tensor, list[tuple[int, ...]]]:
        """Of given recordings."""
        rng = self._rng
        clean, noisy, words = [], [], []
        for one in group:
            margins = (rng.uniform(0, MOST_MARGIN_S, 2) * SAMPLE_RATE_HZ).astype(int)
            audio = np.pad(one.samples(), tuple(margins))
            others = [self._known[index].samples() for index in rng.integers(0, len(self._known), MOST_TALKERS)]
            clean.append(audio)
            noisy.append(degraded(audio, others, rng))
            said = self._known[int(rng.integers(len(self._known)))] if rng.random() < OTHER_WORDS else one
            words.append(said.tokens)
        size = max(one.size for one in clean) + SILENCE_SAMPLES
        return _mels(clean, size), _mels(noisy, size), words


class Learner:
    """Teacher and student.

    Args:
        weights: Of the original, its vocabulary cut.
        start: Weights of a student to go on from.
    """

    def __init__(self, weights: dict[str, Array], tokens: WhisperTokens, start: Path | None) -> None:
        self._tokens = tokens
        self.teacher, self.student = Reference(weights), Reference(weights)
        own = {name: value for name, value in self.student.tensors.items() if name.startswith("encoder/")}
        self.names = sorted(name for name in own if "position" not in name)
        if start is not None:
            with np.load(start) as content:
                for name in self.names:
                    own[name].copy_(torch.from_numpy(content[name]))
        self.parameters = [own[name].requires_grad_() for name in self.names]
        self.average = [value.detach().clone() for value in self.parameters]

    def losses(self, clean: Tensor, noisy: Tensor, words: Sequence[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        """Of the states, as a share of their variance, and of the decoder's probabilities, in nats a token."""
        with torch.no_grad():
            wanted = self.teacher.states(clean)
        found = self.student.states(noisy)
        far = functional.mse_loss(found, wanted) / wanted.var(dim=(0, 1)).mean()
        most = max(map(len, words))
        start = tuple(self._tokens.start)
        given = [(*start, *one, *([self._tokens.end] * (most - len(one)))) for one in words]
        counted = torch.tensor([[place < len(one) + 1 for place in range(most + 1)] for one in words])
        with torch.no_grad():
            target = self.teacher.log_probs(wanted, given)[:, len(start) - 1 :]
        reached = self.student.log_probs(found, given)[:, len(start) - 1 :]
        apart = (target.exp() * (target - reached)).sum(-1)
        return far, apart[counted].mean()

    def follow(self) -> None:
        """Move the running average of the weights."""
        with torch.no_grad():
            for mean, value in zip(self.average, self.parameters, strict=True):
                mean.lerp_(value, 1 - AVERAGE)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def checked(self, batches: Sequence[tuple[Tensor, Tensor, list[tuple[int, ...]]]]) -> NDArray[np.float64]:
        """Mean losses of the running average."""
        before = [value.clone() for value in self.parameters]
        _set(self.parameters, self.average)
        found = [[float(part) for part in self.losses(*one)] for one in batches]
        _set(self.parameters, before)
        return np.asarray(np.mean(found, axis=0))

    def save(self, path: Path) -> None:
        """Write the running average."""
        np.savez(path, **{name: value.numpy() for name, value in zip(self.names, self.average, strict=True)})


def _set(values: Sequence[Tensor], others: Sequence[Tensor]) -> None:
    for value, other in zip(values, others, strict=True):
        value.copy_(other)


def main() -> None:
    """Train, check now and then, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--rate", type=float, default=HIGHEST_RATE)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = fetched(arguments.work)
    weights = read_weights(folder / "model.bin")
    weights["decoder/embeddings/weight"] = weights["decoder/embeddings/weight"][vocabulary(folder)[1]]
    tokens = WhisperTokens(MODEL / "tokens.txt.gz")
    speech = arguments.work / "speech.pickle"
    if not speech.exists():
        speech.write_bytes(pickle.dumps(list(clips(tokens))))
    every: list[Clip] = pickle.loads(speech.read_bytes())  # noqa: S301 - our own file
    known, others = ([one for one in every if one.heard == heard] for heard in (True, False))
    hours = sum(one.audio.size for one in known) / SAMPLE_RATE_HZ / 3600
    print(f"{len(known)} recordings, {hours:.2f} h; {len(others)} others", flush=True)
    learner = Learner(weights, tokens, arguments.start)
    batches = Batches(known, np.random.default_rng(arguments.seed))
    checks = Batches(others, np.random.default_rng(7))
    chosen = np.random.default_rng(5).choice(len(others), CHECKED, replace=False)
    by_length = sorted((others[index] for index in chosen), key=lambda one: one.audio.size)
    fixed = [checks.batch(by_length[at : at + BATCH]) for at in range(0, CHECKED, BATCH)]
    optimizer = torch.optim.AdamW(learner.parameters, lr=arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    begin = time.monotonic()
    checked = saved = -1e9
    recent: list[tuple[float, float]] = []
    for step, (clean, noisy, words) in enumerate(batches):
        passed_s = time.monotonic() - begin
        passed = passed_s / (60 * arguments.minutes)
        if passed_s - checked > CHECK_EVERY_S or passed >= 1:
            off = learner.checked(fixed)
            print(f"{passed_s / 60:.1f} min, {step} batches: others {off.round(4)}, ", end="")
            print(f"learned {np.mean(recent[-100:], axis=0).round(4) if recent else '-'}", flush=True)
            checked = passed_s
        if passed_s - saved > SAVE_EVERY_S or passed >= 1:
            learner.save(arguments.work / "noise.npz")
            saved = passed_s
        if passed >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(arguments.rate, passed)
        far, apart = learner.losses(clean, noisy, words)
        optimizer.zero_grad()
        (STATES_WEIGHT * far + apart).backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters, 1.0)
        optimizer.step()
        learner.follow()
        recent.append((float(far.detach()), float(apart.detach())))


if __name__ == "__main__":
    main()
