"""What noise and lines do to speech; rooms are in ``core/audio/rooms.py``.

Enrollment augments speech with it, and evaluation the conditions that it measures under. All take and
give float32 audio at 16 kHz and keep its length; all chance comes from the generator that they are given.
"""

from __future__ import annotations  # numpy.random is imported when something is drawn, not when its name stands here

import numpy as np
import soxr
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

LINE_HZ = 8000
# nominal active level of speech on a telephone line, ITU-T P.56
_LINE_RMS = 10 ** (-26 / 20)
_MU = 255.0


def with_noise(speech: Samples, noise: NDArray[np.floating], snr_db: float) -> Samples:
    """Speech and noise of the same length, the noise brought to a ratio over the whole clip; silence stays silent."""
    power = float(np.mean(np.square(noise, dtype=np.float64)))
    if power == 0:
        return speech
    gain = np.sqrt(np.mean(np.square(speech, dtype=np.float64)) / (power * 10 ** (snr_db / 10)))
    return np.asarray(speech + gain * noise, np.float32)


def coloured_noise(samples: int, slope: float, rng: np.random.Generator) -> Samples:
    """Gaussian noise whose power falls as frequency to the power of ``slope``: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    # flat below 20 Hz, which nobody hears and where a slope would put all the power
    hertz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 20.0)
    return np.asarray(np.fft.irfft(spectrum * hertz ** (-slope / 2), samples), np.float32)


def band_limited(speech: Samples, low_hz: float, high_hz: float) -> Samples:
    """Only what lies between two frequencies, with slopes of 100 Hz."""
    hertz = np.fft.rfftfreq(speech.size, 1 / SAMPLE_RATE_HZ)
    passed = np.clip((hertz - low_hz) / 100 + 0.5, 0, 1) * np.clip((high_hz - hertz) / 100 + 0.5, 0, 1)
    return np.asarray(np.fft.irfft(np.fft.rfft(speech) * passed, speech.size), np.float32)


def mu_law(speech: Samples) -> Samples:
    """Eight bits a sample by the continuous mu-law that ITU-T G.711 approximates, at the level of a line."""
    scale = _LINE_RMS / (rms(speech) + 1e-9)
    line = np.clip(speech * scale, -1, 1)
    steps = np.round(127 * np.sign(line) * np.log1p(_MU * np.abs(line)) / np.log1p(_MU)) / 127
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(_MU)) / _MU / scale, np.float32)


def telephone(speech: Samples) -> Samples:
    """A telephone line: 300 to 3400 Hz, 8 kHz, mu-law."""
    narrow = soxr.resample(band_limited(speech, 300, 3400), SAMPLE_RATE_HZ, LINE_HZ)
    wide = soxr.resample(mu_law(np.asarray(narrow, np.float32)), LINE_HZ, SAMPLE_RATE_HZ)
    return as_long(wide, speech.size)


def as_long(audio: Samples, samples: int) -> Samples:
    """Audio of exactly so many samples: cut, or silence behind it."""
    return np.asarray(np.pad(audio, (0, max(0, samples - audio.size)))[:samples], np.float32)


def rms(speech: Samples) -> float:
    """Root mean square of speech, shape (samples,)."""
    return float(np.sqrt(np.mean(np.square(speech, dtype=np.float64))))
