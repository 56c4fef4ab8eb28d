"""Tells systemd that the kiosk works (sd_notify), only while it really does."""

import os
import socket
from collections.abc import Mapping


class Watchdog:
    """The service manager's end of the line; does nothing where there is none.

    Args:
        environment: Where ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` are.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        # an abstract socket is written with an at sign
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None

    def ready(self) -> None:
        """The kiosk is ready."""
        self._tell("READY=1")

    def beat(self) -> None:
        """Every part of the kiosk lives."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The kiosk ends, as it was told to."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """Give the socket back. Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, text: str) -> None:
        if self._socket is not None:
            try:
                self._socket.sendto(text.encode(), self._address)
            except OSError:
                return  # without the service manager there is nobody to tell
