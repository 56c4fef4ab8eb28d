"""Features of the GE2E encoder: windows of audio to mel spectra, after Resemblyzer 0.1.4.

Data path: rolling windows -> **window_features** -> OnnxEncoder. Resemblyzer computes the same with librosa 0.9 or
later: power spectra of centred, zero-padded Hann frames in 40 bands, *without* a logarithm. The bands are those of
Slaney's Auditory Toolbox (Technical Report 1998-010): linear up to 1 kHz, logarithmic above, each of unit area.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ

FRAME_SAMPLES = 400
HOP_SAMPLES = 160
BANDS = 40
LEVEL_DBFS = -24.0
"""Root mean square that every window is brought to, up or down.

The encoder was trained on power spectra and hears loudness. Resemblyzer only raises, to -30 dBFS; lowering what is
louder keeps a score from depending on the gain, and this level costs nothing on clean or noisy speech, which -30
does (`scripts/measure/compare_encoders.py --levels`).
"""

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0
_HANN = np.hanning(FRAME_SAMPLES + 1)[:-1]


def window_features(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the encoder takes: mel spectra of windows brought to one level.

    Args:
        windows: Shape (batch, samples), float32 at 16 kHz.

    Returns:
        Shape (batch, samples // 160, 40), float32. The last, half-empty frame that centring brings is left out, as
        in Resemblyzer's partial utterances.
    """
    return mel_spectra(at_level(windows, LEVEL_DBFS))[:, : windows.shape[1] // HOP_SAMPLES]


def at_level(windows: NDArray[np.float32], level_dbfs: float) -> NDArray[np.float64]:
    """Each window, shape (batch, samples), scaled to a root mean square in dBFS; digital silence stays."""
    audio = windows.astype(np.float64)
    rms = np.sqrt(np.mean(np.square(audio), axis=1, keepdims=True))
    return np.divide(audio * 10 ** (level_dbfs / 20), rms, out=audio, where=rms > 0)


def mel_spectra(windows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Mel power spectra as Resemblyzer's ``wav_to_mel_spectrogram``, for a batch.

    Args:
        windows: Shape (batch, samples), at 16 kHz.

    Returns:
        Shape (batch, samples // 160 + 1, 40), float32; frame i is centred on sample 160 i.
    """
    half = FRAME_SAMPLES // 2
    return frame_spectra(np.pad(windows.astype(np.float64), ((0, 0), (half, half))))


def frame_spectra(audio: NDArray[np.floating]) -> NDArray[np.float32]:
    """Mel power spectra of the frames that lie wholly in audio, for a batch; in the precision of the audio.

    Args:
        audio: Shape (batch, samples), at 16 kHz, at least one frame.

    Returns:
        Shape (batch, (samples - 400) // 160 + 1, 40), float32; frame i begins at sample 160 i.
    """
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME_SAMPLES, axis=1)[:, ::HOP_SAMPLES]
    spectra = np.fft.rfft(frames * _HANN.astype(audio.dtype))
    power = np.square(spectra.real) + np.square(spectra.imag)
    # all terms are positive: from here on single precision loses nothing
    mels: NDArray[np.float32] = power.astype(np.float32) @ mel_filters().T
    return mels


def mel_filters() -> NDArray[np.float32]:
    """The encoder's bands over the bins of the power spectrum, shape (40, 201)."""
    return slaney_filters(BANDS, FRAME_SAMPLES)


def slaney_edges_hz(bands: int) -> NDArray[np.float64]:
    """Where Slaney's triangles from 0 to 8000 Hz begin, peak and end, shape (bands + 2,)."""
    top = _BREAK_MEL + np.log(SAMPLE_RATE_HZ / 2 / _BREAK_HZ) / _LOG_STEP
    mels = np.linspace(0.0, top, bands + 2)
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL))
    edges: NDArray[np.float64] = np.where(mels < _BREAK_MEL, _LINEAR_HZ_PER_MEL * mels, logarithmic)
    return edges


@lru_cache(maxsize=8)
def slaney_filters(bands: int, fft_samples: int) -> NDArray[np.float32]:
    """Slaney's triangles from 0 to 8000 Hz over the bins of a power spectrum, shape (bands, fft_samples // 2 + 1)."""
    edges = slaney_edges_hz(bands)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.linspace(0.0, SAMPLE_RATE_HZ / 2, fft_samples // 2 + 1)
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters: NDArray[np.float32] = (np.maximum(0.0, triangles) * 2.0 / (high - low)).astype(np.float32)
    filters.flags.writeable = False  # shared by all callers
    return filters
