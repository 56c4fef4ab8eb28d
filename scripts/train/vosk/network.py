"""The network of the acoustic models, in PyTorch, and its way into a Vosk model folder.

Frames of 30 ms: the first layer looks at seven filter-bank frames at once and steps by three. Each block after it
is a narrow convolution over three frames and a wide layer over one, with the block's input added (a factorized
time-delay network, after D. Povey et al., "Semi-orthogonal low-rank matrix factorization for deep neural
networks", Interspeech 2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from scripts.train.vosk.vosk_format import OUTPUTS, Layer
from streamauth.engines.phrase.acoustic_model import FRAME_SUBSAMPLING, MEL_BINS

_SPLICE = (-3, -2, -1, 0, 1, 2, 3)
SPLICED = len(_SPLICE)
"""Filter-bank frames that the first layer looks at at once."""


@dataclass(frozen=True)
class Shape:
    """Size of a network.

    Attributes:
        wide: Values per frame between blocks.
        narrow: Values per frame inside a block.
        blocks: For each block the frames of 30 ms that it looks at, from the earliest.
        dropout: Share of values that are left out in training.
    """

    wide: int = 320
    narrow: int = 96
    blocks: tuple[tuple[int, int, int], ...] = (
        *((-1, 0, 1), (-1, 0, 1), (-1, 0, 1), (-2, -1, 1), (-3, 0, 1), (-3, 0, 1), (-3, 0, 1), (-3, 0, 1)),
    )
    dropout: float = 0.1


class Network(nn.Module):  # type: ignore[misc]
    """Filter-bank frames to a score of each output.

    Args:
        shape: Its size.
        mean: Mean of each filter-bank channel, shape (MEL_BINS,).
        inputs: Values that the first layer takes.
    """

    def __init__(self, shape: Shape, mean: NDArray[np.float32], inputs: int = MEL_BINS * len(_SPLICE)) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.from_numpy(mean.copy()))
        self.first = nn.Linear(inputs, shape.wide)
        self.first_norm = nn.BatchNorm1d(shape.wide)
        self.narrow = nn.ModuleList(nn.Linear(3 * shape.wide, shape.narrow, bias=False) for _ in shape.blocks)
        self.wide = nn.ModuleList(nn.Linear(shape.narrow, shape.wide, bias=False) for _ in shape.blocks)
        self.norms = nn.ModuleList(nn.BatchNorm1d(shape.wide) for _ in shape.blocks)
        self.drop = nn.Dropout(shape.dropout)
        self.last = nn.Linear(shape.wide, OUTPUTS)

    @property
    def context(self) -> tuple[int, int]:
        """Filter-bank frames looked at before and after the one that an output stands for."""
        before = -_SPLICE[0] - FRAME_SUBSAMPLING * sum(offsets[0] for offsets in self.shape.blocks)
        after = _SPLICE[-1] + FRAME_SUBSAMPLING * sum(offsets[-1] for offsets in self.shape.blocks)
        return before, after

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Shape (batch, frames, MEL_BINS), with its context, to (batch, (frames - context) / 3, OUTPUTS)."""
        return self.above((frames - self.mean).unfold(1, SPLICED, FRAME_SUBSAMPLING).transpose(2, 3).flatten(2))

    def above(self, around: torch.Tensor) -> torch.Tensor:
        """What the first layer takes, shape (batch, frames, inputs), to (batch, frames - context, OUTPUTS)."""
        hidden = self.drop(torch.relu(_normalized(self.first(around), self.first_norm)))
        for offsets, narrow, wide, norm in zip(self.shape.blocks, self.narrow, self.wide, self.norms, strict=True):
            length = hidden.shape[1] - (offsets[-1] - offsets[0])
            parts = [hidden[:, offset - offsets[0] :][:, :length] for offset in offsets]
            fresh = torch.relu(_normalized(wide(narrow(torch.cat(parts, dim=2))), norm))
            hidden = hidden[:, -offsets[0] :][:, :length] + self.drop(fresh)
        return torch.as_tensor(self.last(hidden))

    def layers(self) -> list[Layer]:
        """The layers for ``write_model``, with normalization and mean folded in."""
        weight, bias = _folded(self.first.weight, self.first.bias, self.first_norm)
        bias = bias - weight @ self.mean.repeat(len(_SPLICE))
        result = [_layer(weight, bias, _SPLICE)]
        for offsets, narrow, wide, norm in zip(self.shape.blocks, self.narrow, self.wide, self.norms, strict=True):
            steps = tuple(FRAME_SUBSAMPLING * offset for offset in offsets)
            result.append(_layer(narrow.weight, torch.zeros(len(narrow.weight)), steps, rectified=False))
            weight, bias = _folded(wide.weight, torch.zeros(len(wide.weight)), norm)
            result.append(_layer(weight, bias, (0,), residual=True))
        result.append(_layer(self.last.weight, self.last.bias, (0,), rectified=False))
        return result


def padded(frames: NDArray[np.float32], context: tuple[int, int]) -> NDArray[np.float32]:
    """Frames, shape (frames, MEL_BINS), with the first and the last repeated, as Kaldi does at the ends."""
    return np.pad(frames, (context, (0, 0)), mode="edge")


def save(network: nn.Module, path: Path) -> None:
    """Write a network to a file: a ``Network``, or one that has a ``shape`` like it."""
    torch.save((network.shape, network.state_dict()), path)


def load_network(path: Path) -> Network:
    """A saved network, for use."""
    shape, state = torch.load(path, weights_only=False)
    network = Network(shape, np.zeros(40, np.float32))
    network.load_state_dict(state)
    network.eval()
    return network


def _normalized(values: torch.Tensor, norm: nn.BatchNorm1d) -> torch.Tensor:
    return torch.as_tensor(norm(values.flatten(0, 1))).view_as(values)


def _folded(weight: torch.Tensor, bias: torch.Tensor, norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * scale[:, None], (bias - norm.running_mean) * scale + norm.bias


def _layer(
    weight: torch.Tensor, bias: torch.Tensor, offsets: Sequence[int], *, rectified: bool = True, residual: bool = False
) -> Layer:
    return Layer(weight.detach().numpy(), bias.detach().numpy(), tuple(offsets), rectified, residual)
