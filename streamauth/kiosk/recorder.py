"""Writes what happens to the outbox, by one thread and in order, so that no door waits for a disk.

A grant waits for its record, as nobody passes without one; locking the door never does.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field

from streamauth.core.door.message import DoorMessage
from streamauth.errors import StreamAuthError
from streamauth.store.outbox import Outbox

_LOG = logging.getLogger(__name__)
_MAX_WAITING = 10_000
_RETRY_S = 1.0


@dataclass
class _Batch:
    messages: Sequence[DoorMessage]
    must_be_now: bool
    written: bool = False
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False, repr=False)
class Recorder:
    """The one writer of a kiosk's outbox. Start it, and close it at last.

    Attributes:
        outbox: Where.
        outputs: Names of all outputs.
        on_recorded: Called by the writer's thread after each writing.
        retry_s: Wait after a failed writing, in seconds.
    """

    outbox: Outbox
    outputs: Sequence[str]
    on_recorded: Callable[[], None] = lambda: None
    _: KW_ONLY
    retry_s: float = _RETRY_S

    def __post_init__(self) -> None:
        self._waiting: deque[_Batch] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="door-recorder", daemon=True)
        self.failing = False

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, messages: Sequence[DoorMessage]) -> None:
        """Write these when it is their turn, however long the store fails until then."""
        if messages:
            self._enqueue(_Batch(messages, must_be_now=False))

    def commit(self, messages: Sequence[DoorMessage], within_s: float) -> bool:
        """Write these, and wait for it.

        Args:
            messages: What happened.
            within_s: Longest wait, in seconds.

        Returns:
            Whether they are written. Where not, they may still come to be: what then contradicts them must be
            recorded too.
        """
        batch = _Batch(messages, must_be_now=True)
        self._enqueue(batch)
        return batch.done.wait(within_s) and batch.written

    def close(self) -> None:
        """Write what waits, as far as the store lets, and stop. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _enqueue(self, batch: _Batch) -> None:
        with self._changed:
            while len(self._waiting) >= _MAX_WAITING:
                self._waiting.popleft()
            self._waiting.append(batch)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if not self._waiting:
                    return
                batch = self._waiting.popleft()
            if self._written(batch):
                continue
            with self._changed:
                if batch.must_be_now:
                    continue  # whoever waited was told
                self._waiting.appendleft(batch)
                if self._closed:
                    return
                urgent = any(each.must_be_now for each in self._waiting)
                if not urgent:
                    self._changed.wait(self.retry_s)
                else:
                    self._refuse_urgent()

    def _written(self, batch: _Batch) -> bool:
        try:
            self.outbox.record(batch.messages, self.outputs)
        except StreamAuthError as error:
            if not self.failing:
                _LOG.error("Events of the door cannot be recorded [%s]; nobody passes until they can.", error.code)
            self.failing = True
        except Exception as error:
            _LOG.error("Events of the door cannot be recorded (%s).", type(error).__name__)
            self.failing = True
        else:
            self.failing = False
            batch.written = True
            self.on_recorded()
        batch.done.set()
        return batch.written

    def _refuse_urgent(self) -> None:
        """While earlier events cannot be written, nothing urgent is either: the order would be lost."""
        for batch in [each for each in self._waiting if each.must_be_now]:
            self._waiting.remove(batch)
            batch.done.set()
