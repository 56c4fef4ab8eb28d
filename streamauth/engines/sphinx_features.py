"""Cepstra as the English PocketSphinx model was trained on them, in numpy.

Follows the front end of CMU PocketSphinx with the parameters of the model's ``feat.params``: 25.6 ms Hamming
windows every 10 ms, 25 unit-area mel filters from 130 to 6800 Hz, noise removal, orthonormal DCT, lifter 22,
mean normalization over the utterance, and the feature set ``1s_c_d_dd``.

Noise removal: G. Doblinger, "Computationally efficient speech enhancement by spectral minima tracking in
subbands" (1995), with the temporal masking of C. Kim's power-normalized cepstra.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

Array = NDArray[np.float32]
FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
CEPSTRA = 13

_WINDOW_SAMPLES = 410
_FFT = 512
_FILTERS = 25
_MAX_GAIN = 20.0
_SMOOTHED_FILTERS = 4
_ONE_THREAD_PRODUCTS = 4 * 65536


def _mel_filters() -> NDArray[np.float64]:
    """Triangular filters of unit area with edges on whole FFT bins, shape (bins, filters)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (130.0, 6800.0))
    mels = low + np.arange(_FILTERS + 2) * (high - low) / (_FILTERS + 1)
    bin_hz = SAMPLE_RATE_HZ / _FFT
    edges = np.floor(700 * (10 ** (mels / 2595) - 1) / bin_hz + 0.5) * bin_hz
    hz = np.arange(_FFT // 2 + 1)[:, None] * bin_hz
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    triangle = np.minimum((hz - left) / (middle - left), (right - hz) / (right - middle))
    return np.asarray(np.maximum(triangle, 0) * 2 / (right - left))


def _smoothing() -> NDArray[np.float64]:
    """Mean over the neighbouring filters, shape (filters, filters)."""
    near = np.abs(np.subtract.outer(np.arange(_FILTERS), np.arange(_FILTERS))) <= _SMOOTHED_FILTERS
    return np.asarray(near / near.sum(axis=0))


_MEL = _mel_filters()
_SMOOTH = _smoothing()
_HAMMING = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_WINDOW_SAMPLES) / (_WINDOW_SAMPLES - 1))
_DCT = np.cos(np.outer(np.arange(_FILTERS) + 0.5, np.arange(CEPSTRA)) * np.pi / _FILTERS) * np.sqrt(2 / _FILTERS)
_DCT[:, 0] = np.sqrt(1 / _FILTERS)
_LIFTER = 1 + 11 * np.sin(np.pi * np.arange(CEPSTRA) / 22)


def product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Matrix product of (rows, inner) and (inner, columns) that stays on the calling thread.

    OpenBLAS spreads all but small products over every core; for ours, waking the cores costs ten times the
    product itself and takes them from other streams.
    """
    rows = max(1, _ONE_THREAD_PRODUCTS // (right.shape[0] * right.shape[1]))
    return np.concatenate([left[start : start + rows] @ right for start in range(0, len(left), rows)])


def sphinx_features(samples: Samples) -> Array:
    """Features of one utterance, shape (frames, 3, 13): cepstra, their differences, and the differences of those.

    Args:
        samples: The utterance; at least one window of 410 samples.
    """
    audio = samples.astype(np.float64) * 32768
    audio[1:] -= 0.97 * audio[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(audio, _WINDOW_SAMPLES)[::FRAME_SAMPLES]
    power = np.abs(np.fft.rfft(windows * _HAMMING, _FFT)) ** 2
    spectrum = np.log(np.maximum(_without_noise(product(power, _MEL)), 1e-4))
    cepstra = product(spectrum, _DCT) * _LIFTER
    cepstra -= cepstra.mean(axis=0)
    padded = np.pad(cepstra, ((3, 3), (0, 0)), mode="edge")
    slope = padded[4:] - padded[:-4]
    return np.stack([cepstra, slope[1:-1], slope[2:] - slope[:-2]], axis=1).astype(np.float32)


def _without_noise(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mel power without the slowly changing noise under it, shape (frames, filters)."""
    smoothed = power[0]
    noise = floor = power[0] / _MAX_GAIN
    peak = np.zeros(_FILTERS)
    gains = np.empty_like(power)
    for index, frame in enumerate(power):
        smoothed = 0.7 * smoothed + 0.3 * frame
        noise = _lower_envelope(smoothed, noise)
        signal = np.maximum(smoothed - noise, 1.0)
        floor = _lower_envelope(signal, floor)
        peak = peak * 0.85
        masked = np.where(signal < 0.85 * peak, 0.2 * peak, signal)
        peak = np.maximum(peak, signal)
        gains[index] = np.maximum(masked, floor) / np.maximum(smoothed, 1e-9)
    return np.asarray(power * product(np.clip(gains, 1 / _MAX_GAIN, _MAX_GAIN), _SMOOTH))


def _lower_envelope(value: NDArray[np.float64], floor: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = np.where(value >= floor, 0.995, 0.5)
    return np.asarray(weight * floor + (1 - weight) * value)
