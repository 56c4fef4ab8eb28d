"""Log mel spectra as NeMo's speaker encoders (TitaNet, SpeakerNet) were trained on.

Data path: rolling windows -> **features** -> OnnxEncoder. After ``FilterbankFeatures`` of NVIDIA NeMo: pre-emphasis
0.97, centred frames of a symmetric window inside an FFT of 512 with reflected edges, power spectrum, Slaney's bands
from 0 to 8000 Hz, ln(x + 2^-24), and each band brought to mean 0 and (unbiased) deviation 1 over the window. Dither is
for training only. What differs between its models stands in the metadata of the ONNX file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.encoder.ge2e import slaney_filters

FFT_SAMPLES = 512
_PRE_EMPHASIS = 0.97
_LOG_GUARD = 2.0**-24
_DEVIATION_GUARD = 1e-5
_WINDOWS = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "bartlett": np.bartlett}


@dataclass(frozen=True)
class NemoRecipe:
    """What a model's metadata say of its features.

    Attributes:
        bands: Mel bands, ``feat_dim``.
        frame_ms: Length of a frame, ``window_size_ms``.
        hop_ms: Step between frames, ``window_stride_ms``.
        window: Window function of a frame, ``window_type``.
    """

    bands: int = 80
    frame_ms: float = 25.0
    hop_ms: float = 10.0
    window: str = "hann"

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> "NemoRecipe":
        """The recipe of a model; TitaNet's where its metadata are silent.

        Raises:
            ValueError: They ask for features that are not known here.
        """
        recipe = cls(
            int(metadata.get("feat_dim", cls.bands)),
            float(metadata.get("window_size_ms", cls.frame_ms)),
            float(metadata.get("window_stride_ms", cls.hop_ms)),
            metadata.get("window_type", cls.window),
        )
        if metadata.get("feature_normalize_type", "per_feature") != "per_feature" or recipe.window not in _WINDOWS:
            raise ValueError("unknown features")
        longest_ms = 1000 * FFT_SAMPLES / SAMPLE_RATE_HZ
        if not (0 < recipe.bands <= 256 and 1 <= recipe.hop_ms <= recipe.frame_ms <= longest_ms):
            raise ValueError("impossible features")
        return recipe

    def features(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalized log mel spectra.

        Args:
            windows: Shape (batch, samples), float32 at 16 kHz.

        Returns:
            Shape (batch, 1 + samples // hop, bands), float32.
        """
        audio = windows.astype(np.float64)
        audio = np.concatenate((audio[:, :1], audio[:, 1:] - _PRE_EMPHASIS * audio[:, :-1]), axis=1)
        padded = np.pad(audio, ((0, 0), (FFT_SAMPLES // 2, FFT_SAMPLES // 2)), mode="reflect")
        hop = round(self.hop_ms * SAMPLE_RATE_HZ / 1000)
        frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES, axis=1)[:, ::hop]
        spectra = np.fft.rfft(frames * _window(self.window, round(self.frame_ms * SAMPLE_RATE_HZ / 1000)))
        power = np.square(spectra.real) + np.square(spectra.imag)
        logs = np.log(power @ slaney_filters(self.bands, FFT_SAMPLES).T + _LOG_GUARD)
        deviation = logs.std(axis=1, ddof=1, keepdims=True) + _DEVIATION_GUARD
        normal: NDArray[np.float32] = ((logs - logs.mean(axis=1, keepdims=True)) / deviation).astype(np.float32)
        return normal


@lru_cache(maxsize=8)
def _window(kind: str, samples: int) -> NDArray[np.float64]:
    """A symmetric window in the middle of an FFT, shape (FFT_SAMPLES,)."""
    before = (FFT_SAMPLES - samples) // 2
    window = np.pad(_WINDOWS[kind](samples), (before, FFT_SAMPLES - samples - before))
    window.flags.writeable = False  # shared by all callers
    return window
