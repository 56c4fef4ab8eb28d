"""The kiosk as a whole: its parts, and the loop that listens.

Threads: one hears and receives visitors (this loop), one keeps the door, one records, one for each output, one serves
the screen, one does the chores (commands, state, checks). Each may fail and go on; none of them can open the door but
by the keeper.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Protocol

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.door.events import DoorEventKind, DoorMode
from streamauth.core.settings import SpeechSettings
from streamauth.errors import MicrophoneUnavailable, StreamAuthError
from streamauth.kiosk.chores import Chores
from streamauth.kiosk.claims import Claims
from streamauth.kiosk.delivery import Courier
from streamauth.kiosk.gate import Gate
from streamauth.kiosk.identity import Identity
from streamauth.kiosk.keeper import DoorKeeper
from streamauth.kiosk.reader import Reader
from streamauth.kiosk.recorder import Recorder
from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.site_link import SiteLink
from streamauth.kiosk.visit import Visit, VisitRule
from streamauth.kiosk.voices import Voices
from streamauth.kiosk.web import ScreenFeed, ScreenServer, Touch, TouchKind
from streamauth.outputs.ports import DoorView
from streamauth.outputs.systemd import sd_notify

_LOG = logging.getLogger(__name__)
_RETRY_S = 2.0
_DRAIN_S = 0.1
_RINGS_EVERY_S = 3.0


class Source(Protocol):
    """A microphone that is open."""

    @property
    def format(self) -> AudioFormat:
        """Of its chunks."""

    def __iter__(self) -> Iterator[bytes]:
        """Its audio, until it is closed."""


OpenMicrophone = Callable[[], AbstractContextManager[Source]]
"""Opens the microphone; raises MicrophoneUnavailable."""


@dataclass
class Parts:
    """What a kiosk is made of.

    Attributes:
        recorder: Writes events.
        keeper: Works the door.
        gate: Decides who may pass.
        claims: Looks PINs and badges up.
        voices: Makes attempts.
        couriers: One for each output.
        chores: Commands, state, checks.
        feed: What the screen shows.
        server: Serves the screen.
        rule: How visitors are received.
        speech: Settings of voice activity.
        open_microphone: Opens the microphone.
        reader: Of badges, if there is one.
        identity: Which kiosk this is.
        link: To the site, where the store is a copy of it.
    """

    recorder: Recorder
    keeper: DoorKeeper
    gate: Gate
    claims: Claims
    voices: Voices
    couriers: list[Courier]
    chores: Chores
    feed: ScreenFeed
    server: ScreenServer
    rule: VisitRule
    speech: SpeechSettings
    open_microphone: OpenMicrophone
    identity: Identity
    reader: Reader | None = None
    link: SiteLink | None = None


class Kiosk:
    """Runs a kiosk until it is told to stop.

    Args:
        parts: What it is made of.
        retry_s: Wait before a lost microphone is opened again, in seconds.
    """

    def __init__(self, parts: Parts, *, retry_s: float = _RETRY_S) -> None:
        self._parts = parts
        self._retry_s = retry_s
        self._stop = threading.Event()
        self._touches: queue.SimpleQueue[Touch] = queue.SimpleQueue()
        self._shown = Screen(View.OUT_OF_ORDER)
        self._overlay: Screen | None = Screen(View.OUT_OF_ORDER)
        self._out_of_date = False
        self._showing = threading.Lock()
        self._microphone_lost = False
        self._rang_at = float("-inf")
        self.beat_s = time.monotonic()

    def stop(self) -> None:
        """End soon; for any thread and for signal handlers."""
        self._stop.set()

    @property
    def screen(self) -> Screen:
        """What is shown now."""
        return self._parts.feed.screen

    def touch(self, touch: Touch) -> None:
        """Take what a visitor said by touch or by a reader; for any thread."""
        self._touches.put(touch)

    def view_changed(self, view: DoorView) -> None:
        """The keeper tells how the door stands; for any thread."""
        by_mode = {DoorMode.LOCKDOWN: Screen(View.CLOSED), DoorMode.EVACUATION: Screen(View.EXIT)}
        with self._showing:
            self._overlay = by_mode.get(view.mode)
        self._refresh()
        self._parts.chores.view_changed(view)

    def age_changed(self, too_old: bool) -> None:
        """The link tells whether the copy of the site may still be used; for any thread."""
        with self._showing:
            self._out_of_date = too_old
        self._refresh()

    def run(self, on_ready: Callable[[str], None] = lambda url: None) -> None:
        """Start every part, receive visitors until ``stop``, and lock the door at the end.

        Args:
            on_ready: Called with the address of the screen once visitors may come.

        Raises:
            DoorTaken, DoorHardwareFailed, CannotListen, EngineError: A part cannot start.
        """
        parts = self._parts
        with ExitStack() as stack:
            stack.callback(parts.identity.close)
            holder = parts.identity.hold()
            if parts.link is not None:
                parts.link.claim(holder)
            parts.chores.claim(holder)
            parts.recorder.start()
            stack.callback(parts.recorder.close)
            stack.callback(parts.keeper.close)
            parts.keeper.start()
            if parts.link is not None:
                stack.callback(parts.link.close)
                parts.link.look()  # whoever comes first is to meet what the site knows now
                parts.link.start()
            for courier in parts.couriers:
                courier.start()
                stack.callback(courier.close)
            parts.server.start()
            stack.callback(parts.server.close)
            parts.voices.warm_up(with_words=True)
            if parts.reader is not None:
                parts.reader.start()
                stack.callback(parts.reader.close)
            parts.chores.start(self._lives)
            stack.callback(parts.chores.close)
            sd_notify("READY=1")
            on_ready(parts.server.url)
            self._receive()
            sd_notify("STOPPING=1")

    def _receive(self) -> None:
        while not self._stop.is_set():
            try:
                with self._parts.open_microphone() as microphone:
                    self._hear(microphone)
            except MicrophoneUnavailable as error:
                self._lost(error.code)
            except StreamAuthError as error:
                _LOG.error("The kiosk cannot receive visitors [%s].", error.code)
                self._wait_shut()
            except Exception as error:
                # what nobody foresaw must not leave a door without its kiosk
                _LOG.error("Unexpected failure (%s); the kiosk begins again.", type(error).__name__)
                self._wait_shut()

    def _hear(self, microphone: Source) -> None:
        parts = self._parts
        visit = Visit(
            parts.rule,
            parts.speech,
            microphone.format,
            parts.voices,
            parts.gate,
            self._show,
            lambda level: parts.feed.level(level.rms_dbfs),
        )
        try:
            for chunk in microphone:
                self.beat_s = time.monotonic()
                if self._microphone_lost:
                    self._microphone_lost = False
                    parts.keeper.report(DoorEventKind.MICROPHONE_FOUND)
                    parts.keeper.set_trouble("microphone", there=False)
                if self._stop.is_set():
                    return
                if self._is_overlaid():
                    if visit.busy:
                        visit.cancel()
                    self._answer_touches(None)
                    continue
                self._answer_touches(visit)
                visit.hear(chunk)
        finally:
            visit.cancel()

    def _lost(self, code: str) -> None:
        if not self._microphone_lost:
            _LOG.error("The microphone is lost [%s].", code)
            self._parts.keeper.report(DoorEventKind.MICROPHONE_LOST)
            self._parts.keeper.set_trouble("microphone", there=True)
        self._microphone_lost = True
        self._wait_shut()

    def _wait_shut(self) -> None:
        """Nobody is received for a while, but the bell rings."""
        self._show(Screen(View.OUT_OF_ORDER))
        until_s = time.monotonic() + self._retry_s
        while not self._stop.is_set() and time.monotonic() < until_s:
            self.beat_s = time.monotonic()
            self._answer_touches(None)
            self._stop.wait(_DRAIN_S)

    def _answer_touches(self, visit: Visit | None) -> None:
        """Take what visitors said; without a visit only the bell is answered."""
        while not self._touches.empty():
            touch = self._touches.get()
            if touch.kind is TouchKind.RING:
                self._ring()
            elif visit is None:
                continue
            elif touch.kind is TouchKind.TOUCH:
                visit.touch()
            elif touch.kind is TouchKind.CANCEL:
                visit.cancel()
            elif self._parts.rule.by_claim:
                visit.claim(self._parts.claims.find(touch.text))

    def _ring(self) -> None:
        now_s = time.monotonic()
        if now_s - self._rang_at >= _RINGS_EVERY_S:
            self._rang_at = now_s
            self._parts.keeper.report(DoorEventKind.RING)

    def _show(self, screen: Screen) -> None:
        with self._showing:
            self._shown = screen
        self._refresh()

    def _refresh(self) -> None:
        with self._showing:
            wanted = self._overlay or (Screen(View.OFFLINE) if self._out_of_date else self._shown)
            if wanted != self._parts.feed.screen:
                self._parts.feed.show(wanted)

    def _is_overlaid(self) -> bool:
        with self._showing:
            return self._overlay is not None or self._out_of_date

    def _lives(self) -> None:
        """Called by the chores: tell the watchdog, if the door and the loop really live."""
        if self._parts.keeper.lives and time.monotonic() - self.beat_s < 20.0:
            sd_notify("WATCHDOG=1")

    @property
    def microphone_is_well(self) -> bool:
        """Whether the microphone gives audio."""
        return not self._microphone_lost and time.monotonic() - self.beat_s < 5.0
