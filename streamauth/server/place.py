"""A worker's place: what a server process has of its supervisor, and of the workers beside it (``workers``)."""

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import numpy as np

_LOAD, _READY, _BEAT_MS = range(3)
_FIELDS = 8


class Board:
    """How busy each worker is, whether it serves, and when it last showed life; in memory that they share.

    Made before the workers are. Each writes its own line only, so there is nothing to lock.

    Args:
        workers: How many lines.
    """

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, workers * _FIELDS * 8)
        self._lines = np.frombuffer(self._memory, np.int64).reshape(workers, _FIELDS)

    def note(self, number: int, load: int) -> None:
        """A worker shows life, and tells how many connections it has."""
        self._lines[number, _LOAD] = load
        self._lines[number, _BEAT_MS] = int(monotonic() * 1000)

    def begin(self, number: int) -> None:
        """A worker serves from now on."""
        self.note(number, 0)
        self._lines[number, _READY] = 1

    def clear(self, number: int) -> None:
        """A worker is gone."""
        self._lines[number] = 0

    def serving(self) -> int:
        """How many workers serve."""
        return int(self._lines[:, _READY].sum())

    def silent_s(self, number: int) -> float:
        """How long a worker that serves has shown no life, in seconds; 0 for one that does not serve yet."""
        if not self._lines[number, _READY]:
            return 0.0
        return max(0.0, monotonic() - float(self._lines[number, _BEAT_MS]) / 1000)

    def is_least(self, number: int, load: int) -> bool:
        """Whether no other worker that serves has fewer connections."""
        others = np.arange(len(self._lines)) != number
        loads = self._lines[others & (self._lines[:, _READY] == 1), _LOAD]
        return bool(loads.size == 0 or load <= loads.min())


@dataclass(eq=False, repr=False)
class Place:
    """One worker's place.

    Attributes:
        number: Of the worker, from 0.
        workers: How many there are.
        listening: File descriptor of the socket that they share.
        board: Where they tell each other how busy they are.
        lifeline: File descriptor that comes to its end with the supervisor.
        metrics_folder: Where the figures of all workers are.
        ready: Tells the supervisor the URL, once clients may come.
    """

    number: int
    workers: int
    listening: int
    board: Board
    lifeline: int
    metrics_folder: str
    ready: Callable[[str], None]

    def begin(self) -> None:
        """This worker serves from now on."""
        self.board.begin(self.number)

    def note(self, load: int) -> None:
        """Show life, and tell the others how many connections this worker has."""
        self.board.note(self.number, load)

    def is_next(self, load: int) -> bool:
        """Whether this worker should take the next connection, as none has fewer."""
        self.note(load)
        return self.board.is_least(self.number, load)

    def missing(self) -> int:
        """How many workers do not serve now."""
        return self.workers - self.board.serving()

    def close(self) -> None:
        """Give back what only this worker holds."""
        os.close(self.lifeline)
