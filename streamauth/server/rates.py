"""Limits of how often somebody may do something, and of how much at the same time.

``Buckets`` and ``Shares`` count what this process does, and protect it. ``SharedBuckets`` count what all processes and
hosts do, in the store.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from time import monotonic

from streamauth.errors import RateLimited, StoreError
from streamauth.server.pool import WorkerPool
from streamauth.store.rates import Rate, Rates

_MOST_NAMES = 20_000
_LEASES = 50


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

    def give_back(self, name: Hashable = None, cost: float = 1.0) -> None:
        """Put back what was taken for something that then did not happen."""
        if name in self._levels:
            level, since_s = self._levels[name]
            self._levels[name] = (min(self._burst, level + cost), since_s)


class SharedBuckets:
    """One bucket for each name, common to all processes and hosts.

    What is too much already by this process's own count is refused without asking the store. Of a bucket that holds
    much, several are taken at once and used up here, so that not every request writes.

    Args:
        rate: How often.
        rates: Where all processes count.
        store_pool: Where the store is written.
        guards: Whether the limit keeps people from guessing: then nothing goes on where the store cannot be asked.
            Other limits keep load away; where the store is away, this process's own count has to do.
    """

    def __init__(self, rate: Rate, rates: Rates, store_pool: WorkerPool, *, guards: bool = False) -> None:
        self._rate = rate
        self._rates = rates
        self._store_pool = store_pool
        self._guards = guards
        self._own = Buckets(rate.per_s, rate.burst)
        self._lease = 1.0 if guards else max(1.0, rate.burst // _LEASES)
        self._leased: dict[str, float] = {}

    async def take(self, name: str, cost: float = 1.0) -> bool:
        """Take from the bucket of a name; tell whether there was enough.

        Raises:
            StoreError: A limit that guards, and the store cannot be asked.
        """
        if not self._own.take(name, cost):
            return False
        if self._leased.get(name, 0.0) >= cost:
            self._leased[name] -= cost
            return True
        try:
            for wanted in dict.fromkeys((max(cost, self._lease), cost)):
                if await self._store_pool.run(lambda wanted=wanted: self._rates.take(self._rate, name, wanted)):  # type: ignore[misc]
                    self._keep(name, wanted - cost)
                    return True
        except StoreError:
            if self._guards:
                raise
            return True
        return False

    def give_back(self, name: str) -> None:
        """Put back what was taken for something that then did not happen."""
        self._own.give_back(name)
        self._store_pool.submit(lambda: self._rates.give_back(self._rate, name))

    def _keep(self, name: str, left: float) -> None:
        if left > 0:
            self._leased[name] = self._leased.pop(name, 0.0) + left
            if len(self._leased) > _MOST_NAMES:
                del self._leased[next(iter(self._leased))]


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
