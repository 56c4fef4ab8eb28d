"""Is a new trail the sound of an earlier one, as a whole or pieced together?

Nobody says a phrase twice in just the same way: the fine course of level and pitch, some hundredths of a second long,
is new each time. A recording that is played again has it, through codecs, a loudspeaker and a room. So from each band
the slow course (0.17 s) is taken off, and what is left is compared at fixed lags, without time warping:

- as a whole: pieces of 0.3 s at one common lag. How alike they are is not all: of a recording nearly every piece is
  likest within 5 ms of that lag, of a person who repeats himself about every second one is not, as no two syllables
  last as long. So only those count that are; and, at a higher bound, those on a lag that drifts by 1.25 % at most,
  as that of a recording that is played a little faster or slower;
- pieced together: each piece at its own best place in any of the earlier trails;
- a stretch of 0.5 or 0.65 s, about a word, at one place in an earlier trail, or at another place of the new one: who
  joins single recordings has each word once, and a prompt asks for one of them twice.

Each band is measured against its own loud parts, as loudspeakers and rooms colour sounds. Quiet cells count less, as
there noise stands in place of the speech, and those below the noise of the new sound not at all. A piece in which only
a click or a thump moves tells nothing: one thump is like another. How often recordings are noticed and people are not:
``scripts/measure/replay.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.core.replay.trail import BANDS, Trail

PIECE_FRAMES = 30
"""Frames of a piece: 0.3 s."""
_EVERY_FRAMES = 5
_SLOW_FRAMES = 8
_RANGE_DB, _LEAST_RANGE_DB = 30.0, 12.0
_DIGITAL_SILENCE_DB, _LEAST_FRAMES = -80.0, 30
_LOUD_PERCENT, _BAND_LOUD_PERCENT, _NOISE_PERCENT = 99, 95, 15
_ABOVE_NOISE_DB = 6.0
_LEAST_MOVEMENT = 0.7
_LEAST_CELLS = 15.0
_LEAST_PIECES = 8
_LEAST_OVERLAP = 0.6
_NEAR_FRAMES, _STEADY_FRAMES = 12, 0.5
_UNLIKE_PIECES = 6
"""What is short may be alike by chance, so it counts as if so many more pieces were not alike."""
_DRIFTS = np.linspace(-0.0125, 0.0125, 11)
"""Of a recording that is played a little faster or slower."""
_WORD_PIECES, _STRETCH_PIECES = 5, 8
_APART_FRAMES = 50
_PROMISING = 0.90

Floats = NDArray[np.float32]
_Table = Floats
"""Correlations of the pieces of a new trail, every few frames, with those at all places of another one."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a new sound and earlier ones are; all from 0 to 1.

    Attributes:
        steady: Mean correlation of the pieces with one earlier trail, where those that are likest at another than
            the common lag count as 0, and a few are added that do, too.
        drifting: The same, where the lag may drift.
        pieced: Mean correlation of the pieces, each at its best place in any earlier trail.
        word: The highest correlation of 0.5 s with any place of an earlier trail.
        stretch: The same, of 0.65 s.
        repeated: The highest correlation of 0.5 s with another place of the new sound itself.
    """

    steady: float = 0.0
    drifting: float = 0.0
    pieced: float = 0.0
    word: float = 0.0
    stretch: float = 0.0
    repeated: float = 0.0


def likeness(heard: Sequence[Trail], earlier: Sequence[Trail], *, prompted: bool = False) -> Likeness:
    """Compare a sound with earlier ones.

    Args:
        heard: Its trail; with a prompt, those at all phases of its frames.
        earlier: Those that it may be a replay of.
        prompted: Whether it answers a prompt: only then is it looked for in pieces and stretches.

    Returns:
        With less than 0.7 s of telling sound, nothing as a whole.
    """
    mine = _Sound(heard[0])
    pieces = mine.pieces()
    others = [_Sound(trail).pieces(mine.floor) for trail in earlier]
    tables = [pieces.against(other) for other in others]
    steady = drifting = pieced = 0.0
    rows = np.flatnonzero(pieces.telling[::_EVERY_FRAMES])
    if len(rows) >= _LEAST_PIECES:
        found = [_at_one_lag(table[rows], rows * _EVERY_FRAMES) for table in tables if table.size]
        steady = max((value for value, _ in found), default=0.0)
        drifting = max((value for _, value in found), default=0.0)
        best = [table[rows].max(axis=1) for table in tables if table.size]
        pieced = float(np.mean(np.max(best, axis=0))) if best and prompted else 0.0
    if not prompted:
        return Likeness(steady, drifting)
    word = max((_in_a_row(table, _WORD_PIECES) for table in tables), default=0.0)
    repeated = _in_a_row(_apart(pieces.against(pieces)), _WORD_PIECES)
    stretch = max((_in_a_row(table, _STRETCH_PIECES) for table in tables), default=0.0)
    if max(word, repeated) >= _PROMISING:
        for trail in heard[1:]:
            phase = _Sound(trail).pieces()
            tables = [phase.against(other) for other in others]
            word = max([word, *(_in_a_row(table, _WORD_PIECES) for table in tables)])
            stretch = max([stretch, *(_in_a_row(table, _STRETCH_PIECES) for table in tables)])
            repeated = max(repeated, _in_a_row(_apart(phase.against(pieces)), _WORD_PIECES))
    return Likeness(steady, drifting, max(0.0, pieced), word, stretch, repeated)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """All pieces of a sound.

    Attributes:
        vectors: Unit vectors, shape (places, frames x bands).
        telling: Which of them hold enough moving sound.
    """

    vectors: Floats
    telling: NDArray[np.bool_]

    def against(self, other: "_Pieces") -> _Table:
        """Correlations with another sound; 0 where one of two pieces tells nothing."""
        table = self.vectors[::_EVERY_FRAMES] @ other.vectors.T
        table[~self.telling[::_EVERY_FRAMES]] = 0.0
        table[:, ~other.telling] = 0.0
        return table


_NOTHING = _Pieces(np.zeros((0, PIECE_FRAMES * BANDS), np.float32), np.zeros(0, np.bool_))


class _Sound:
    """Levels of a trail against the loud parts of each band, in dB.

    Attributes:
        floor: Of each band, below which there is noise, or nothing that matters.
    """

    def __init__(self, trail: Trail) -> None:
        levels = trail.astype(np.float32)
        sounding = levels[levels.max(axis=1) > _DIGITAL_SILENCE_DB] if levels.size else levels
        if len(sounding) < _LEAST_FRAMES:
            self._levels, self.floor = np.zeros((0, BANDS), np.float32), np.zeros(BANDS, np.float32)
            return
        noise, loud = np.percentile(sounding, (_NOISE_PERCENT, _BAND_LOUD_PERCENT), axis=0)
        noise = np.minimum(noise + _ABOVE_NOISE_DB, loud - _LEAST_RANGE_DB)
        least = np.maximum(np.percentile(levels, _LOUD_PERCENT), loud) - _RANGE_DB
        self._levels = levels - loud.astype(np.float32)
        self.floor = (np.maximum(noise, least) - loud).astype(np.float32)

    def pieces(self, floor: Floats | None = None) -> _Pieces:
        """All pieces, above the own floor and that of a sound to compare with."""
        if len(self._levels) < PIECE_FRAMES:
            return _NOTHING
        least = self.floor if floor is None else np.maximum(floor, self.floor)
        levels = np.maximum(self._levels, least)
        fine = (levels - _slow(levels)) * ((levels - least) / np.float32(_RANGE_DB))
        windows = np.lib.stride_tricks.sliding_window_view(fine, PIECE_FRAMES, axis=0)
        vectors = (windows - windows.mean(axis=2, keepdims=True)).reshape(len(windows), -1)
        powers = vectors * vectors
        total = powers.sum(axis=1)
        moving = total > _LEAST_MOVEMENT**2 * vectors.shape[1]
        # so many cells of equal power would be as uneven
        cells = total**2 / np.maximum(np.einsum("ij,ij->i", powers, powers), 1e-12)
        vectors /= np.maximum(np.sqrt(total), 1e-6)[:, None]
        return _Pieces(vectors, moving & (cells >= _LEAST_CELLS))


def _at_one_lag(table: _Table, starts: NDArray[np.intp]) -> tuple[float, float]:
    """Mean of the pieces that are likest at the common lag, which may not drift, and which may.

    The common lag is where the mean of all is highest. Only lags count that leave enough of the pieces inside the
    earlier trail.
    """
    places = table.shape[1]
    at = starts[:, None] + np.arange(-int(starts[-1]), places)[None]
    inside = (at >= 0) & (at < places)
    values = np.where(inside, np.take_along_axis(table, np.clip(at, 0, places - 1), axis=1), np.float32(0.0))
    counts = inside.sum(axis=0)
    means = np.where(counts >= max(_LEAST_PIECES, _LEAST_OVERLAP * len(starts)), values.sum(axis=0), 0.0)
    means = means / np.maximum(counts, 1)
    lag = int(means.argmax())
    if means[lag] <= 0.0:
        return 0.0, 0.0
    valid = inside[:, lag]
    peaks, offsets = _peaks(values[valid, max(0, lag - _NEAR_FRAMES) : lag + _NEAR_FRAMES + 1])
    drifts = offsets - _DRIFTS[:, None] * starts[valid]
    is_steady = np.abs(drifts - np.median(drifts, axis=1, keepdims=True)) <= _STEADY_FRAMES
    steady = np.maximum(0.0, is_steady @ peaks) / (len(peaks) + _UNLIKE_PIECES)
    return float(steady[len(_DRIFTS) // 2]), float(steady.max())


def _peaks(curves: Floats) -> tuple[Floats, Floats]:
    """The highest value of each row, and where it is, between frames by the parabola through its neighbours."""
    rows, peak = np.arange(len(curves)), curves.argmax(axis=1)
    inner = np.clip(peak, 1, curves.shape[1] - 2)
    before, top, after = (curves[rows, inner + step] for step in (-1, 0, 1))
    bend = before - 2 * top + after
    is_peak = (peak == inner) & (bend < -1e-6)
    shift = np.where(is_peak, 0.5 * (before - after) / np.where(is_peak, bend, 1.0), 0.0)
    return curves[rows, peak], (peak + shift).astype(np.float32)


def _in_a_row(table: _Table, pieces: int) -> float:
    """The highest mean of so many pieces in a row at one lag."""
    rows, columns = len(table) - pieces + 1, table.shape[1] - (pieces - 1) * _EVERY_FRAMES
    if rows < 1 or columns < 1:
        return 0.0
    total = sum(table[number : number + rows, number * _EVERY_FRAMES :][:, :columns] for number in range(pieces))
    return max(0.0, float(np.max(total)) / pieces)


def _apart(table: _Table) -> _Table:
    """Correlations of a sound with itself without those of places near by."""
    starts = np.arange(len(table)) * _EVERY_FRAMES
    return np.where(np.abs(starts[:, None] - np.arange(table.shape[1])) < _APART_FRAMES, np.float32(0.0), table)


def _slow(levels: Floats) -> Floats:
    padded = np.pad(levels, ((_SLOW_FRAMES + 1, _SLOW_FRAMES), (0, 0)), "edge")
    sums = np.cumsum(padded, axis=0, dtype=np.float64)
    width = 2 * _SLOW_FRAMES + 1
    return ((sums[width:] - sums[:-width]) / width).astype(np.float32)
