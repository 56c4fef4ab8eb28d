"""Reads the weights of a CTranslate2 model file (binary version 6)."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self._content, self._at)
        self._at += struct.calcsize("<" + code)
        return int(value)

    def text(self) -> str:
        size = self.number("H")
        value = self._content[self._at : self._at + size - 1].decode()
        self._at += size
        return value

    def array(self) -> Array:
        shape = [self.number("I") for _ in range(self.number("B"))]
        kind = np.dtype(_TYPES[self.number("B")])
        size = self.number("I")
        values = np.frombuffer(self._content, kind, size // kind.itemsize, self._at).reshape(shape)
        self._at += size
        return values.astype(np.float32)


def read_weights(path: Path) -> dict[str, Array]:
    """All arrays of a model file by name, as float32, aliases included.

    The file is little endian: version, name of the model, its revision and the number of arrays; for each its name,
    rank, dimensions, type, size in bytes and data; then pairs of alias and name. A string has its length, closing NUL
    included, in front.

    Args:
        path: The file ``model.bin``.
    """
    reader = _Reader(path.read_bytes())
    reader.number("I")
    reader.text()
    reader.number("I")
    weights = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        weights[name] = reader.array()
    for _ in range(reader.number("I")):
        alias = reader.text()
        weights[alias] = weights[reader.text()]
    return weights
