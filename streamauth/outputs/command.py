"""The operator's own programs: one that is told each event, and a lock that two commands work."""

import json
import shlex
import subprocess
from collections.abc import Callable, Sequence

from streamauth.core.door.message import DoorMessage
from streamauth.errors import BadSetting, DoorHardwareFailed, OutputUnavailable


def command_words(text: str) -> tuple[str, ...]:
    """A command line as words; no shell ever sees it.

    Raises:
        BadSetting: Its quotes do not match.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise BadSetting("A command's quotation marks do not match.") from None


class CommandSink:
    """Runs a program for each event, with the event as one line of JSON on its standard input. See ``Sink``.

    Exit code 0 says that it has the event; anything else, and more than ``timeout_s``, that it is to be told again.

    Args:
        words: Program and arguments.
        timeout_s: Longest run, in seconds.
    """

    name = "command"

    def __init__(self, words: Sequence[str], timeout_s: float = 10.0) -> None:
        self._words = tuple(words)
        self._timeout_s = timeout_s

    def deliver(self, message: DoorMessage) -> None:
        """See ``Sink``."""
        line = json.dumps(message.as_dict(), ensure_ascii=False) + "\n"
        _run(self._words, line, self._timeout_s, OutputUnavailable)

    def close(self) -> None:
        """See ``Sink``."""


class CommandDoor:
    """A lock that two programs release and let fall back; it has no contact and no button. See ``DoorHardware``.

    Args:
        unlock: Program and arguments that release it.
        lock: Those that let it fall back.
        timeout_s: Longest run, in seconds.
    """

    def __init__(self, unlock: Sequence[str], lock: Sequence[str], timeout_s: float = 5.0) -> None:
        self._unlock, self._lock = tuple(unlock), tuple(lock)
        self._timeout_s = timeout_s
        self._begun = False

    def begin(self, on_contact: Callable[[bool], None], on_exit: Callable[[], None]) -> None:
        """See ``DoorHardware``."""
        self._begun = True
        self.set_unlocked(False)

    def set_unlocked(self, unlocked: bool) -> None:
        """See ``DoorHardware``."""
        _run(self._unlock if unlocked else self._lock, "", self._timeout_s, DoorHardwareFailed)

    def close(self) -> None:
        """See ``DoorHardware``."""
        if self._begun:
            self._begun = False
            self.set_unlocked(False)


def problem_of(words: Sequence[str], text: str, timeout_s: float, stderr: int | None = None) -> str | None:
    """Run a program with a text on its standard input; a sentence on what went wrong, None where nothing did.

    Args:
        words: Program and arguments.
        text: What it gets.
        timeout_s: Longest run, in seconds.
        stderr: Where its messages go, as of ``subprocess``; its output goes nowhere.
    """
    try:
        done = subprocess.run(
            words, input=text.encode(), stdout=subprocess.DEVNULL, stderr=stderr, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"The command took longer than {timeout_s:g} s."
    except OSError as error:
        return f"The command cannot be run ({error.strerror})."
    return None if done.returncode == 0 else f"The command ended with exit code {done.returncode}."


def _run(
    words: Sequence[str], text: str, timeout_s: float, error: type[OutputUnavailable] | type[DoorHardwareFailed]
) -> None:
    # the program's own messages may quote the event, so they go nowhere
    if problem := problem_of(words, text, timeout_s, subprocess.DEVNULL):
        raise error(problem)
