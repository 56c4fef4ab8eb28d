"""Which kiosk this is: a name of its own in the data folder, held by one process at a time.

A kiosk that was killed is the same one when it starts again, so its door is not held against itself; another machine
that bears the same door's name is another one, and is refused.
"""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from streamauth.errors import DoorTaken

_NAME = "kiosk.id"


class Identity:
    """The name. Hold it, and close it at last."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._handle: int | None = None
        self.id = ""

    def hold(self) -> str:
        """Take the name for this process; made at the first time.

        Raises:
            DoorTaken: Another process holds it.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handle = handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            with suppress(ImportError):  # elsewhere the store's record of who holds the door must do
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise DoorTaken("A kiosk runs already on this data folder. One process keeps one door.") from None
        known = os.pread(handle, 36, 0).decode("ascii", "replace")
        if len(known) != 36:
            known = str(uuid.uuid4())
            os.pwrite(handle, known.encode("ascii"), 0)
        self.id = known
        return known

    def close(self) -> None:
        """Let it go. Idempotent."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
