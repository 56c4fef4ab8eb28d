"""Recordings of people with their words, which the acoustic model is trained on.

Every recording belongs to fold 0 or 1: each of the two measuring models is trained without one of them. LibriSpeech
and digits are parted by speaker, keywords by word, so that a fold's speakers and words are new to its model.
"""

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.measure.trials import AUDIO, LIBRISPEECH, load
from streamauth.core.phrase.words import DIGITS

TRANSCRIPTS = Path(__file__).with_name("librispeech-251.tsv")
DIGIT_FOLDS = {"george": 0, "jackson": 1, "nicolas": 1}
KEYWORD_FOLDS = {"computer": 0, "jarvis": 1, "alexa": 0}
SAMPLE_RATE_HZ = 16_000

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """One utterance.

    Attributes:
        name: Unique.
        source: Kind of speech: libri, keyword, digits, flite, espeak, festival.
        fold: 0 or 1; None for synthetic speech, which every model may hear.
        words: What is said.
        audio: Shape (samples,), float32 at 16 kHz.
        ends: For flite's voices each phone (None: silence) with its end in seconds, else empty.
    """

    name: str
    source: str
    fold: int | None
    words: tuple[str, ...]
    audio: Audio
    ends: tuple[tuple[str | None, float], ...] = ()


def fold_of(speaker: str) -> int:
    """Fold of a LibriSpeech speaker."""
    return zlib.crc32(speaker.encode()) % 2


def transcripts() -> dict[str, tuple[str, ...]]:
    """Words of the LibriSpeech clips by file name, those that were only guessed with a star before them.

    Clips that could not be made out are missing.
    """
    lines = (line.split("\t") for line in TRANSCRIPTS.read_text("utf-8").splitlines())
    return {name: tuple(text.split()) for name, text in lines if text}


def is_guessed(word: str) -> bool:
    """Whether a word of a transcript was only guessed."""
    return word.startswith("*")


def librispeech(*, guessed: bool = False) -> Iterator[Spoken]:
    """The clips whose words are known, or also those of which some are guessed."""
    for name, words in transcripts().items():
        if guessed or not any(map(is_guessed, words)):
            yield Spoken(name, "libri", fold_of(name.split("-")[0]), words, load(LIBRISPEECH / name))


def keywords() -> Iterator[Spoken]:
    """Single words by many people."""
    for word, fold in KEYWORD_FOLDS.items():
        for path in sorted((AUDIO / "keywords" / word).iterdir()):
            yield Spoken(f"{word}-{path.stem}", "keyword", fold, (word,), load(path))


def digits(
    count: int, seed: int, speakers: Sequence[str] = tuple(DIGIT_FOLDS), *, least: int = 1, most: int = 7
) -> Iterator[Spoken]:
    """Digits of one person joined to utterances of ``least`` to ``most``, with pauses between some of them."""
    dice = random.Random(seed)
    for number in range(count):
        speaker = speakers[number % len(speakers)]
        said = [dice.randrange(10) for _ in range(dice.randint(least, most))]
        parts = []
        for digit in said:
            clip = load(AUDIO / "digits" / speaker / f"{digit}_{speaker}_{dice.randrange(50)}.wav")
            parts.append(clip / max(1e-3, float(np.abs(clip).max())) * dice.uniform(0.3, 0.6))
            parts.append(np.zeros(dice.choice((0, 400, 1600, 4000)), np.float32))
        words = tuple(DIGITS[digit] for digit in said)
        yield Spoken(f"digits-{number}", "digits", DIGIT_FOLDS[speaker], words, np.concatenate(parts))
