"""The embedding of voiced audio: as it arrives, or of all of it at once."""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.degradation import rms
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, Samples, SpeakerEncoder
from streamauth.core.settings import VoiceSettings

# Windows shorter than the full one come in steps of this length, so that the runtime sees few input shapes.
_LENGTH_STEP = SAMPLE_RATE_HZ // 10
_QUIETEST = 1e-6
_LOUDEST = 2.0
"""Times the middle window's level that one weighs at most."""
_UNEVEN = 4.0
"""How many times as loud as its end a window must be to be ruled by something else than the voice, 12 dB."""
_WHOLE_HOP = 8 * SAMPLE_RATE_HZ // 10
"""Step between two windows of finished speech: with a quarter of it voiceprints are no better."""


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """A vector, shape (dim,), or each of several, shape (n, dim), scaled to unit length; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """The voice of a stretch of speech.

    Attributes:
        embedding: Mean of the window embeddings, unit length, shape (dim,).
        speech_s: Net speech behind it, in seconds.
    """

    embedding: Embedding
    speech_s: float


def voice_of(speech: Samples, encoder: SpeakerEncoder) -> VoiceSample | None:
    """The voice of finished speech: its windows, weighted by level, embedded together, which is faster.

    Args:
        speech: Voiced audio, shape (samples,).
        encoder: The shared encoder.

    Returns:
        None if it is too short for the encoder.

    Raises:
        EngineError: The encoder failed.
    """
    if speech.size < encoder.min_samples:
        return None
    size = min(speech.size, encoder.window_samples)
    if size < encoder.window_samples:
        size -= size % _LENGTH_STEP
        starts = [speech.size - size]
    else:
        starts = list(range(0, speech.size - size + 1, _WHOLE_HOP))
        if speech.size - size - starts[-1] >= _WHOLE_HOP // 2:
            starts.append(speech.size - size)
    windows = np.stack([speech[start : start + size] for start in starts])
    levels = np.array([[_level(window)] for window in windows], np.float32)
    return VoiceSample(unit((levels * encoder.embed(windows)).sum(axis=0)), speech.size / SAMPLE_RATE_HZ)


def _level(window: Samples) -> float:
    """What a window weighs: noise hides quiet ones more than loud ones."""
    return max(_QUIETEST, rms(window))


@dataclass(frozen=True, slots=True)
class _Window:
    embedding: Embedding
    end: int
    share: float  # of the full length
    level: float
    end_level: float  # of its last hop


class RollingVoice:
    """Embeds windows of voiced audio as they fill and averages them by length and level.

    No window weighs more than ``_LOUDEST`` times the middle one: a sneeze is ten times as loud as speech.

    Until one full window has been heard, the only window is all that was heard, embedded anew at each hop; it is
    replaced by the next longer one. From then on full windows follow each other by the hop.

    Args:
        encoder: The shared encoder.
        settings: Hop and first score.
        memory_s: Only windows that ended within this much of the latest voiced audio count.
    """

    def __init__(self, encoder: SpeakerEncoder, settings: VoiceSettings, memory_s: float = inf) -> None:
        self._encoder = encoder
        self._hop = settings.hop_ms * SAMPLE_RATE_HZ // 1000
        self._next = max(encoder.min_samples, settings.first_score_ms * SAMPLE_RATE_HZ // 1000)
        self._memory = memory_s * SAMPLE_RATE_HZ
        self._recent: Samples = np.zeros(0, np.float32)
        self._heard = 0
        self._windows: list[_Window] = []

    @property
    def speech_s(self) -> float:
        """Net speech so far, in seconds."""
        return self._heard / SAMPLE_RATE_HZ

    @property
    def is_uneven(self) -> bool:
        """Whether the newest window is ruled by what is far louder than its end, as by a sneeze before speech."""
        return bool(self._windows) and self._windows[-1].level > _UNEVEN * self._windows[-1].end_level

    def accept(self, voiced: Samples) -> bool:
        """Take voiced audio, shape (n,) with n at most the hop; tell whether a new window was embedded."""
        self._heard += voiced.size
        self._recent = np.concatenate((self._recent, voiced))[-self._encoder.window_samples - self._hop :]
        if self._heard < self._next:
            return False
        overshoot = self._heard - self._next
        self._embed(self._recent[: self._recent.size - overshoot], self._next)
        self._next += self._hop
        return True

    def flush(self) -> bool:
        """Embed what came since the last window, if that is worth it; tell whether anything was embedded."""
        if self._heard < self._encoder.min_samples:
            return False
        last = self._windows[-1].end if self._windows else 0
        # a tail of less than half a hop lies almost wholly in the last window
        if last and self._heard - last < self._hop // 2:
            return False
        self._embed(self._recent, self._heard)
        return True

    def sample(self) -> VoiceSample | None:
        """The voice so far, None before the first window."""
        if not self._windows:
            return None
        levels = np.array([window.level for window in self._windows], np.float32)
        weights = np.minimum(levels, _LOUDEST * np.median(levels)) * [window.share for window in self._windows]
        total = weights.astype(np.float32) @ np.stack([window.embedding for window in self._windows])
        return VoiceSample(unit(total), min(self._heard, self._memory) / SAMPLE_RATE_HZ)

    def newest(self) -> VoiceSample | None:
        """The latest window alone, None before the first."""
        windows = self.windows()
        return windows[-1] if windows else None

    def windows(self) -> tuple[VoiceSample, ...]:
        """The windows that are kept, one by one."""
        full_s = self._encoder.window_samples / SAMPLE_RATE_HZ
        return tuple(VoiceSample(window.embedding, window.share * full_s) for window in self._windows)

    def _embed(self, audio: Samples, end: int) -> None:
        size = min(audio.size, self._encoder.window_samples)
        if size < self._encoder.window_samples:
            size -= size % _LENGTH_STEP
        window = audio[audio.size - size :]
        embedding = self._encoder.embed(window[None])[0]
        share = size / self._encoder.window_samples
        if share < 1.0 or (self._windows and self._windows[-1].share < 1.0):
            self._windows.clear()
        self._windows.append(_Window(embedding, end, share, _level(window), _level(window[-self._hop :])))
        oldest = self._heard - self._memory
        self._windows = [w for w in self._windows if w.end - self._encoder.window_samples >= oldest] or [
            self._windows[-1]
        ]
