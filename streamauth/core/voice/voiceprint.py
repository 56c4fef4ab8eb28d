"""Voiceprints: how a voice sounds as it is, and in noise, on a line and in a room (``augmentation``).

A voice is compared with the middle of these views, and with the one that it is nearest to: the middle stands for all
that its owner may sound like, the nearest for how they sound now. What it is worth is in docs/decisions.md.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Embedding, Voiceprint
from streamauth.core.voice.pooling import unit

_OWN_WEIGHT = 6.0
"""Weight of the voice as it is in the middle; that of each copy is 1. With less, quiet speech loses (measured on part
"fit"; 1, 3 and 6 were tried)."""


def middle(voiceprint: Voiceprint) -> Embedding:
    """The weighted mean of the views, unit length, shape (dim,)."""
    views = np.atleast_2d(voiceprint)
    weights = np.ones((len(views), 1), np.float32)
    weights[0] = _OWN_WEIGHT
    return unit((weights * views).sum(axis=0))


def mean_of(voiceprints: Sequence[Voiceprint], weights: Sequence[float]) -> Voiceprint:
    """The voiceprint of several utterances: the weighted mean, view by view.

    One of a single view, made without augmentation, stands for all views.
    """
    views = np.broadcast_arrays(*map(np.atleast_2d, voiceprints))
    return unit(np.sum([np.float32(weight) * each for weight, each in zip(weights, views, strict=True)], axis=0))


class Voiceprints:
    """Voiceprints that voices are compared with.

    Args:
        voiceprints: At least one.
    """

    def __init__(self, voiceprints: Sequence[Voiceprint]) -> None:
        counts = [1 if voiceprint.ndim == 1 else len(voiceprint) for voiceprint in voiceprints]
        self._begins = np.cumsum([0, *counts])[:-1]
        self._views: NDArray[np.float32] = np.concatenate(
            [np.atleast_2d(each) for each in voiceprints], dtype=np.float32
        )
        # one view is its own middle: nothing is kept twice, and compared twice, where there are many
        self._single = len(self._views) == len(counts)
        self._middles = self._views if self._single else _middles(self._views, self._begins)

    def similarities(self, voices: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean of the cosines to the middle and to the nearest view, in [-1, 1], shape (voiceprints, voices).

        Args:
            voices: Of unit length, shape (voices, dim).
        """
        return np.clip(np.asarray(self.products(voices), np.float64), -1.0, 1.0)

    def products(self, voices: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same in single precision, which rounding may carry beyond 1."""
        if self._single:
            return self._views @ voices.T
        nearest = np.maximum.reduceat(self._views @ voices.T, self._begins, axis=0)
        return np.asarray((self._middles @ voices.T + nearest) / np.float32(2))

    def __getitem__(self, number: int) -> Voiceprint:
        """A voiceprint, shape (views, dim): no copy."""
        begin = self._begins[number]
        end = self._begins[number + 1] if number + 1 < len(self._begins) else len(self._views)
        return self._views[begin:end]


def _middles(views: NDArray[np.float32], begins: NDArray[np.int64]) -> NDArray[np.float32]:
    """The weighted mean of each voiceprint's views, unit length, shape (voiceprints, dim)."""
    sums = np.add.reduceat(views, begins, axis=0) + (np.float32(_OWN_WEIGHT) - 1) * views[begins]
    return unit(sums)
