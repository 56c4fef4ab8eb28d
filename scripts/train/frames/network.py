"""The frame-wise speaker encoder as a PyTorch network: frames in, once; any stretch of them pooled to an embedding.

Three LSTM layers at 50 frames/s over pairs of mel frames. They begin with the weights of ``models/ge2e-noise.onnx``,
which runs at 100 frames/s. Level and mean of the logarithms are running ones: nothing of the future is looked at.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scripts.train.frames.shape import (
    BANDS,
    DECAY,
    DIM,
    HIDDEN,
    LAYERS,
    LEVEL,
    LOG_FLOOR,
    LOG_MEAN,
    LOG_SCALE,
    LOUDEST_LOGIT,
    PAIR,
    SILENCE,
)
from streamauth.engines.encoder.ge2e import slaney_edges_hz

Array = NDArray[np.float32]


class State(NamedTuple):
    """What is kept of a stream between two runs.

    Attributes:
        sums: Running sums, shape (batch, 42): power, 40 logarithms, and how much is in them.
        hidden: Shape (LAYERS, batch, HIDDEN).
        cell: Likewise.
    """

    sums: Tensor
    hidden: Tensor
    cell: Tensor


class Frames(NamedTuple):
    """What is kept of each step, so that any stretch can be pooled later.

    Attributes:
        hidden: Shape (batch, steps, HIDDEN).
        weights: Shape (batch, steps, 1), above 0.
    """

    hidden: Tensor
    weights: Tensor


class Network(nn.Module):  # type: ignore[misc]
    """See the module.

    Args:
        bandwidths: Of the mel filters, shape (BANDS,), so that their sum gives the power of a frame.
    """

    def __init__(self, bandwidths: Array) -> None:
        super().__init__()
        self.register_buffer("bandwidths", torch.from_numpy(np.array(bandwidths, np.float32)))
        self.lstm = nn.LSTM(PAIR * 3 * BANDS, HIDDEN, LAYERS, batch_first=True)
        self.attention = nn.Linear(HIDDEN + 1, 1)
        self.mean = nn.Linear(HIDDEN, HIDDEN)
        self.deviation = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.project = nn.Linear(HIDDEN, DIM)

    def begin(self, batch: int) -> State:
        """The state before the first frame."""
        nothing = self.bandwidths.new_zeros(LAYERS, batch, HIDDEN)
        return State(self.bandwidths.new_zeros(batch, BANDS + 2), nothing, nothing.clone())

    def views(self, mels: Tensor, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the layers see of mels, shape (batch, steps, PAIR * BANDS): that, the age, and the sums behind it."""
        steps = mels.shape[1]
        count = torch.arange(1, steps + 1, device=mels.device)
        lag = count[:, None] - count
        decay = torch.where(lag >= 0, DECAY ** lag.clamp(min=0).float(), 0.0)
        fading = DECAY ** count.float()[None, :, None]
        pairs = mels.unflatten(2, (PAIR, BANDS))
        power = (pairs * self.bandwidths).sum(dim=3).mean(dim=2, keepdim=True)
        run_power = decay @ power + fading * sums[:, None, :1]
        run_count = decay.sum(dim=1)[None, :, None] + fading * sums[:, None, -1:]
        pairs = pairs * (LEVEL * run_count / (run_power + SILENCE))[..., None]
        logs = LOG_SCALE * (torch.log(pairs + LOG_FLOOR) - LOG_MEAN)
        run_logs = decay @ logs.mean(dim=2) + fading * sums[:, None, 1:-1]
        moving = logs - (run_logs / run_count)[:, :, None]
        seen = torch.cat((pairs, logs, moving), dim=3).flatten(2)
        running = torch.cat((run_power, run_logs, run_count), dim=2)
        return seen, run_count * (1 - DECAY), running[:, -1]

    def forward(self, mels: Tensor, state: State) -> tuple[Frames, State]:
        """Work on more mels of some streams.

        Args:
            mels: Powers (``engines/ge2e.mel_spectra`` of audio as it is), shape (batch, steps, PAIR * BANDS).
            state: Of the frames before.

        Returns:
            What to keep of each step, and the state behind the last.
        """
        seen, age, sums = self.views(mels, state.sums)
        found, (hidden, cell) = self.lstm(seen, (state.hidden, state.cell))
        found = found.float()
        logits = self.attention(torch.cat((found, age), dim=2)).float()
        weights = torch.exp(LOUDEST_LOGIT * torch.tanh(logits / LOUDEST_LOGIT))
        return Frames(found, weights), State(sums, hidden, cell)

    def embed(self, frames: Frames, inside: Tensor) -> Tensor:
        """Embeddings of stretches.

        Args:
            frames: Of streams.
            inside: Shape (batch, steps), 1 for the steps of the stretch, else 0.
        """
        weights = frames.weights * inside[..., None]
        total = weights.sum(dim=1)
        mean = (weights * frames.hidden).sum(dim=1) / total
        square = (weights * frames.hidden.square()).sum(dim=1) / total
        deviation = (square - mean.square()).clamp(min=0).add(1e-4).sqrt()
        voice = torch.relu(self.mean(mean) + self.deviation(deviation))
        return nn.functional.normalize(self.project(voice).float(), dim=1, eps=1e-6)


def bandwidths() -> Array:
    """What turns GE2E's mel powers, whose filters have unit area, into power within the bands, shape (BANDS,)."""
    edges = slaney_edges_hz(BANDS)
    return ((edges[2:] - edges[:-2]) / 2).astype(np.float32)


def begun(widths: Array, given: Mapping[str, Array], centre: Array, whitening: Array) -> Network:
    """The network with the weights of the window encoder: what it was at 100 frames/s, it nearly is at 50.

    Args:
        widths: ``bandwidths()``.
        given: LSTM and projection of the window encoder, by PyTorch's names.
        centre: Taken off its embeddings, shape (DIM,).
        whitening: What the rest is multiplied with (from the right), shape (DIM, DIM).
    """
    network = Network(widths)
    state: dict[str, Any] = {name: torch.from_numpy(np.array(value)) for name, value in network.state_dict().items()}
    for name, value in given.items():
        if name.startswith("lstm"):
            state[name] = torch.from_numpy(np.array(value))
    first = state["lstm.weight_ih_l0"]
    state["lstm.weight_ih_l0"] = torch.cat((first, first), dim=1) / 2
    for layer in range(LAYERS):
        # one step does what two did: it forgets twice as much and takes in twice as much
        bias = state[f"lstm.bias_ih_l{layer}"]
        bias[:HIDDEN] += math.log(2)
        bias[HIDDEN : 2 * HIDDEN] -= math.log(2)
    state["mean.weight"] = torch.from_numpy(np.array(given["linear.weight"]))
    state["mean.bias"] = torch.from_numpy(np.array(given["linear.bias"]))
    state["deviation.weight"] = torch.zeros(HIDDEN, HIDDEN)
    state["project.weight"] = torch.from_numpy(np.array(whitening.T))
    state["project.bias"] = torch.from_numpy(np.array(-centre @ whitening))
    state["attention.weight"] = torch.cat((torch.zeros(1, HIDDEN), torch.full((1, 1), 4.0)), dim=1)
    state["attention.bias"] = torch.full((1,), -1.5)
    network.load_state_dict(state)
    return network
