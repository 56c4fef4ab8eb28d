"""Delivers events from the outbox to one output, in order, and repeats until they have arrived."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

from streamauth.errors import StreamAuthError
from streamauth.outputs.ports import Sink
from streamauth.store.outbox import Outbox

_LOG = logging.getLogger(__name__)
_FIRST_RETRY_S = 1.0
_LAST_RETRY_S = 60.0
_LOOK_AGAIN_S = 5.0


@dataclass(eq=False, repr=False)
class Courier:
    """Delivers a door's events to a sink by a thread of its own, so that a slow output holds up no other.

    Attributes:
        outbox: Where the events wait.
        sink: Who gets them.
        door: Of which door.
        first_retry_s: Wait after a failure, in seconds; it doubles up to a minute.
        clock: Seconds since the epoch.
    """

    outbox: Outbox
    sink: Sink
    door: str
    _: KW_ONLY
    first_retry_s: float = _FIRST_RETRY_S
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"door-{self.sink.name}", daemon=True)
        self.failing = False

    def start(self) -> None:
        """Begin to deliver, with what waits from before."""
        self._thread.start()

    def wake(self) -> None:
        """Something new waits."""
        self._wake.set()

    def close(self) -> None:
        """Stop; what waits is delivered after the next start. Idempotent."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self.sink.close()

    def _run(self) -> None:
        retry_s = self.first_retry_s
        while not self._closed:
            self._wake.clear()
            try:
                delivered = self._deliver_one()
            except Exception as error:
                # a sink is code of an operator's choice: whatever it raises, the event waits
                code = error.code if isinstance(error, StreamAuthError) else type(error).__name__
                if not self.failing:
                    _LOG.warning("The output %s cannot be reached [%s]; events wait.", self.sink.name, code)
                self.failing = True
                self._pause(retry_s)
                retry_s = min(retry_s * 2, _LAST_RETRY_S)
                continue
            if self.failing and delivered:
                _LOG.info("The output %s is reached again.", self.sink.name)
            if delivered:
                self.failing, retry_s = False, self.first_retry_s
            else:
                self._wake.wait(_LOOK_AGAIN_S)

    def _deliver_one(self) -> bool:
        waiting = self.outbox.next(self.sink.name, self.door)
        if waiting is None:
            return False
        sequence, message = waiting
        try:
            self.sink.deliver(message)
        except BaseException:
            self.outbox.release(sequence)
            raise
        self.outbox.delivered(sequence, int(self.clock() * 1000))
        return True

    def _pause(self, seconds: float) -> None:
        """Wait, and not end early because something new waits too."""
        deadline = time.monotonic() + seconds
        while not self._closed and (left := deadline - time.monotonic()) > 0:
            self._wake.wait(min(left, 0.2))
            self._wake.clear()
