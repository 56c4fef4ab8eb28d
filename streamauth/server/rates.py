"""How often somebody may do something: a token bucket for each."""

from collections.abc import Callable, Hashable
from time import monotonic

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
