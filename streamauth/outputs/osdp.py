"""OSDP (IEC 60839-11-5): the kiosk as a reader of an existing, certified access panel, by libosdp.

The panel owns the lock. When somebody may pass, the kiosk shows it one badge, as a reader would; what the panel makes
of it is the panel's affair: its schedules, its contacts, its alarms, its relay. Secure channel only.
"""

import os
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamauth.core.door.wiegand import frame_of
from streamauth.errors import BadBadge, BadSetting, DoorHardwareFailed

_BAUDS = {rate: getattr(termios, f"B{rate}") for rate in (9600, 19_200, 38_400, 57_600, 115_200)}
_REFRESH_S = 0.02  # a panel gives up a reader that does not answer within 200 ms; libosdp asks for 50 ms
_KEY_BYTES = 16
_WIEGAND_BITS = 26


class OsdpReader:
    """A reader on a serial line. See ``DoorHardware``; its contact and button belong to the panel.

    Args:
        path: The serial line.
        badge: What it shows for everybody who may pass, ``facility-number``; the log knows who it was.
        key: Of the secure channel, 16 bytes.
        address: Of the reader on the line, 0 to 126.
        baud: Speed of the line.

    Raises:
        BadSetting: One of these cannot be used.
    """

    def __init__(self, path: Path, badge: str, key: bytes, *, address: int = 0, baud: int = 9600) -> None:
        if len(key) != _KEY_BYTES:
            raise BadSetting("The key of an OSDP reader has 16 bytes, written as 32 hexadecimal digits.")
        if baud not in _BAUDS or not 0 <= address <= 126:
            raise BadSetting("An OSDP reader has an address from 0 to 126 and a usual speed, such as 9600.")
        try:
            self._frame = frame_of(badge)[1:]
        except BadBadge:
            raise BadSetting("The badge of an OSDP reader is written as 159-1270: facility and number.") from None
        self._path, self._key, self._address, self._baud = path, key, address, baud
        self._line: int | None = None
        self._device: Any = None
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_online(self) -> bool:
        """Whether the panel talks to it, by the secure channel."""
        with self._lock:
            return self._device is not None and bool(self._device.is_online() and self._device.is_sc_active())

    def begin(self, on_contact: Callable[[bool], None], on_exit: Callable[[], None]) -> None:
        """See ``DoorHardware``."""
        try:
            import osdp_sys
            from osdp import Capability, LibFlag, PDCapabilities, PDInfo
        except ImportError:
            raise DoorHardwareFailed("libosdp is missing: pip install 'streamauth[osdp]'.") from None
        try:
            self._line = self._opened()
        except (OSError, termios.error):
            raise DoorHardwareFailed("The serial line of the OSDP reader cannot be opened.") from None
        info = PDInfo(
            self._address, _channel(self._line), scbk=self._key, flags=[LibFlag.EnforceSecure], name="streamauth"
        )
        able = PDCapabilities([(Capability.CardDataFormat, 1, 1), (Capability.CommunicationSecurity, 1, 1)])
        osdp_sys.set_loglevel(0)
        self._device = osdp_sys.PeripheralDevice(info.get(), capabilities=able.get())
        # a panel's wishes for lights and sounds are taken and not followed: the screen has its own
        self._device.set_command_callback(lambda command: (0, None))
        self._thread = threading.Thread(target=self._refresh, name="door-osdp", daemon=True)
        self._thread.start()

    def set_unlocked(self, unlocked: bool) -> None:
        """See ``DoorHardware``: shows the badge; locking is the panel's affair."""
        if not unlocked:
            return
        from osdp import CardFormat, Event

        if not self.is_online:
            raise DoorHardwareFailed("The access panel does not talk to this reader.")
        badge = {
            "event": Event.CardRead,
            "reader_no": 0,
            "direction": 0,
            "format": CardFormat.Wiegand,
            "length": _WIEGAND_BITS,
            "data": self._frame,
        }
        with self._lock:
            taken = self._device.submit_event(badge)
        if not taken:
            raise DoorHardwareFailed("The access panel does not take a badge now.")

    def close(self) -> None:
        """See ``DoorHardware``."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._device = None
        line, self._line = self._line, None
        if line is not None:
            os.close(line)

    def _refresh(self) -> None:
        while not self._closed.wait(_REFRESH_S):
            with self._lock:
                self._device.refresh()

    def _opened(self) -> int:
        line = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            speed = _BAUDS[self._baud]
            # eight bits, no parity, one stop bit, nothing changed on the way
            control = termios.CS8 | termios.CREAD | termios.CLOCAL
            attributes = [0, 0, control, 0, speed, speed, termios.tcgetattr(line)[6]]
            termios.tcsetattr(line, termios.TCSANOW, attributes)
        except BaseException:
            os.close(line)
            raise
        return line


def _channel(line: int) -> Any:
    from osdp import Channel

    class Line(Channel):  # type: ignore[misc]
        """The serial line, as libosdp asks for it."""

        def read(self, max_bytes: int) -> bytes:
            try:
                return os.read(line, max_bytes)
            except OSError:
                return b""  # nothing there, or the line is gone: the panel sees the reader go

        def write(self, buf: bytes) -> int:
            try:
                return os.write(line, buf)
            except OSError:
                return 0

        def flush(self) -> None:
            pass

    return Line()
