"""Checks that the kiosk works: every part each night, and the clock all the time."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.errors import StreamAuthError
from streamauth.service.authenticator import Authenticator

_LEAST_FREE_BYTES = 200_000_000
_JUMP_S = 5.0


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the kiosk.

    Attributes:
        name: What an operator knows it by.
        is_well: Whether it is; an exception says that it is not.
    """

    name: str
    is_well: Callable[[], bool]


def check(parts: Sequence[Part]) -> list[str]:
    """Names of the parts that are not well."""
    bad = []
    for part in parts:
        try:
            well = part.is_well()
        except Exception:  # whatever a part raises, it is not well
            well = False
        if not well:
            bad.append(part.name)
    return bad


def engines_are_well(authenticator: Authenticator) -> bool:
    """Whether the speaker encoder still gives finite embeddings of unit length, alike for the same sound."""
    encoder = authenticator.engines.models(with_words=True).encoder
    time_s = np.arange(encoder.window_samples) / SAMPLE_RATE_HZ
    sound = (0.1 * np.sin(2 * np.pi * 220 * time_s)).astype(np.float32)
    first, second = encoder.embed(np.stack((sound, sound)))
    return bool(np.isfinite(first).all() and abs(float(first @ second) - 1) < 1e-3)


def disk_is_well(folder: Path) -> bool:
    """Whether there is room for events."""
    return shutil.disk_usage(folder).free >= _LEAST_FREE_BYTES


class Nightly:
    """Tells when it is time for the nightly check: once a day, in its hour.

    Args:
        hour: Of the door's wall clock.
    """

    def __init__(self, hour: int) -> None:
        self._hour = hour
        self._last: date | None = None

    def is_due(self, local: datetime) -> bool:
        """Whether it is time now; then it is not again on this day."""
        if local.hour != self._hour or self._last == local.date():
            return False
        self._last = local.date()
        return True


class ClockWatch:
    """Notices that the wall clock was set, which moves schedules but never a timer.

    Args:
        wall_s: Seconds since the epoch.
        monotonic_s: Seconds of a monotonic clock.
    """

    def __init__(
        self, wall_s: Callable[[], float] = time.time, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._offset_s = wall_s() - monotonic_s()

    def jumped_s(self) -> float | None:
        """By how many seconds the clock was set since the last look; None where it was not."""
        offset_s = self._wall_s() - self._monotonic_s()
        jump_s, self._offset_s = offset_s - self._offset_s, offset_s
        return jump_s if abs(jump_s) >= _JUMP_S else None


def store_is_well(authenticator: Authenticator) -> bool:
    """Whether the store answers."""
    try:
        authenticator.store.profiles.count()
    except StreamAuthError:
        return False
    return True
