"""Log mel spectra as Whisper was trained on.

Data path: utterance -> **features** -> WhisperModel. After ``log_mel_spectrogram`` of OpenAI's Whisper: centred Hann
frames of 400 samples each 160, power, Slaney's 80 bands from 0 to 8000 Hz, common logarithm, at least the loudest
value less 8, then (x + 4) / 4.
"""

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Samples
from streamauth.engines.encoder.ge2e import slaney_filters

BANDS = 80
FRAME_SAMPLES = 400
HOP_SAMPLES = 160
_HANN = np.hanning(FRAME_SAMPLES + 1)[:-1]
_LEAST_POWER = 1e-10
_RANGE = 8.0


def whisper_features(samples: Samples) -> NDArray[np.float32]:
    """Log mel features of an utterance.

    Args:
        samples: More than 200, 16 kHz.

    Returns:
        Shape (samples // 160, 80), float32.
    """
    padded = np.pad(samples.astype(np.float64), FRAME_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES]
    spectra = np.fft.rfft(frames[: samples.size // HOP_SAMPLES] * _HANN)
    power = np.square(spectra.real) + np.square(spectra.imag)
    logs = np.log10(np.maximum(power @ slaney_filters(BANDS, FRAME_SAMPLES).T, _LEAST_POWER))
    features: NDArray[np.float32] = ((np.maximum(logs, logs.max() - _RANGE) + 4) / 4).astype(np.float32)
    return features
