"""Whether a profile may be tried now: a pure rule over counted failures and a given time.

A voice can be guessed at, played back or talked over, so the number of tries is part of the security: with a
false-accept rate of p, n tries break in with about n * p. The rule is:

* Up to ``free_failures`` failures in a row cost nothing: people cough.
* From then on each failure must be followed by a wait of ``base_delay_s``, doubled for every further failure,
  at most ``max_delay_s``. This slows a guesser down and hardly bothers the right person.
* After ``lock_after`` failures in a row the profile is locked until an operator opens it.

An attempt is charged as a failure *at its first speech*, before anything of it is told, and only its outcome takes
the charge back. So neither hanging up in time nor killing the server makes a try free of charge, and of many
attempts begun at once each one sees the charges of the others.
"""

from dataclasses import dataclass
from enum import StrEnum

from streamauth.core.settings import AttemptSettings

_MAX_DOUBLINGS = 64  # beyond any legal ratio of max_delay_s to base_delay_s; keeps the power finite


class AttemptOutcome(StrEnum):
    """What becomes of the charge when an attempt ends."""

    ACCEPTED = "accepted"
    """The failures in a row are over: this charge and all earlier ones go."""
    REJECTED = "rejected"
    """The charge stays; also for an attempt that broke off after something had been compared, or else a
    guesser would watch the score and hang up before the reject."""
    NO_EVIDENCE = "no_evidence"
    """Nothing was compared, so nothing could be learnt from it: this charge alone goes."""


@dataclass(frozen=True, slots=True)
class AttemptState:
    """What is known of a profile's failures.

    Attributes:
        failures: Failures in a row, attempts still under way included.
        last_failure_at_s: When the last of them began, in seconds since the epoch; None without one.
    """

    failures: int = 0
    last_failure_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The attempt may begin."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """The attempt comes too soon.

    Attributes:
        wait_s: Seconds until one may begin, above 0 and at most ``max_delay_s``.
    """

    wait_s: float


@dataclass(frozen=True, slots=True)
class Locked:
    """Only an operator can open the profile again."""


def judge_attempt(state: AttemptState, now_s: float, settings: AttemptSettings) -> Allowed | Delayed | Locked:
    """Whether an attempt may begin.

    Args:
        state: The failures so far.
        now_s: The time, in seconds since the epoch. A clock that was set back counts as no time passed.
        settings: The limits.
    """
    if state.failures >= settings.lock_after:
        return Locked()
    if state.last_failure_at_s is None:
        return Allowed()
    wait_s = delay_s(state.failures, settings) - max(0.0, now_s - state.last_failure_at_s)
    return Delayed(wait_s) if wait_s > 0 else Allowed()


def delay_s(failures: int, settings: AttemptSettings) -> float:
    """Seconds that must lie between the last of so many failures and the next attempt."""
    free = max(settings.free_failures, 1)  # a delay can only follow a failure
    if failures < free:
        return 0.0
    return min(settings.base_delay_s * 2.0 ** min(failures - free, _MAX_DOUBLINGS), settings.max_delay_s)
