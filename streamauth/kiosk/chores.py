"""What a kiosk does in the background: operators' commands, its published state, checks, deletion of old events."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from streamauth.core.door.events import DoorEventKind
from streamauth.errors import StreamAuthError
from streamauth.kiosk.health import ClockWatch, Nightly, Part, check
from streamauth.kiosk.keeper import DoorKeeper
from streamauth.outputs.ports import DoorView
from streamauth.store.doors import Doors
from streamauth.store.outbox import Outbox

_LOG = logging.getLogger(__name__)
_EVERY_S = 0.5
_REPORT_EVERY_S = 30.0
_DAY_MS = 86_400_000


@dataclass(eq=False, repr=False)
class Chores:
    """Done by a thread of its own. Start it, and close it at last.

    Attributes:
        doors: The board.
        outbox: Where old events are.
        keeper: Obeys commands.
        zone: Time zone of the door.
        self_check_hour: Hour of the nightly check.
        keep_days: Time that events are kept, in days.
        parts: What is checked.
        every_s: Time between two looks, in seconds.
        clock: Seconds since the epoch.
    """

    doors: Doors
    outbox: Outbox
    keeper: DoorKeeper
    _: KW_ONLY
    zone: ZoneInfo
    self_check_hour: int = 3
    keep_days: float = 90.0
    parts: list[Part] = field(default_factory=list)
    every_s: float = _EVERY_S
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._nightly = Nightly(self.self_check_hour)
        self._clock_watch = ClockWatch(self.clock)
        self._wake = threading.Event()
        self._closed = False
        self._view: DoorView | None = None
        self._reported_at = float("-inf")
        self._lives: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="kiosk-chores", daemon=True)
        self._holder = ""
        self._claimed_at = float("-inf")
        self._taken = False
        self.unwell: list[str] = []
        self.on_view: list[Callable[[DoorView], None]] = []

    def start(self, lives: Callable[[], None]) -> None:
        """Begin.

        Args:
            lives: Called at each look; tells the watchdog.
        """
        self._lives = lives
        self._thread.start()

    def claim(self, holder: str) -> None:
        """Say that this kiosk keeps the door, from now on.

        Raises:
            DoorTaken: Another one does.
            StoreError: The board cannot be written.
        """
        self.doors.claim(self.keeper.name, holder)
        self._holder, self._claimed_at = holder, time.monotonic()

    def close(self) -> None:
        """Stop, and let the door go. Idempotent."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        holder, self._holder = self._holder, ""
        if holder:
            with suppress(StreamAuthError):  # it is let go by itself a minute later
                self.doors.release(self.keeper.name, holder)

    def view_changed(self, view: DoorView) -> None:
        """The door stands in another way; for any thread."""
        self._view = view
        self._wake.set()
        for tell in self.on_view:
            tell(view)

    def self_check(self) -> list[str]:
        """Look at every part, and record what is not well."""
        self.unwell = check(self.parts)
        self.keeper.report(DoorEventKind.CHECKED, None, ",".join(self.unwell)[:64] or "ok")
        return self.unwell

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            for chore in (self._lives, self._obey, self._report, self._watch_clock, self._nights):
                try:
                    chore()
                except StreamAuthError as error:
                    _LOG.warning("A chore of the kiosk failed [%s].", error.code)
                except Exception as error:
                    _LOG.error("A chore of the kiosk failed (%s).", type(error).__name__)
            self._wake.wait(self.every_s)

    def _obey(self) -> None:
        if self._holder and time.monotonic() - self._claimed_at >= _REPORT_EVERY_S:
            # what was meant for another door of this name must not open this one
            self._claimed_at, self._taken = time.monotonic(), True
            self.doors.claim(self.keeper.name, self._holder)
            self._taken = False
        if self._taken:
            return
        for command in self.doors.take(self.keeper.name):
            self.keeper.obey(command)

    def _report(self) -> None:
        view, now_s = self._view, time.monotonic()
        if view is None and now_s - self._reported_at < _REPORT_EVERY_S:
            return
        self._view = None
        current = view or self.keeper.view
        problem = current.problem or bool(self.unwell)
        self.doors.report(self.keeper.name, current.state, current.mode, problem=problem)
        self._reported_at = now_s

    def _watch_clock(self) -> None:
        jump_s = self._clock_watch.jumped_s()
        if jump_s is not None:
            self.keeper.report(DoorEventKind.CLOCK_JUMPED, None, f"{jump_s:+.0f} s")

    def _nights(self) -> None:
        now_s = self.clock()
        if not self._nightly.is_due(datetime.fromtimestamp(now_s, UTC).astimezone(self.zone)):
            return
        self.self_check()
        self.outbox.forget(int(now_s * 1000 - self.keep_days * _DAY_MS))
