"""Whom a PIN, a badge or a code claims; after too many unknown ones, nobody for a while."""

import time
from collections.abc import Callable

from streamauth.store.door_plan import Claimed, DoorPlan

_FREE = 5
_FIRST_WAIT_S = 60.0
_LAST_WAIT_S = 900.0


class Claims:
    """Looks claims up.

    A PIN of four digits is soon found by trying. So after five in a row that nobody has, all claims are refused for a
    minute, then two, up to a quarter of an hour; one that somebody has begins it anew.

    Args:
        plan: Who has which.
        clock: Seconds of a monotonic clock.
    """

    def __init__(self, plan: DoorPlan, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._clock = clock
        self._misses = 0
        self._refused_until_s = float("-inf")

    def find(self, text: str) -> Claimed | None:
        """Whom it claims; None where nobody has it, or claims are refused for now.

        Raises:
            StoreError: The plan cannot be read.
        """
        if self._clock() < self._refused_until_s:
            return None
        text = text.strip()
        found = self._plan.by_badge(text) or self._plan.by_pin(text)
        if found is not None:
            self._misses = 0
            return found
        self._misses += 1
        if self._misses >= _FREE:
            wait_s = min(_FIRST_WAIT_S * 2.0 ** (self._misses - _FREE), _LAST_WAIT_S)
            self._refused_until_s = self._clock() + wait_s
        return None
