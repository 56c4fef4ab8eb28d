"""Is a new trail the sound of an earlier one, as a whole or pieced together?

Nobody says a phrase twice in just the same way: the fine course of level and pitch, some hundredths of a second long,
is new each time. A recording that is played again has it, through codecs, a loudspeaker and a room. So from each band
the slow course (0.17 s) is taken off, and what is left is compared at fixed lags, without time warping:

- as a whole: all pieces of 0.3 s at one common lag;
- pieced together: each piece at its own best place in any of the earlier trails;
- a stretch of 0.4 s, about a short word, at one place in an earlier trail, or at another place of the new one: who
  joins single recordings has each word once, and a prompt asks for one of them twice.

Quiet cells count less, as there noise stands in place of the speech. How often recordings are noticed and people are
not: ``scripts/measure/replay.py``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.core.replay.trail import BANDS, Trail

PIECE_FRAMES = 30
"""Frames of a piece: 0.3 s."""
_EVERY_FRAMES = 10
_SLOW_FRAMES = 8
_RANGE_DB = 30.0
_LEAST_MOVEMENT = 0.7
_LEAST_PIECES = 6
_LEAST_OVERLAP = 0.6
_STRETCH_PIECES, _STRETCH_EVERY_FRAMES = 3, 5
_APART_FRAMES = 50
_PROMISING = 0.85
_Pieces = tuple[NDArray[np.float32], NDArray[np.bool_]]
_EMPTY = np.zeros((0, PIECE_FRAMES * BANDS), np.float32)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a new trail and earlier ones are.

    Attributes:
        whole: Mean correlation of the pieces at one common lag with one earlier trail, from -1 to 1.
        pieced: Mean correlation of the pieces, each at its best place in any earlier trail, from -1 to 1.
    """

    whole: float = 0.0
    pieced: float = 0.0


def likeness(heard: Trail, earlier: Sequence[Trail]) -> Likeness:
    """Compare a trail with earlier ones.

    Args:
        heard: The new trail; with less than 0.8 s of moving sound it is like nothing.
        earlier: Those that it may be a replay of.
    """
    pieces, moving = _pieces(heard)
    starts = np.arange(0, len(pieces), _EVERY_FRAMES)
    starts = starts[moving[starts]]
    if len(starts) < _LEAST_PIECES:
        return Likeness()
    whole, best = 0.0, np.full(len(starts), -1.0)
    for trail in earlier:
        others, others_moving = _pieces(trail)
        if not others_moving.any():
            continue
        found = pieces[starts] @ others.T
        found[:, ~others_moving] = 0.0
        whole = max(whole, _at_one_lag(found, starts))
        best = np.maximum(best, found.max(axis=1))
    return Likeness(whole, max(0.0, float(best.mean())))


def stretch_in(heard: Sequence[Trail], earlier: Sequence[Trail]) -> float:
    """The highest correlation of 0.4 s of a new sound with any place of earlier ones, from 0 to 1.

    Args:
        heard: The trails of the new sound, at all phases of its frames.
        earlier: Those that may hold it.
    """
    others = [_pieces(trail) for trail in earlier]
    return _refined(heard, lambda pieces: max((_stretch(pieces, other, 0) for other in others), default=0.0))


def repeated_stretch(heard: Sequence[Trail]) -> float:
    """The highest correlation of 0.4 s of a sound with another place of itself, from 0 to 1."""
    own = _pieces(heard[0])
    return _refined(heard, lambda pieces: _stretch(pieces, own, _APART_FRAMES))


def _refined(heard: Sequence[Trail], compare: Callable[[_Pieces], float]) -> float:
    """The highest of all phases; where the first one promises nothing, that is it."""
    best = compare(_pieces(heard[0]))
    if best >= _PROMISING:
        best = max((best, *(compare(_pieces(trail)) for trail in heard[1:])))
    return best


def _stretch(mine: _Pieces, other: _Pieces, apart_frames: int) -> float:
    """The highest mean of pieces in a row at one lag, of at least so many frames."""
    (pieces, moving), (places, places_moving) = mine, other
    starts = np.arange(0, len(pieces), _STRETCH_EVERY_FRAMES)
    across = (_STRETCH_PIECES - 1) * _STRETCH_EVERY_FRAMES
    if len(starts) < _STRETCH_PIECES or len(places) <= across:
        return 0.0
    found = pieces[starts] @ places.T
    found[~moving[starts]] = -1.0
    found[:, ~places_moving] = -1.0
    if apart_frames:
        found[np.abs(starts[:, None] - np.arange(len(places))) < apart_frames] = -1.0
    rows, columns = len(starts) - _STRETCH_PIECES + 1, len(places) - across
    total = sum(
        found[number : number + rows, number * _STRETCH_EVERY_FRAMES :][:, :columns]
        for number in range(_STRETCH_PIECES)
    )
    return max(0.0, float(np.max(total)) / _STRETCH_PIECES)


def _at_one_lag(found: NDArray[np.float32], starts: NDArray[np.intp]) -> float:
    """The highest mean over the pieces at one lag that leaves enough of them inside the earlier trail."""
    places = found.shape[1]
    lags = np.arange(-int(starts[-1]), places)
    at = starts[:, None] + lags[None]
    inside = (at >= 0) & (at < places)
    values = np.where(inside, np.take_along_axis(found, np.clip(at, 0, places - 1), axis=1), 0.0)
    counts = inside.sum(axis=0)
    enough = counts >= max(_LEAST_PIECES, _LEAST_OVERLAP * len(starts))
    if not enough.any():
        return 0.0
    return float((values.sum(axis=0)[enough] / counts[enough]).max())


def _pieces(trail: Trail) -> _Pieces:
    """Unit vectors of all pieces, shape (places, frames x bands), and which of them hold moving sound."""
    if len(trail) < PIECE_FRAMES:
        return _EMPTY, np.zeros(0, np.bool_)
    levels = trail.astype(np.float32)
    floor = np.float32(np.percentile(levels, 99)) - np.float32(_RANGE_DB)
    levels = np.maximum(levels, floor)
    fine = (levels - _slow(levels)) * ((levels - floor) / _RANGE_DB)
    windows = np.lib.stride_tricks.sliding_window_view(fine, PIECE_FRAMES, axis=0)
    windows = windows - windows.mean(axis=2, keepdims=True)
    flat = windows.reshape(len(windows), -1)
    norms = np.linalg.norm(flat, axis=1)
    moving = norms / np.sqrt(flat.shape[1]) > _LEAST_MOVEMENT
    return flat / np.maximum(norms, 1e-6)[:, None], moving


def _slow(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(levels, ((_SLOW_FRAMES + 1, _SLOW_FRAMES), (0, 0)), "edge")
    sums = np.cumsum(padded, axis=0, dtype=np.float64)
    width = 2 * _SLOW_FRAMES + 1
    return ((sums[width:] - sums[:-width]) / width).astype(np.float32)
