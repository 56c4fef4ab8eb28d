"""The rooms, noises, lines and levels that speech is put into before the acoustic model learns from it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, lfilter, resample_poly

from scripts.train.vosk.tempo import at_tempo

SAMPLE_RATE_HZ = 16_000
Audio = NDArray[np.float32]
_SPEEDS = ((1, 1), (20, 17), (10, 9), (20, 19), (20, 21), (10, 11), (20, 23), (5, 6))


def augmented(speech: Audio, others: Sequence[Audio], noise: np.random.Generator, *, strong: float = 1.0) -> Audio:
    """Speech at another speed, in a room, over a line, among noises, at another level, between pauses.

    Args:
        speech: At 16 kHz.
        others: Speech for babble.
        noise: Source of chance.
        strong: Scales how often each is done.
    """

    def chance(probability: float) -> bool:
        return bool(noise.random() < probability * strong)

    audio = np.asarray(speech, np.float64)
    if chance(0.5):
        audio = at_tempo(audio, float(np.exp(noise.uniform(np.log(0.7), np.log(1.9)))))
    if chance(0.8):
        audio = resample_poly(audio, *_SPEEDS[noise.integers(len(_SPEEDS))])
    before, after = noise.integers(1600, 9600, size=2)
    audio = np.pad(audio, (before, after))
    speech_level = np.sqrt(np.mean(audio[before : len(audio) - after] ** 2)) + 1e-6
    if chance(0.45):
        audio = _in_room(audio, noise)
    if chance(0.3):
        tilt = noise.uniform(-0.6, 0.6)
        audio = lfilter([1, tilt], [1], audio)
    snr_db = noise.uniform(0, 30) if chance(0.7) else noise.uniform(30, 60)
    audio = audio + _noise(len(audio), others, noise) * speech_level * 10 ** (-snr_db / 20)
    if chance(0.25):
        audio = _over_line(audio, noise)
    level = 10 ** (noise.uniform(-42, -12) / 20)
    audio = audio * level / speech_level
    if chance(0.06):
        audio = audio * 10 ** (noise.uniform(6, 15) / 20)  # into clipping
    return np.asarray(np.clip(audio, -1, 1), np.float32)


def _in_room(audio: NDArray[np.float64], noise: np.random.Generator) -> NDArray[np.float64]:
    # exponentially decaying noise after a direct path: enough of a room for features of 25 ms
    length = int(SAMPLE_RATE_HZ * noise.uniform(0.12, 0.7))
    tail = noise.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= noise.uniform(0.3, 1.4) / np.sqrt(np.sum(tail**2))
    tail[: int(noise.uniform(10, 60))] = 0
    tail[0] = 1
    return np.asarray(fftconvolve(audio, tail)[: len(audio)])


def _noise(length: int, others: Sequence[Audio], noise: np.random.Generator) -> NDArray[np.float64]:
    """Noise of some kind with a mean square of 1."""
    kind = noise.random()
    if kind < 0.4:
        spectrum = np.fft.rfft(noise.standard_normal(length))
        spectrum[1:] /= np.arange(1, len(spectrum)) ** (noise.choice((0.0, 0.5, 1.0)))
        made = np.fft.irfft(spectrum, length)
    elif kind < 0.9:
        made = np.zeros(length)
        for _ in range(noise.integers(1, 9)):
            other = np.resize(others[int(noise.integers(len(others)))], length).astype(np.float64)
            made += np.roll(other, noise.integers(length)) / (other.std() + 1e-6) * noise.uniform(0.3, 1)
    else:
        times = np.arange(length) / SAMPLE_RATE_HZ
        made = noise.standard_normal(length) * 0.1
        for _ in range(noise.integers(1, 6)):
            made += np.sin(2 * np.pi * noise.choice((50, 60, 100, 440, *noise.uniform(80, 4000, 3))) * times)
    if noise.random() < 0.3:
        made = made * np.interp(np.arange(length), np.arange(0, length + 3200, 3200), _steps(length, noise))
    return np.asarray(made / (np.sqrt(np.mean(made**2)) + 1e-9))


def _steps(length: int, noise: np.random.Generator) -> NDArray[np.float64]:
    return noise.uniform(0.1, 1.5, len(np.arange(0, length + 3200, 3200)))


def _over_line(audio: NDArray[np.float64], noise: np.random.Generator) -> NDArray[np.float64]:
    """8 kHz, sometimes the telephone band and its logarithmic quantization."""
    narrow = resample_poly(resample_poly(audio, 1, 2), 2, 1)[: len(audio)]
    if noise.random() < 0.5:
        spectrum = np.fft.rfft(narrow)
        hertz = np.fft.rfftfreq(len(narrow), 1 / SAMPLE_RATE_HZ)
        spectrum *= (hertz > noise.uniform(150, 350)) * (hertz < noise.uniform(3100, 3700))
        narrow = np.fft.irfft(spectrum, len(narrow))
    if noise.random() < 0.5:
        peak = np.abs(narrow).max() + 1e-9
        mu = np.sign(narrow) * np.log1p(255 * np.abs(narrow / peak)) / np.log(256)
        mu = np.round(mu * 127) / 127
        narrow = np.sign(mu) * (np.exp(np.abs(mu) * np.log(256)) - 1) / 255 * peak
    return np.asarray(narrow)
