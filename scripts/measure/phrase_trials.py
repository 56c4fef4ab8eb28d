"""Trials of a phrase check on recordings of people: what was said, and what was expected.

Each recording belongs to a fold (``recognizer_speech``), so that it can be scored by a network that never heard it.
"""

import argparse
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from scripts.measure.trials import LIBRISPEECH, load
from scripts.train.vosk.speech import (
    DIGIT_FOLDS,
    KEYWORD_FOLDS,
    Spoken,
    digits,
    is_guessed,
    keywords,
    librispeech,
    transcripts,
)
from scripts.train.vosk.tempo import at_tempo
from streamauth.core.phrase.words import DIGITS, edit_distance
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.speech.segmentation import SpeechSegmenter
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.alignment import FRAME_S, AlignmentGraph
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.settings import Settings

CONDITIONS = ("clean", "babble 10 dB", "pink 10 dB", "twice as fast")


_PAUSE_FRAMES = 3
Kind = TypeVar("Kind", bound=Any)
"""A data class of what JSON can hold."""


@dataclass
class Recording:
    """One utterance and what is expected of it.

    Attributes:
        group: keyword, sentence, digits.
        fold: Of the speaker or the keyword.
        name: Unique.
        utterances: What a session would give to the recognizer; the best of them counts.
        expected: By kind ("right", or what is wrong with it) the words that are expected.
    """

    group: str
    fold: int
    name: str
    utterances: Sequence[Samples]
    expected: Sequence[tuple[str, tuple[str, ...]]]


def utterances(audio: Samples) -> Iterator[Samples]:
    """The utterances that a session would give to the recognizer."""
    settings = Settings()
    detector = WebrtcDetector(settings.speech.aggressiveness)
    stream, length = detector.stream(), detector.frame_samples
    segmenter = SpeechSegmenter(settings.speech, length, settings.phrase.lead_ms)
    frames: list[Samples] = []
    audio = np.pad(audio, (0, -audio.size % length))
    steps = (segmenter.push(frame, stream.probability(frame)) for frame in audio.reshape(-1, length))
    for step in (*steps, segmenter.finish()):
        frames += [frame for frame, _ in step.utterance]
        if step.ended is not None:
            yield np.concatenate(frames)
            frames = []


def kept(trials: Iterable[Kind], file: Path | None) -> list[Kind]:
    """Trials, each written behind those of a file as it comes, where one is given."""
    found = []
    for trial in trials:
        found.append(trial)
        if file is not None:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(trial)) + "\n")
    return found


