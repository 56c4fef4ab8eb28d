"""Writes tests/data/golden/nemo_mel.npz: NeMo's features of a fixed sound by PyTorch and librosa.

The steps are those of ``FilterbankFeatures`` and ``normalize_batch`` in NVIDIA NeMo for evaluation: pre-emphasis,
``torch.stft`` (centred, symmetric Hann window), power, ``librosa.filters.mel``, guarded logarithm, mean and unbiased
deviation of each band.
"""

from pathlib import Path

import librosa
import numpy as np
import torch

from streamauth.engines.self_test import self_test_signal

TARGET = Path(__file__).resolve().parents[1] / "tests" / "data" / "golden" / "nemo_mel.npz"
RATE_HZ = 16_000
CASES = {"titanet": (80, 400, 20_011), "speakernet": (64, 320, 16_000)}
"""Bands, samples of a frame, and samples of the sound."""


def features(bands: int, frame: int, samples: int) -> torch.Tensor:
    """Features of one sound, shape (frames, bands)."""
    sound = torch.from_numpy(self_test_signal(samples))[None].double()
    sound = torch.cat((sound[:, :1], sound[:, 1:] - 0.97 * sound[:, :-1]), dim=1)
    window = torch.hann_window(frame, periodic=False).double()
    spectrum = torch.stft(sound, 512, 160, frame, window, center=True, return_complex=True)
    filters = librosa.filters.mel(sr=RATE_HZ, n_fft=512, n_mels=bands, fmin=0, fmax=RATE_HZ / 2, norm="slaney")
    logs = torch.log(torch.from_numpy(filters).double() @ spectrum[0].abs().pow(2) + 2**-24)
    normal = (logs - logs.mean(dim=1, keepdim=True)) / (logs.std(dim=1, keepdim=True) + 1e-5)
    return normal.T


def main() -> None:
    """Write the file."""
    np.savez(TARGET, **{name: features(*case).float().numpy()[::5] for name, case in CASES.items()})
    print(TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
