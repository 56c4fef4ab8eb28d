"""How one person says a phrase, kept in little room, and how another utterance differs from that.

Data path: Heard -> **Projection** -> Rendering (enrolled, sealed) -> **difference** -> the phrase's likelihood ratio.
A rendering is what Whisper's encoder made of an utterance, each 40 ms reduced to what tells phones apart (linear
discriminant analysis, ``scripts/train/whisper/renderings.py``) and to its direction: some 2.4 kB for 3 s. Two of them
are laid on each other by dynamic time warping (Sakoe and Chiba 1978). The worst third of a second of the path counts,
so that a word that differs is not made up for by all others that do not.
"""

from dataclasses import dataclass
from math import ceil, floor, inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Rendering
from streamauth.engines.phrase.whisper.model import Heard
from streamauth.errors import ModelCorrupt

FILE = "renderings.npz"
FRAME_SAMPLES = SAMPLE_RATE_HZ // 25
MOST_FRAMES = 300
DIMENSIONS = 32
_ENCODER_FRAMES = 2
_LARGEST = 127
_STRETCH = 8
_MOST_SKEW = 0.3
"""Share of the longer rendering by which a path may leave the diagonal."""


class Projection:
    """Makes renderings.

    Raises:
        ModelCorrupt: The file is missing or cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        try:
            with np.load(folder / FILE, allow_pickle=False) as content:
                self._mean = np.asarray(content["mean"], np.float32)
                self._directions = np.asarray(content["projection"], np.float32)
        # numpy's exceptions for a damaged file have no base class of their own
        except Exception as error:
            raise ModelCorrupt("The projection of renderings cannot be read. Install streamauth again.") from error
        if self._directions.shape != (self._mean.size, DIMENSIONS):
            raise ModelCorrupt("The projection of renderings is damaged. Install streamauth again.")

    def rendering(self, heard: Heard, samples: int) -> Rendering:
        """The rendering of an utterance.

        Args:
            heard: What the encoder made of it and of the silence behind it.
            samples: Its length.

        Returns:
            Shape (frames, 32), int8, at most ``MOST_FRAMES``; a frame is 40 ms.
        """
        return self.project(encoded(heard, samples))

    def project(self, values: NDArray[np.floating]) -> Rendering:
        """The rendering of what ``encoded`` gives."""
        found = (values.astype(np.float32) - self._mean) @ self._directions
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        return np.rint(found * _LARGEST).astype(np.int8)


def encoded(heard: Heard, samples: int) -> NDArray[np.float32]:
    """What the last layer of the decoder is given of each 40 ms of an utterance, shape (frames, 384).

    Args:
        heard: What the encoder made of it and of the silence behind it.
        samples: Its length.
    """
    frames = min(-(-samples // FRAME_SAMPLES), MOST_FRAMES)
    values = heard.values[-1].transpose(1, 0, 2).reshape(heard.values.shape[2], -1)[: _ENCODER_FRAMES * frames]
    values = values[: len(values) // _ENCODER_FRAMES * _ENCODER_FRAMES]
    return np.asarray(values.reshape(-1, _ENCODER_FRAMES, values.shape[1]).mean(axis=1), np.float32)


@dataclass(frozen=True, slots=True)
class Difference:
    """How one rendering differs from another, as cosine distances in [0, 2].

    Attributes:
        mean: On the whole path.
        worst: Of the worst 0.3 s of it.
    """

    mean: float
    worst: float


FARTHEST = Difference(2.0, 2.0)


def difference(one: Rendering, other: Rendering) -> Difference:
    """How two renderings differ, from their begin to their end; ``FARTHEST`` where one is far longer.

    Args:
        one: Shape (frames, 32), at least one frame.
        other: Likewise.
    """
    if not len(one) or not len(other) or max(len(one), len(other)) > 2 * min(len(one), len(other)):
        return FARTHEST
    scale = np.float32(_LARGEST) ** 2
    costs = 1 - one.astype(np.float32) @ other.astype(np.float32).T / scale
    path = _cheapest(costs)
    if path is None:
        return FARTHEST
    stretch = min(_STRETCH, path.size)
    sums = np.concatenate([[0.0], np.cumsum(path, dtype=np.float64)])
    return Difference(float(path.mean()), float((sums[stretch:] - sums[:-stretch]).max() / stretch))


def _cheapest(costs: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Costs along the cheapest path from corner to corner; None where the band has none.

    In plain numbers: the band is so narrow that arrays cost ten times as much.
    """
    rows, columns = costs.shape
    skew = max(_STRETCH, round(_MOST_SKEW * max(rows, columns)))
    cost = costs.tolist()
    above = [0.0, *[inf] * columns]
    came: list[dict[int, int]] = []
    for row in range(1, rows + 1):
        total, steps, here = [inf] * (columns + 1), {}, cost[row - 1]
        middle = row * columns / rows
        for column in range(max(1, ceil(middle - skew)), min(columns, floor(middle + skew)) + 1):
            least, step = above[column - 1], 0
            if above[column] < least:
                least, step = above[column], 1
            if total[column - 1] < least:
                least, step = total[column - 1], 2
            total[column], steps[column] = least + here[column - 1], step
        above = total
        came.append(steps)
    if above[columns] == inf:
        return None
    found = []
    row, column = rows, columns
    while row and column:
        found.append(cost[row - 1][column - 1])
        step = came[row - 1][column]
        row, column = row - (step != 2), column - (step != 1)
    return np.array(found[::-1], np.float32)
