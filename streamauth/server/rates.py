"""Limits of how often somebody may do something, and of how much at the same time."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from time import monotonic

from streamauth.errors import RateLimited

_MOST_NAMES = 20_000


class Buckets:
    """One bucket for each name; each holds a burst, and fills at a rate.

    Args:
        per_s: How much comes in each second.
        burst: How much a bucket holds.
        clock: In seconds.
    """

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def holds(self, name: Hashable = None, cost: float = 1.0) -> bool:
        """Whether there is enough in the bucket of a name."""
        level, since_s = self._levels.get(name, (self._burst, self._clock()))
        return min(self._burst, level + (self._clock() - since_s) * self._per_s) >= cost

    def take(self, name: Hashable = None, cost: float = 1.0) -> bool:
        """Take from the bucket of a name; tell whether there was enough. What is lacking is not owed."""
        now_s = self._clock()
        level, since_s = self._levels.pop(name, (self._burst, now_s))
        level = min(self._burst, level + (now_s - since_s) * self._per_s)
        enough = level >= cost
        self._levels[name] = (max(0.0, level - cost), now_s)
        if len(self._levels) > _MOST_NAMES:
            # the one that did nothing for longest
            del self._levels[next(iter(self._levels))]
        return enough


class Shares:
    """How much each name may do at the same time.

    Args:
        most: At most so many of one name.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[Hashable] = Counter()

    @contextmanager
    def hold(self, name: Hashable) -> Iterator[None]:
        """One more of a name, for as long as the block runs.

        Raises:
            RateLimited: There are as many as there may be.
        """
        if self._held[name] >= self._most:
            raise RateLimited("There are as many requests at the same time as there may be. Wait a moment.")
        self._held[name] += 1
        try:
            yield
        finally:
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]
