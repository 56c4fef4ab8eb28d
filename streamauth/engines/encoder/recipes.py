"""Feature recipes and tensor layouts, by name: from windows of audio to the inputs of an encoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.engines.encoder import fbank, ge2e
from streamauth.engines.encoder.nemo_mel import NemoRecipe

Features = NDArray[np.float32]
"""Features of windows, shape (batch, frames, bands), float32."""


@dataclass(frozen=True)
class Recipe:
    """How features are made.

    Attributes:
        bands: Features of one frame.
        features: From windows, shape (batch, samples), float32 at 16 kHz.
    """

    bands: int
    features: Callable[[NDArray[np.float32]], Features]


def _nemo(metadata: Mapping[str, str]) -> Recipe:
    recipe = NemoRecipe.of(metadata)
    return Recipe(recipe.bands, recipe.features)


RECIPES: dict[str, Callable[[Mapping[str, str]], Recipe]] = {
    "ge2e-mel-1": lambda _: Recipe(ge2e.BANDS, ge2e.window_features),
    "wespeaker-fbank-1": lambda _: Recipe(fbank.BANDS, fbank.WESPEAKER.features),
    "3dspeaker-fbank-1": lambda _: Recipe(fbank.BANDS, fbank.THREE_D_SPEAKER.features),
    "nemo-mel-1": _nemo,
}
"""Recipes by name and version, made from the metadata of a model's file; ValueError where those do not fit.

A recipe never changes what it gives under the same name, since the name is part of the encoder's id.
"""


@dataclass(frozen=True)
class Layout:
    """How features become the inputs of a network, in its order, and which of its outputs is the embedding."""

    inputs: int
    output: int
    arrange: Callable[[Features], list[NDArray[np.float32] | NDArray[np.int64]]]


def _bands_frames_length(features: Features) -> list[NDArray[np.float32] | NDArray[np.int64]]:
    # NeMo pads with zeros to whole blocks of 16 frames and tells the true length
    batch, frames, _ = features.shape
    padded = np.pad(features.transpose(0, 2, 1), ((0, 0), (0, 0), (0, -frames % 16)))
    return [np.ascontiguousarray(padded), np.full(batch, frames, np.int64)]


LAYOUTS: dict[str, Layout] = {
    "frames-bands": Layout(1, 0, lambda features: [features]),
    "bands-frames-length": Layout(2, 1, _bands_frames_length),
}
"""Tensor layouts by name: (batch, frames, bands) alone, or NeMo's (batch, bands, frames) with lengths."""
