"""One claim on the microphone at a time, which expires by itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from streamauth.errors import MicrophoneBusy


@dataclass(slots=True, eq=False)
class Claim:
    """The right to use the microphone.

    Attributes:
        until_s: When it ends, by the clock of its maker.
    """

    until_s: float


class MicrophoneClaims:
    """Hands out the microphone. For any thread.

    Args:
        clock: Seconds; never goes backwards.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._held: Claim | None = None

    @contextmanager
    def claim(self, longest_s: float) -> Iterator[Claim]:
        """Hold the microphone; whoever holds it must end at ``until_s``, as it may be given to others from then on.

        Raises:
            MicrophoneBusy: Somebody holds it.
        """
        with self._lock:
            now_s = self._clock()
            if self._held is not None and now_s < self._held.until_s:
                raise MicrophoneBusy("Another login is listening just now. Type the password, or try again.")
            mine = self._held = Claim(now_s + longest_s)
        try:
            yield mine
        finally:
            with self._lock:
                if self._held is mine:
                    self._held = None
