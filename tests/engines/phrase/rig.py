"""What the tests of phrases say, and what is heard."""

from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from streamauth.core.phrase.words import WordMatch, compare
from streamauth.core.ports import SAMPLE_RATE_HZ, PhraseRecognizer, PhraseStream, Samples, Transcript
from streamauth.demo_data import demo_utterances

VOSK_MODEL = Path(__file__).parents[2] / "data" / "vosk-tiny"
DOOR = ("please", "open", "the", "door", "and", "let", "me", "come", "in")
NAMED = ("my", "friend", "kelvandro", "opens", "the", "door")
PASSPORT = ("my", "voice", "is", "my", "passport", "verify", "me")


@cache
def _read(path: Path) -> Samples:
    samples, _ = soundfile.read(path, dtype="float32")
    return np.asarray(samples, np.float32)


@cache
def _path(voice: str, name: str) -> Path:
    return demo_utterances()[voice, name].path


def speech(voice: str, name: str) -> Samples:
    return _read(_path(voice, name)).copy()


def speech_of(name: str) -> Samples:
    return _read(VOSK_MODEL.parent / "names" / f"{name}.ogg").copy()


def silence(seconds: float) -> Samples:
    return np.random.default_rng(1).normal(0, 5e-4, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def hear(stream: PhraseStream, samples: Samples, cut_samples: int = 480) -> Transcript:
    for start in range(0, len(samples), cut_samples):
        stream.accept(samples[start : start + cut_samples])
    return stream.finish()


def heard_by(recognizer: PhraseRecognizer, samples: Samples, expected: tuple[str, ...] | None = DOOR) -> Transcript:
    stream = recognizer.stream(expected)
    try:
        return hear(stream, samples)
    finally:
        stream.close()


def judged(recognizer: PhraseRecognizer, samples: Samples, expected: tuple[str, ...] = DOOR) -> WordMatch:
    return compare(expected, tuple(heard_by(recognizer, samples, expected).text.split()))
