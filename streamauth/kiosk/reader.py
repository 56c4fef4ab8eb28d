"""A reader of badges or codes on a serial line, a pipe or the like: bytes in, claims out."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from streamauth.core.door.wiegand import badge_of, frame_bytes
from streamauth.errors import BadBadge

_LOG = logging.getLogger(__name__)
_MAX_LINE = 64
_REOPEN_S = 2.0


class Claimer:
    """Cuts what a reader gives into claims. Pure.

    Args:
        kind: ``text`` for lines that end with CR or LF; ``wiegand`` for frames of a count of bits and the bits.
    """

    def __init__(self, kind: str) -> None:
        self._wiegand = kind == "wiegand"
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Take bytes; give the claims that are now complete. What cannot be read is dropped."""
        self._rest += data
        return self._frames() if self._wiegand else self._lines()

    def _lines(self) -> list[str]:
        *lines, self._rest = self._rest.replace(b"\r", b"\n").split(b"\n")
        self._rest = self._rest[: _MAX_LINE + 1]
        whole = [line.strip() for line in lines if len(line) <= _MAX_LINE]
        return [line.decode("utf-8", "replace") for line in whole if line]

    def _frames(self) -> list[str]:
        found = []
        while self._rest:
            size = 1 + frame_bytes(self._rest[0])
            if len(self._rest) < size:
                break
            frame, self._rest = self._rest[:size], self._rest[size:]
            try:
                found.append(badge_of(frame))
            except BadBadge:
                self._rest = b""  # out of step: the next badge begins anew
        return found


class Reader:
    """Reads from a device by a thread of its own, and opens it again when it is gone.

    Args:
        path: The device.
        kind: As for ``Claimer``.
        on_claim: Called by the reader's thread with each claim.
    """

    def __init__(self, path: Path, kind: str, on_claim: Callable[[str], None]) -> None:
        self._path = path
        self._kind = kind
        self._on_claim = on_claim
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kiosk-reader", daemon=True)
        self.failing = False

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop. Idempotent. A read that hangs in the device ends with the process."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._read()
            except OSError as error:
                if not self.failing:
                    _LOG.warning("The reader cannot be read (%s).", error.strerror)
                self.failing = True
            self._closed.wait(_REOPEN_S)

    def _read(self) -> None:
        claimer = Claimer(self._kind)
        device = os.open(self._path, os.O_RDONLY | os.O_NOCTTY)
        try:
            while not self._closed.is_set() and (data := os.read(device, 256)):
                self.failing = False
                for claim in claimer.feed(data):
                    self._on_claim(claim)
        finally:
            os.close(device)
