"""Keeps a kiosk in touch with its site: learns what changed, obeys its commands, tells how the door stands.

By a thread of its own, as a network that is cut may hold a call for a long time.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass

from streamauth.core.door.events import DoorEventKind
from streamauth.core.door.message import DoorMessage
from streamauth.errors import OutputUnavailable, StoreError, StreamAuthError
from streamauth.kiosk.keeper import DoorKeeper
from streamauth.kiosk.site_copy import SiteCopy
from streamauth.store.store import Store

_LOG = logging.getLogger(__name__)
_EVERY_S = 2.0
_REPORT_EVERY_LOOKS = 15

SITE = "site"
"""Name of the output that takes events to the site."""


@dataclass(eq=False, repr=False)
class SiteLink:
    """The link. Start it, and close it at last.

    Attributes:
        copy: What is kept here.
        open_site: Opens the site's store.
        keeper: Works the door.
        on_age: Called after each look with whether the copy is too old to let anybody in.
        every_s: Time between two looks, in seconds.
    """

    copy: SiteCopy
    open_site: Callable[[], Store]
    keeper: DoorKeeper
    on_age: Callable[[bool], None] = lambda too_old: None
    _: KW_ONLY
    every_s: float = _EVERY_S

    def __post_init__(self) -> None:
        self.holder = ""
        self._site: Store | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kiosk-site", daemon=True)
        self._looks = 0
        self._told: object = None
        self.reached = True

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop. Idempotent."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._site is not None:
            with suppress(StreamAuthError):  # it is let go by itself a minute later
                self._site.doors.release(self.copy.door, self.holder)
            self._site.close()
            self._site = None

    def claim(self, holder: str) -> None:
        """Say at the site that this kiosk keeps the door; a site that cannot be reached is told later.

        Raises:
            DoorTaken: Another one does.
        """
        self.holder = holder
        try:
            self._site = self._site or self.open_site()
            self._site.doors.claim(self.copy.door, holder)
        except StoreError as error:
            _LOG.warning("The site is not reached at the start [%s].", error.code)

    @property
    def site(self) -> Store:
        """The site's store.

        Raises:
            OutputUnavailable: It cannot be reached now.
        """
        if self._site is None or not self.reached:
            raise OutputUnavailable("The site cannot be reached.")
        return self._site

    def look(self) -> bool:
        """Look at the site once; whether it was reached."""
        try:
            site = self._site = self._site or self.open_site()
            self.copy.pull(site)
            if self.holder and self._looks % _REPORT_EVERY_LOOKS == 0:
                # what was meant for another door of this name must not open this one
                site.doors.claim(self.copy.door, self.holder)
            for command in site.doors.take(self.copy.door):
                self.keeper.obey(command)
            self._tell(site)
        except StreamAuthError as error:
            self._was_reached(False, error.code)
        except Exception as error:
            self._was_reached(False, type(error).__name__)
        else:
            self._was_reached(True)
        try:
            self.copy.tick()
        except StreamAuthError as error:
            _LOG.warning("The age of the copy cannot be noted [%s].", error.code)
        self.on_age(self.copy.too_old)
        return self.reached

    def _tell(self, site: Store) -> None:
        view = self.keeper.view
        self._looks += 1
        if view != self._told or self._looks % _REPORT_EVERY_LOOKS == 0:
            site.doors.report(self.copy.door, view.state, view.mode, problem=view.problem)
            self._told = view

    def _was_reached(self, reached: bool, code: str = "") -> None:
        if reached is self.reached:
            return
        self.reached = reached
        if reached:
            _LOG.info("The site is reached again; what happened meanwhile is sent to it.")
        else:
            _LOG.warning("The site cannot be reached [%s]; the door goes on with what is known here.", code)
            self._told = None
        self.keeper.report(DoorEventKind.RECONNECTED if reached else DoorEventKind.CUT_OFF)
        self.keeper.set_trouble("site", there=not reached)

    def _run(self) -> None:
        while not self._closed.is_set():
            self.look()
            self._closed.wait(self.every_s)


class SiteSink:
    """The output that takes events into the site's log.

    Args:
        links: The way to the site, filled before the first delivery.
    """

    name = SITE

    def __init__(self, links: Sequence[SiteLink]) -> None:
        self._links = links

    def deliver(self, message: DoorMessage) -> None:
        """See ``Sink``. An event that the site has already is not written twice."""
        self._links[0].site.outbox.record_once(message)

    def close(self) -> None:
        """See ``Sink``; the link is closed by its owner."""
