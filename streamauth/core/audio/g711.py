"""The companded samples of telephone lines (ITU-T G.711), as tables of 256 values."""

import numpy as np
from numpy.typing import NDArray

_CODES = np.arange(256)
_FULL_SCALE = np.float32(32768)
_MULAW_BIAS = 132  # 33 in the standard's 14-bit steps


def expanded_mulaw() -> NDArray[np.float32]:
    """Of each μ-law byte its sample in [-1, 1], float32 of shape (256,)."""
    code = ~_CODES & 0xFF
    exponent, mantissa = code >> 4 & 7, code & 15
    size = (((mantissa << 3) + _MULAW_BIAS) << exponent) - _MULAW_BIAS
    return _signed(size, negative=code & 0x80 != 0)


def expanded_alaw() -> NDArray[np.float32]:
    """Of each A-law byte its sample in [-1, 1], float32 of shape (256,)."""
    code = _CODES ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    linear, steep = (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    return _signed(np.where(exponent == 0, linear, steep), negative=code & 0x80 == 0)


def _signed(size: NDArray[np.int64], negative: NDArray[np.bool_]) -> NDArray[np.float32]:
    return (np.where(negative, -size, size) / _FULL_SCALE).astype(np.float32)
