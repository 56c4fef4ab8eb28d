"""Programs of one's own that a live session runs: on an accept, a reject, a change of the speaker, and to lock."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from streamauth.core.events import Decided, Verdict
from streamauth.outputs.command import command_words

LOCK_SESSION = ("loginctl", "lock-session")
_TIMEOUT_S = 10.0


@dataclass
class Hooks:
    """Which program runs when; empty runs none. Each gets the outcome as one line of JSON on its standard input.

    Attributes:
        on_accept: When the claimed speaker is accepted.
        on_reject: When an attempt ends otherwise.
        on_change: In a continuous session, each time the voice stops or begins again to be the accepted one.
        lock: In a continuous session, each time it stops.
    """

    on_accept: tuple[str, ...] = ()
    on_reject: tuple[str, ...] = ()
    on_change: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
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
        line = json.dumps({"decision": decided.verdict.value, "reasons": [str(reason) for reason in decided.reasons]})
        return [problem for words in wanted if words and (problem := _problem(words, line)) is not None]

    def begin_again(self) -> None:
        """A new attempt of the same session follows, as after the microphone was gone."""
        self._first, self._accepted = True, False


def _problem(words: Sequence[str], line: str) -> str | None:
    try:
        done = subprocess.run(
            words, input=line.encode() + b"\n", stdout=subprocess.DEVNULL, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"The command took longer than {_TIMEOUT_S:g} s."
    except OSError as error:
        return f"The command cannot be run ({error.strerror})."
    return None if done.returncode == 0 else f"The command ended with exit code {done.returncode}."
