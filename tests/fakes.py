"""Engines that need no model, for tests of everything above them.

Their "speech" is made by ``say``: each word is a tone whose frequency names the word, and each speaker adds a
pilot tone above 3 kHz whose frequency names the speaker. All results are functions of the samples alone.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamauth.core.phrase.words import DIGITS
from streamauth.core.ports import (
    NOTHING_USUAL,
    SAMPLE_RATE_HZ,
    Embedding,
    PhraseStream,
    Samples,
    Transcript,
    Usual,
    Word,
    WordFacts,
)
from streamauth.core.sessions.base import Models
from streamauth.core.voice.calibration import Calibration

PROPOSED = {"kelvandro": ["K EH L", "K AH L"]}
"""What no dictionary has."""
_COMMON = ("open", "the", "front", "door", "please", "close", "window", "my", "voice", "is", "key", "um")
WORDS = (*_COMMON, *DIGITS, *PROPOSED)
_WORD_HZ = {word: 320.0 + 100.0 * index for index, word in enumerate(WORDS)}
_WORD_S = 0.36
_GAP_S = 0.06


def say(words: str, speaker: int, *, level: float = 0.2, word_s: float = _WORD_S) -> Samples:
    """Speech of a speaker (0 to 9), shape (n,), float32 at 16 kHz."""
    pieces = []
    for word in words.split():
        t = np.arange(round(word_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        tone = np.sin(2 * np.pi * _WORD_HZ[word] * t) + np.sin(2 * np.pi * (3000 + 400 * speaker) * t)
        pieces += [level * tone / 2, np.zeros(round(_GAP_S * SAMPLE_RATE_HZ))]
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)


def pause(seconds: float) -> Samples:
    """Faint noise, the same each time, shape (n,)."""
    rng = np.random.default_rng(7)
    return (1e-4 * rng.standard_normal(round(seconds * SAMPLE_RATE_HZ))).astype(np.float32)


def pcm(*pieces: Samples) -> bytes:
    """The pieces as 16-bit PCM."""
    joined = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return (np.clip(joined, -1, 1) * 32767).astype("<i2").tobytes()


class FakeDetector:
    """Speech is whatever is louder than -50 dBFS."""

    id = "fake-detector"
    frame_samples = 480

    def stream(self) -> "FakeDetector":
        return self

    def probability(self, frame: Samples) -> float:
        return float(np.dot(frame, frame) / frame.size > 1e-5)

    def voicing(self) -> float:
        return 1.0


class FakeEncoder:
    """The spectrum above 2.8 kHz, where the pilot tone is."""

    id = "fake-encoder"
    dim = 64
    window_samples = 25_600
    min_samples = 12_800

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls += 1
        return _bands(windows.tobytes(), windows.shape[1], self.dim).copy()


@lru_cache(1024)
def _bands(windows: bytes, size: int, dim: int) -> NDArray[np.float32]:
    """An embedding of each window: tests say the same words again and again."""
    spectrum = np.abs(np.fft.rfft(np.frombuffer(windows, np.float32).reshape(-1, size), axis=1))
    edges = np.searchsorted(np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ), np.linspace(2800, 7200, dim + 1))
    bands = [spectrum[:, low:high].sum(axis=1) for low, high in pairwise(edges)]
    features: NDArray[np.float32] = (np.stack(bands, axis=1) + 1e-6).astype(np.float32)
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True), np.float32)


class BrokenEncoder(FakeEncoder):
    """Raises at its nth call."""

    def __init__(self, at_call: int = 1) -> None:
        super().__init__()
        self._at_call = at_call

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.calls + 1 >= self._at_call:
            raise RuntimeError("marker-secret inside the runtime")
        return super().embed(windows)


_TAPER = np.hanning(480)
_HZ = np.fft.rfftfreq(4096, 1 / SAMPLE_RATE_HZ)
_LOW = slice(*np.searchsorted(_HZ, (250.0, 2700.0)))


@lru_cache(16_384)
def _tone(samples: bytes) -> str | None:
    """The word of a block."""
    block = np.frombuffer(samples, np.float32)
    if np.dot(block, block) / block.size < 1e-5:
        return None
    peak = float(_HZ[_LOW][np.argmax(np.abs(np.fft.rfft(block * _TAPER, 4096))[_LOW])])
    return min(WORDS, key=lambda word: abs(_WORD_HZ[word] - peak))


class FakePhraseStream:
    """Reads one word per tone; a word is heard once its tone has lasted 0.12 s."""

    _BLOCK = 480

    def __init__(self) -> None:
        self.closed = False
        self._reset()

    def _reset(self) -> None:
        self._rest: Samples = np.zeros(0, np.float32)
        self._run: tuple[str | None, int] = (None, 0)
        self._words: list[Word] = []
        self._at = 0

    def accept(self, samples: Samples) -> str:
        assert not self.closed
        self._rest = np.concatenate((self._rest, samples))
        while self._rest.size >= self._BLOCK:
            block, self._rest = self._rest[: self._BLOCK], self._rest[self._BLOCK :]
            self._at += self._BLOCK
            word = _tone(block.tobytes())
            self._run = (word, self._run[1] + 1) if word == self._run[0] else (word, 1)
            if word is not None and self._run[1] == 4:
                at_s = self._at / SAMPLE_RATE_HZ
                self._words.append(Word(word, at_s - 0.12, at_s, 1.0))
        return " ".join(word.text for word in self._words)

    def partial(self) -> Transcript:
        return Transcript(tuple(self._words))

    def finish(self) -> Transcript:
        transcript = self.partial()
        self._reset()
        return transcript

    def close(self) -> None:
        self.closed = True


class FakeRecognizer:
    """Knows the words of ``WORDS``."""

    id = "fake-recognizer"

    def __init__(self) -> None:
        self.streams: list[FakePhraseStream] = []

    def facts(self, word: str) -> WordFacts | None:
        if word not in WORDS:
            return None
        sounds = PROPOSED.get(word, ["AA B K D"])
        return WordFacts(tuple(tuple(each.split()) for each in sounds), 10.0, word in PROPOSED)

    def unknown_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word for word in words if word not in WORDS)

    def likelihoods(self, samples: Samples, phrases: Sequence[tuple[str, ...]]) -> tuple[float, ...] | None:
        return None

    def stream(
        self,
        expected: tuple[str, ...] | None,
        usual: Usual = NOTHING_USUAL,
        *,
        least_llr: float = 0.0,
    ) -> PhraseStream:
        self.streams.append(FakePhraseStream())
        return self.streams[-1]


FAKE_CALIBRATION = Calibration(
    encoder_id="fake-encoder",
    scale=(40.0, *(0.0,) * 6),
    offset=(-28.0, *(0.0,) * 6),
    ranges=((-0.2, 3.0), (-1.0, 6.0), (-6.0, 0.0)),
    thresholds=((0.1, -2.0), (0.01, 0.0)),
    rolling=((0.1, 1.0), (0.01, 3.0)),
    reject_llr=-6.0,
    change_llr=8.0,
)


def fake_models(encoder: FakeEncoder | None = None, recognizer: FakeRecognizer | None = None) -> Models:
    """All fakes together."""
    return Models(FakeDetector(), encoder or FakeEncoder(), FAKE_CALIBRATION, recognizer or FakeRecognizer())


def voiceprint(speaker: int) -> Embedding:
    """What the fake encoder makes of a speaker."""
    return np.asarray(FakeEncoder().embed(say("open the front door please", speaker)[None, :25_600])[0])


_MANY, _LARGE = 1000, 4801


def cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The bytes in chunks of these sizes, over and over; after many of them, every other chunk is a large one."""
    chunks, at, turn = [], 0, 0
    while at < len(data):
        size = _LARGE if turn >= _MANY and turn % 2 else max(1, sizes[turn % len(sizes)])
        chunks.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return chunks
