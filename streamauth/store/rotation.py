"""Templates that can be revoked (ISO/IEC 24745): at rest every voiceprint is turned by a rotation of its profile's own.

A rotation keeps lengths and angles, so all scores. Two profiles, or the same one after a reset, have unrelated
rotations: what is stored of the same voice differs, and cannot be compared without the secrets. The rotation is that of
structured random matrices (Yu et al., Orthogonal Random Features, 2016): three rounds of random signs, each followed by
a fixed orthogonal mixing, here a discrete cosine transform over the rows and columns of the vector, written as a table.
"""

import hashlib
from collections.abc import Sequence
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
    for signs in _signs([secret], turned.shape[1:])[0]:
        turned = rows.T @ (turned * signs) @ columns
    return turned.reshape(voiceprint.shape).astype(np.float32)


def restored(voiceprint: Voiceprint, secret: bytes) -> Voiceprint:
    """A voiceprint, shape (views, dim), turned back; the same as it was to about 1e-7."""
    return np.asarray(restored_all(voiceprint[None], [secret])[0], np.float32)


def restored_all(voiceprints: NDArray[np.float32], secrets: Sequence[bytes]) -> NDArray[np.float32]:
    """Voiceprints, shape (voiceprints, views, dim), turned back, each by its own secret.

    All of them by a few large products: one after the other takes a quarter of a millisecond each, which is minutes
    where there are a million.
    """
    rows, columns = _mixing(voiceprints.shape[2])
    height, width = len(rows), len(columns)
    turned = voiceprints.astype(np.float64).reshape(len(voiceprints), -1, height, width)
    signs = _signs(secrets, (height, width))[:, :, None]
    for number in reversed(range(_ROUNDS)):
        # rows @ each @ columns.T, as two products of everything
        turned = (turned.reshape(-1, width) @ columns.T).reshape(*turned.shape[:2], height, width).swapaxes(2, 3)
        turned = (turned.reshape(-1, height) @ rows.T).reshape(*turned.shape[:2], width, height).swapaxes(2, 3)
        turned = turned * signs[:, number]
    return np.ascontiguousarray(turned.reshape(voiceprints.shape), np.float32)


def _signs(secrets: Sequence[bytes], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Random signs for each round of each secret, shape (secrets, rounds, *shape)."""
    count = _ROUNDS * prod(shape)
    digests = b"".join(hashlib.shake_256(secret).digest((count + 7) // 8) for secret in secrets)
    bits = np.unpackbits(np.frombuffer(digests, np.uint8).reshape(len(secrets), -1), axis=1, count=count)
    return np.asarray(1.0 - 2.0 * bits.reshape(len(secrets), _ROUNDS, *shape), np.float64)


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
