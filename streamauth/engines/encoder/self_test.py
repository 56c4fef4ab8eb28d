"""Checks that a runtime computes a network correctly: fixed features of several lengths against references.

Some versions of ONNX Runtime give wrong embeddings without an error, for some lengths only: 1.21 to 1.28 fuse
``Pad`` and ``AveragePool`` of CAM++ wrongly. An embedding always comes out, so nobody would notice.
"""

import base64
import binascii
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, Samples

FRAMES = (98, 148, 198, 298)
"""Lengths of the features: 1, 1.5, 2 and 3 s of windows whose edges are cut. None is a multiple of a pooling."""

LEAST_COSINE = 0.999
"""Builds of the runtime and kinds of CPU differ by far less than this, a wrong kernel by far more."""

Run = Callable[[NDArray[np.float32]], Embedding]
"""A network: features, shape (1, frames, bands), to an embedding of any length, shape (dim,)."""


def embeddings(run: Run, bands: int) -> list[Embedding]:
    """What a network makes of the fixed features, one embedding for each length."""
    # the one generator of NumPy whose numbers are the same in all versions
    random = np.random.RandomState(7)
    return [run(random.standard_normal((1, frames, bands)).astype(np.float32)) for frames in FRAMES]


def least_cosine(found: Sequence[Embedding], expected: Sequence[Embedding]) -> float:
    """The least cosine of pairs of embeddings; NaN where one is not finite or zero."""
    return float(min((_cosine(a, b) for a, b in zip(found, expected, strict=True)), key=lambda c: (c == c, c)))


def encoded(embedding: Embedding) -> str:
    """An embedding as text: its direction in float16, little-endian, base64."""
    unit = embedding / np.linalg.norm(embedding)
    return base64.b64encode(unit.astype("<f2").tobytes()).decode("ascii")


def decoded(text: str, dim: int) -> Embedding:
    """The embedding of a text, shape (dim,).

    Raises:
        ValueError: It is none of that length.
    """
    try:
        embedding = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if embedding.shape != (dim,):
        raise ValueError("another length")
    return embedding


def self_test_signal(samples: int, pitch_hz: float = 130.0) -> Samples:
    """A fixed sound with the spectrum of a voice: a rising harmonic tone and noise, shape (samples,)."""
    index = np.arange(samples)
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.4 * index / samples)) / SAMPLE_RATE_HZ
    tone = np.sum([np.sin(order * phase) / order for order in range(1, 20)], axis=0)
    # noise that is the same with every version of NumPy
    noise = np.modf(np.sin(index * 12.9898) * 43758.5453)[0]
    signal: Samples = (0.1 * tone + 0.02 * noise).astype(np.float32)
    return signal


def _cosine(a: Embedding, b: Embedding) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / lengths) if np.isfinite(lengths) and lengths > 0 else float("nan")