def trial_options(conditions: Sequence[str], usual: int) -> argparse.ArgumentParser:
    """Options of a script that tries phrases, a parent of its parser: how trials are drawn, kept and loaded.

    Args:
        conditions: Those that there are.
        usual: How many of them, the first ones, are tried without being asked for.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--conditions", nargs="+", default=list(conditions[:usual]), choices=conditions)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--save", type=Path, help="keep the trials in a file")
    parser.add_argument("--load", type=Path, nargs="+", help="files of trials, instead of trying")
    return parser


def loaded(kind: type[Kind], files: Sequence[Path]) -> list[Kind]:
    """Trials that ``kept`` has written."""
    return [kind(**json.loads(line)) for file in files for line in file.read_text("utf-8").splitlines()]


def in_condition(audio: Samples, condition: str, dice: random.Random) -> Samples:
    """Speech at some level between pauses, over faint noise or over one at 10 dB, or in half of its time."""
    noise = np.random.default_rng(dice.getrandbits(32))
    if condition.startswith("twice"):
        audio = at_tempo(audio.astype(np.float64), 2.0).astype(np.float32)
    padded = np.pad(audio.astype(np.float64), 9600)
    level = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) + 1e-9
    if condition.startswith("babble"):
        made = np.zeros(padded.size)
        for voice in dice.sample(_voices(), 6):
            made += np.roll(np.resize(voice, padded.size), dice.randrange(padded.size)) / voice.std()
    else:
        spectrum = np.fft.rfft(noise.standard_normal(padded.size))
        spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size)) if condition.startswith("pink") else 1
        made = np.fft.irfft(spectrum, padded.size)
    snr_db = 10.0 if condition.endswith("dB") else dice.uniform(30, 50)
    made *= level * 10 ** (-snr_db / 20) / np.sqrt(np.mean(made**2))
    wanted = 10 ** (dice.uniform(-32, -18) / 20)
    return np.clip((padded + made) * wanted / level, -1, 1).astype(np.float32)


@cache
def _voices() -> list[Samples]:
    # clips without a whole transcript: they are in no trial
    known = {name for name, words in transcripts().items() if not any(map(is_guessed, words))}
    return [load(path) for path in sorted(LIBRISPEECH.glob("*.flac")) if path.name not in known]


def keyword_recordings(clips: int, condition: str, dice: random.Random) -> Iterator[Recording]:
    """Single words against each other, and running speech against single words."""
    for word in KEYWORD_FOLDS:
        chosen = [spoken for spoken in keywords() if spoken.words == (word,)]
        for spoken in dice.sample(chosen, min(clips, len(chosen))):
            expected = [("right" if other == word else "other word", (other,)) for other in KEYWORD_FOLDS]
            assert spoken.fold is not None
            found = list(utterances(in_condition(spoken.audio, condition, dice)))
            yield Recording("keyword", spoken.fold, spoken.name, found, expected)
    for spoken in dice.sample(list(librispeech()), clips // 2):
        for number, samples in enumerate(utterances(in_condition(spoken.audio, condition, dice))):
            expected = [("running speech", (word,)) for word in KEYWORD_FOLDS]
            assert spoken.fold is not None
            yield Recording("keyword", spoken.fold, f"{spoken.name}-{number}", [samples], expected)


def digit_recordings(clips: int, condition: str, dice: random.Random) -> Iterator[Recording]:
    """Six digits of one person, recorded at 8 kHz."""
    others = [(digit,) for digit in DIGITS]
    for spoken in _six_digits(clips, dice.getrandbits(32)):
        expected = [("right", spoken.words), *_misses(spoken.words, others, dice)]
        expected.append(("other", tuple(dice.choices(DIGITS, k=6))))
        found = list(utterances(in_condition(spoken.audio, condition, dice)))
        if len(found) == 1:  # a pause inside is another test
            assert spoken.fold is not None
            yield Recording("digits", spoken.fold, spoken.name, found, expected)


def _six_digits(clips: int, seed: int) -> Iterator[Spoken]:
    return (spoken for speaker in DIGIT_FOLDS for spoken in list(digits(clips // 3, seed, [speaker], least=6, most=6)))


def sentence_recordings(
    clips: int, condition: str, dice: random.Random, models: Sequence[AcousticModel], sounds: Lexicon
) -> Iterator[Recording]:
    """Pieces of four to seven words of LibriSpeech clips."""
    chosen = list(librispeech())
    dice.shuffle(chosen)
    vocabulary = sorted({word for spoken in chosen for word in spoken.words})
    nearest = _Nearest(sounds)
    for spoken in chosen[:clips]:
        if spoken.fold is None or spoken.fold >= len(models):
            continue
        piece = cut_piece(spoken, dice, models[spoken.fold], sounds)
        if piece is None:
            continue
        words, audio = piece
        others = [(word,) for word in vocabulary if word not in words and sounds.of(word)]
        expected = [("right", words), *_misses(words, others, dice)]
        at = dice.randrange(len(words))
        expected.append(("near word", (*words[:at], nearest.of(words[at]), *words[at + 1 :])))
        other = dice.choice([s for s in chosen if s is not spoken and len(s.words) >= 7]).words
        expected.append(("other", other[: len(words)]))
        found = list(utterances(in_condition(audio, condition, dice)))
        known = [(kind, phrase) for kind, phrase in expected if all(sounds.of(word) for word in phrase)]
        if len(found) == 1 and known and known[0][0] == "right":
            yield Recording("sentence", spoken.fold, spoken.name, found, known)


def cut_piece(
    spoken: Spoken, dice: random.Random, model: AcousticModel, sounds: Lexicon, *, between_pauses: bool = False
) -> tuple[tuple[str, ...], Samples] | None:
    """Four to seven words of a clip, and their audio; None where it is too short or has an unknown word.

    Args:
        spoken: The clip.
        dice: Chooses.
        model: Finds where the words are.
        sounds: How they sound.
        between_pauses: Whether it begins and ends at a pause, as a phrase does; None where there is no such piece.
    """
    if len(spoken.words) < 8 or not all(sounds.of(word) for word in spoken.words):
        return None
    graph = AlignmentGraph.of([sounds.of(word) for word in spoken.words])
    _, path = graph.best_path(model.scores(spoken.audio).sum(axis=0), model.bigram)
    owners = graph.words[path]
    count = dice.randint(4, 7)
    first = dice.randrange(len(spoken.words) - count)
    if between_pauses:
        ends = [np.flatnonzero(owners == index)[[0, -1]] for index in range(len(spoken.words))]
        before = [0, *(at for at in range(1, len(ends)) if ends[at][0] - ends[at - 1][1] > _PAUSE_FRAMES), len(ends)]
        pieces = [(one, other - one) for one in before for other in before if 4 <= other - one <= 7]
        if not pieces:
            return None
        first, count = dice.choice(pieces)
    begin = int(np.flatnonzero(owners == first)[0])
    end = int(np.flatnonzero(owners == first + count - 1)[-1]) + 1
    step = FRAME_S * SAMPLE_RATE_HZ
    edge = round(0.02 * SAMPLE_RATE_HZ)
    return spoken.words[first : first + count], spoken.audio[
        max(0, round(begin * step) - edge) : round(end * step) + edge
    ]


def _misses(
    words: tuple[str, ...], others: Sequence[tuple[str, ...]], dice: random.Random
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Something wrong: mostly one word."""
    at = dice.randrange(len(words))
    yield "replaced", (*words[:at], *dice.choice([w for w in others if w[0] != words[at]]), *words[at + 1 :])
    at = dice.randrange(len(words))
    yield "dropped", (*words[:at], *words[at + 1 :])
    at = dice.randrange(len(words) + 1)
    yield "added", (*words[:at], *dice.choice(others), *words[at:])
    yield "cut short", words[:-2] if dice.random() < 0.5 else words[2:]
    yield "continued", (*words, *dice.choice(others), *dice.choice(others))
    if places := [at for at in range(len(words) - 1) if words[at] != words[at + 1]]:
        at = dice.choice(places)
        yield "swapped", (*words[:at], words[at + 1], words[at], *words[at + 2 :])


class _Nearest:
    """Another word of the dictionary that sounds most alike, among those in common use."""

    def __init__(self, sounds: Lexicon) -> None:
        self._words = [(word, sounds.of(word)[0]) for word in sounds.common(8000)]
        self._sounds = sounds

    def of(self, word: str) -> str:
        """A word at the least edit distance above zero."""
        wanted = self._sounds.of(word)

        def distance(entry: tuple[str, tuple[str, ...]]) -> tuple[bool, int]:
            least = min(edit_distance(entry[1], phones) for phones in wanted)
            return least == 0, least

        near = [entry for entry in self._words if abs(len(entry[1]) - len(wanted[0])) <= 1 and entry[0] != word]
        return min(near, key=distance)[0]
