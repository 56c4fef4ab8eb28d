"""The user's own programs that a live session runs: on an accept, a reject, a change of speaker, and to lock."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from streamauth.core.events import Decided, Event, ScoreUpdated, Verdict
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.outputs.command import command_words, problem_of

LOCK_SESSION = ("loginctl", "lock-session")
_TIMEOUT_S = 10.0


@dataclass
class Hooks:
    """Which program runs when; empty runs none. Each gets the outcome as one line of JSON on its standard input.

    Attributes:
        on_accept: When the claimed speaker is accepted.
        on_reject: When an attempt ends otherwise.
        on_change: In a continuous session, each time the voice stops or begins again to be the accepted one.
        lock: In a continuous session, each time it stops, and each time the speaker was not heard for ``lock_after_s``.
        lock_after_s: In seconds of audio.
    """

    on_accept: tuple[str, ...] = ()
    on_reject: tuple[str, ...] = ()
    on_change: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    lock_after_s: float = math.inf
    _accepted: bool = False
    _first: bool = True

    @classmethod
    def of(cls, on_accept: str | None, on_reject: str | None, on_change: str | None, lock: str | None) -> "Hooks":
        """From command lines, as they were given.

        Raises:
            BadSetting: The quotes of one do not match.
        """
        accept, reject, change, locking = (
            command_words(text) if text else () for text in (on_accept, on_reject, on_change, lock)
        )
        return cls(accept, reject, change, locking)

    def decided(self, decided: Decided) -> list[str]:
        """Run what a decision asks for; sentences on programs that failed.

        The words that were said and the scores are told to no program.
        """
        accepted = decided.verdict is Verdict.ACCEPT
        wanted = [self.on_accept if accepted else self.on_reject] if self._first else [self.on_change]
        if self._accepted and not accepted:
            wanted.insert(0, self.lock)
        self._first, self._accepted = False, accepted
        reasons = [str(reason) for reason in decided.reasons]
        return _problems(wanted, {"decision": decided.verdict.value, "reasons": reasons})

    def absent(self) -> list[str]:
        """Run what the absence of the accepted speaker asks for; sentences on programs that failed."""
        return _problems([self.lock], {"absent_s": self.lock_after_s})

    def begin_again(self) -> None:
        """A new attempt of the same session follows, as after the microphone was gone."""
        self._first, self._accepted = True, False


class Absence:
    """Finds out that the accepted speaker has not been heard for long. The audio is the clock.

    Args:
        after_s: How long, in seconds.
        threshold: The LLR of a score that is the speaker's.
    """

    def __init__(self, after_s: float, threshold: float) -> None:
        self._after_s = after_s
        self._threshold = threshold
        self._accepted = False
        self._heard_at_s: float | None = None

    def begins_with(self, event: Event) -> bool:
        """Whether the speaker counts as absent from this event on; true once for each absence."""
        at_s = event.at_sample / SAMPLE_RATE_HZ
        if isinstance(event, Decided):
            self._accepted = event.verdict is Verdict.ACCEPT
            self._heard_at_s = at_s if self._accepted else None
        elif isinstance(event, ScoreUpdated) and self._accepted and event.llr >= self._threshold:
            self._heard_at_s = at_s
        if self._heard_at_s is None or at_s - self._heard_at_s < self._after_s:
            return False
        self._heard_at_s = None
        return True


def _problems(commands: Sequence[Sequence[str]], data: dict[str, object]) -> list[str]:
    """Run programs, each told the data as one line; a sentence on each that failed."""
    line = json.dumps(data) + "\n"
    return [problem for words in commands if words and (problem := problem_of(words, line, _TIMEOUT_S))]
