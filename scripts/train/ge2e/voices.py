"""Artificial voices, made from recordings by a vocoder: further training speech for a student of an encoder.

A recording is taken apart into pitch, spectral envelope and breath (M. Morise et al., "WORLD: a vocoder-based
high-quality speech synthesis system", IEICE 2016) and put together with another pitch, a vocal tract of another length
and the long-term spectrum of somebody else.
"""

from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

LOWEST_HZ, HIGHEST_HZ = 70.0, 400.0
"""Of the mean pitch of a made voice."""
_CEPSTRA = 24
_FLOOR = 1e-12


@dataclass(frozen=True)
class Parts:
    """A recording taken apart.

    Attributes:
        pitch_hz: Shape (frames,), a frame every 5 ms, 0 where there is none.
        envelope: Logarithm of the spectral envelope, shape (frames, bins).
        breath: Aperiodicity, shape (frames, bins).
        timbre: Smooth mean of the envelope over voiced frames, shape (bins,).
    """

    pitch_hz: NDArray[np.float64]
    envelope: NDArray[np.float64]
    breath: NDArray[np.float64]
    timbre: NDArray[np.float64]


def taken_apart(clip: Samples) -> Parts:
    """Pitch, envelope and breath of a recording with voiced speech in it."""
    audio = clip.astype(np.float64)
    rough, times = pyworld.dio(audio, SAMPLE_RATE_HZ)
    pitch = pyworld.stonemask(audio, rough, times, SAMPLE_RATE_HZ)
    envelope = np.log(pyworld.cheaptrick(audio, pitch, times, SAMPLE_RATE_HZ) + _FLOOR)
    breath = pyworld.d4c(audio, pitch, times, SAMPLE_RATE_HZ)
    return Parts(pitch, envelope, breath, _smooth(envelope[pitch > 0].mean(axis=0)))


def another_voice(parts: Parts, timbre: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    """What was said, in a voice that nobody has.

    Args:
        parts: The recording.
        timbre: Of somebody else (``Parts.timbre``); the made voice has some of it.
        rng: Source of chance.

    Returns:
        Shape (samples,), float32 at 16 kHz.
    """
    voiced = parts.pitch_hz > 0
    logs = np.log(parts.pitch_hz[voiced])
    centre = np.clip(logs.mean() + rng.uniform(np.log(0.62), np.log(1.6)), np.log(LOWEST_HZ), np.log(HIGHEST_HZ))
    pitch = np.zeros_like(parts.pitch_hz)
    pitch[voiced] = np.exp(centre + (logs - logs.mean()) * rng.uniform(0.5, 1.5))
    bins = np.arange(parts.envelope.shape[1])
    bend = rng.uniform(-0.06, 0.06) * np.sin(np.pi * bins / bins[-1]) * bins[-1]
    source = np.clip(bins * np.exp(rng.uniform(np.log(0.83), np.log(1.2))) + bend, 0, bins[-1])
    low = np.minimum(source.astype(int), bins[-1] - 1)
    share = source - low
    change = rng.uniform(0, 1) * (timbre - parts.timbre)
    envelope = parts.envelope + change
    envelope = envelope[:, low] * (1 - share) + envelope[:, low + 1] * share
    breath = parts.breath[:, low] * (1 - share) + parts.breath[:, low + 1] * share
    breath = np.clip(breath ** np.exp(rng.uniform(-0.7, 0.7)), 0, 1)
    spectrum = np.ascontiguousarray(np.exp(envelope))
    made = pyworld.synthesize(pitch, spectrum, np.ascontiguousarray(breath), SAMPLE_RATE_HZ)
    return np.asarray(made, np.float32)


def _smooth(envelope: NDArray[np.float64]) -> NDArray[np.float64]:
    cepstra = np.fft.irfft(envelope)
    cepstra[_CEPSTRA:-_CEPSTRA] = 0
    return np.asarray(np.fft.rfft(cepstra).real)
