"""Kaldi log mel filter banks, as WeSpeaker's and 3D-Speaker's encoders were trained on.

Data path: rolling windows -> **features** -> OnnxEncoder. Both projects compute them by torchaudio's Kaldi module;
kaldi-native-fbank gives the same values. Everything not set here is Kaldi's default: frames of 25 ms every 10 ms,
FFT of 512, pre-emphasis 0.97, removed DC offset, power spectrum, 80 triangles on Kaldi's mel scale from 20 Hz.

The mean of each band over the window is subtracted, so windows that overlap have no frame in common.
"""

from dataclasses import dataclass

import kaldi_native_fbank
import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ

BANDS = 80


@dataclass(frozen=True)
class KaldiRecipe:
    """One way to compute them.

    Attributes:
        window: Window function of a frame.
        scale: Factor on samples in [-1, 1].
    """

    window: str
    scale: float

    def features(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Filter banks of windows without their mean.

        Args:
            windows: Shape (batch, samples), float32 at 16 kHz, at least 25 ms long.

        Returns:
            Shape (batch, 1 + (samples - 400) // 160, 80), float32.
        """
        options = kaldi_native_fbank.FbankOptions()
        options.frame_opts.samp_freq = SAMPLE_RATE_HZ
        options.frame_opts.window_type = self.window
        options.frame_opts.dither = 0
        options.frame_opts.snip_edges = True
        options.mel_opts.num_bins = BANDS
        options.mel_opts.low_freq = 20
        options.mel_opts.high_freq = SAMPLE_RATE_HZ / 2
        options.use_energy = False
        banks = np.stack([_bank(options, window * np.float32(self.scale)) for window in windows])
        # in double precision, as the sum over a window would lose digits
        centred: NDArray[np.float32] = (banks - banks.mean(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)
        return centred


WESPEAKER = KaldiRecipe("hamming", 32768.0)
"""As WeSpeaker trains and infers: 16-bit sample range, Hamming window."""

THREE_D_SPEAKER = KaldiRecipe("povey", 1.0)
"""As 3D-Speaker trains and infers: samples in [-1, 1], Povey window."""


def _bank(options: "kaldi_native_fbank.FbankOptions", samples: NDArray[np.float32]) -> NDArray[np.float32]:
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(SAMPLE_RATE_HZ, samples)
    bank.input_finished()
    frames = [bank.get_frame(index) for index in range(bank.num_frames_ready)]
    return np.array(frames, np.float32)
