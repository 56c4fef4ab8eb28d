"""Templates that can be revoked (ISO/IEC 24745): at rest every voiceprint is turned by a rotation of its profile's own.

A rotation keeps lengths and angles, so all scores. Two profiles, or the same one after a reset, have unrelated
rotations: what is stored of the same voice differs, and cannot be compared without the secrets. The rotation is that of
structured random matrices (Yu et al., Orthogonal Random Features, 2016): three rounds of random signs, each followed by
a fixed orthogonal mixing, here a discrete cosine transform over the rows and columns of the vector, written as a table.
"""

import hashlib
from functools import lru_cache
from math import isqrt, prod

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Voiceprint

_ROUNDS = 3


def rotated(voiceprint: Voiceprint, secret: bytes) -> Voiceprint:
    """A voiceprint, shape (views, dim), as it is kept at rest: turned by the rotation that a secret gives."""
    rows, columns = _mixing(voiceprint.shape[1])
    turned = voiceprint.astype(np.float64).reshape(-1, len(rows), len(columns))
    for signs in _signs(secret, turned.shape[1:]):
        turned = rows.T @ (turned * signs) @ columns
    return turned.reshape(voiceprint.shape).astype(np.float32)


def restored(voiceprint: Voiceprint, secret: bytes) -> Voiceprint:
    """A voiceprint, shape (views, dim), turned back; the same as it was to about 1e-7."""
    rows, columns = _mixing(voiceprint.shape[1])
    turned = voiceprint.astype(np.float64).reshape(-1, len(rows), len(columns))
    for signs in _signs(secret, turned.shape[1:])[::-1]:
        turned = (rows @ turned @ columns.T) * signs
    return turned.reshape(voiceprint.shape).astype(np.float32)


def _signs(secret: bytes, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Random signs for each round, shape (rounds, *shape)."""
    count = _ROUNDS * prod(shape)
    bits = np.frombuffer(hashlib.shake_256(secret).digest((count + 7) // 8), np.uint8)
    return np.asarray(1.0 - 2.0 * np.unpackbits(bits, count=count).reshape(_ROUNDS, *shape), np.float64)


@lru_cache(maxsize=8)
def _mixing(dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The transforms over rows and columns of a table of ``dim`` numbers that is as square as it can be."""
    rows = next(size for size in range(isqrt(dim), 0, -1) if dim % size == 0)
    return _cosines(rows), _cosines(dim // rows)


def _cosines(size: int) -> NDArray[np.float64]:
    """The orthonormal discrete cosine transform (type II), shape (size, size)."""
    place, frequency = np.arange(size)[:, None], np.arange(size)[None, :]
    matrix = np.sqrt(2.0 / size) * np.cos(np.pi * (place + 0.5) * frequency / size)
    matrix[:, 0] /= np.sqrt(2.0)
    return np.asarray(matrix, np.float64)
