"""The student of the GE2E encoder as a PyTorch network, its teacher, and what the student learns from it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from streamauth.engines.encoder import ge2e

LAYERS, HIDDEN = 3, 256
LOG_FLOOR, LOG_MEAN, LOG_SCALE = 1e-5, -7.0, 0.02
"""Added to a mel power before its logarithm, taken from that, and what the rest is multiplied with."""
_SHARPNESS = 16.0
_HANN = torch.from_numpy(np.hanning(ge2e.FRAME_SAMPLES + 1)[:-1].astype(np.float32))
_FILTERS = torch.from_numpy(ge2e.mel_filters().T.copy())

Array = NDArray[np.float32]


class Network(nn.Module):  # type: ignore[misc]
    """GE2E's three LSTM layers and projection; mels, shape (batch, frames, 40), to unit vectors, (batch, 256).

    The first layer also sees the logarithm of each mel, and that less its mean over the window: where a noise, a
    room or a line hides the power, the one shows what is quiet and the other takes a constant response away. Their
    weights start at zero, so that the network begins as its teacher.

    Args:
        teacher: Weights of GE2E under PyTorch's names (``lstm.weight_ih_l0``, ..., ``linear.bias``).
        logarithms: Without them, the network is GE2E itself.
    """

    def __init__(self, teacher: dict[str, Array], logarithms: bool = True) -> None:
        super().__init__()
        self.logarithms = logarithms
        self.lstm = nn.LSTM(ge2e.BANDS * (3 if logarithms else 1), HIDDEN, LAYERS, batch_first=True)
        self.linear = nn.Linear(HIDDEN, HIDDEN)
        state = {name: torch.from_numpy(np.array(value)) for name, value in teacher.items() if "similarity" not in name}
        first = state["lstm.weight_ih_l0"]
        missing = self.lstm.input_size - first.shape[1]
        state["lstm.weight_ih_l0"] = torch.cat((first, torch.zeros(len(first), missing)), dim=1)
        self.load_state_dict(state)

    def forward(self, mels: Tensor) -> Tensor:
        """Embeddings of a batch; float32 whatever the layers run in."""
        if self.logarithms:
            mels = three_views(mels)
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])).float(), dim=1, eps=1e-6)

    def weights(self) -> dict[str, Array]:
        """What there is to export or to continue from."""
        return {name: value.detach().float().numpy().copy() for name, value in self.state_dict().items()}


def three_views(mels: Tensor) -> Tensor:
    """Mels, shape (batch, frames, 40), and beside them their logarithms, and these less their mean over time."""
    logs = LOG_SCALE * (torch.log(mels + LOG_FLOOR) - LOG_MEAN)
    return torch.cat((mels, logs, logs - logs.mean(dim=1, keepdim=True)), dim=2)


def window_features(windows: Tensor) -> Tensor:
    """``streamauth.engines.encoder.ge2e.window_features`` in float32: several times as fast, enough to learn from."""
    windows = windows * (10 ** (ge2e.LEVEL_DBFS / 20) / windows.square().mean(dim=1, keepdim=True).sqrt())
    half = ge2e.FRAME_SAMPLES // 2
    frames = nn.functional.pad(windows, (half, half)).unfold(1, ge2e.FRAME_SAMPLES, ge2e.HOP_SAMPLES)
    spectra = torch.fft.rfft(frames[:, : windows.shape[1] // ge2e.HOP_SAMPLES] * _HANN)
    return (spectra.real.square() + spectra.imag.square()) @ _FILTERS


def objective(found: Tensor, wanted: Tensor, bank: Tensor, matrix_share: float, bank_share: float) -> Tensor:
    """How far embeddings of degraded windows are from the teacher's of the clean ones.

    Args:
        found: The student's, shape (batch, dim).
        wanted: The teacher's.
        bank: The teacher's voiceprints of many recordings, shape (recordings, dim).
        matrix_share: Weight of the squared error of all similarities in the batch.
        bank_share: Weight of the divergence of the student's from the teacher's choice among the bank.

    Returns:
        One number: one minus the cosine, and these two.
    """
    loss = 1 - (found * wanted).sum(dim=1).mean()
    loss = loss + matrix_share * (found @ wanted.T - wanted @ wanted.T).square().mean()
    student = nn.functional.log_softmax(_SHARPNESS * found @ bank.T, dim=1)
    teacher = nn.functional.log_softmax(_SHARPNESS * wanted @ bank.T, dim=1)
    return loss + bank_share * nn.functional.kl_div(student, teacher, log_target=True, reduction="batchmean")
