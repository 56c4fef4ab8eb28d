"""What every training here does alike: the learning rate over the time, and the running average of the weights."""

import math

import torch
from torch import nn

_WARM = 0.04


def learning_rate(highest: float, passed: float) -> float:
    """The rate so far, 0 to 1, through the training: a short warm-up, then down to a hundredth by a cosine."""
    warm = min(1.0, passed / _WARM + 0.01)
    return highest * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * passed)))


@torch.no_grad()  # type: ignore[untyped-decorator]
def follow(average: nn.Module, network: nn.Module, steps: int, slowest: float) -> None:
    """Move the running average of weights towards those after so many steps: quickly at first, then slowly."""
    decay = min(slowest, (1 + steps) / (10 + steps))
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
