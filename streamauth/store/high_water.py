"""How far a store has come, remembered outside of its database, so that an older copy put in its place is noticed.

A small file beside the sealing key holds the newest version of the ledger (``store.ledger``) that this machine has
seen. Who can write the database but no files of this machine cannot set it back. Several hosts on one database have a
file each.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DIGITS = 20


class HighWater:
    """The mark of one database on this machine.

    Args:
        path: Of the file; made when there is something to remember.

    Attributes:
        path: As given.
        fault: Why it cannot be kept; empty while it can.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault = ""

    def read(self) -> int:
        """The newest version seen; 0 where none is known."""
        try:
            return int(self.path.read_bytes().split()[0])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, IndexError):
            self.fault = "it cannot be read"
            return 0

    def note(self, version: int, *, lower: bool = False) -> None:
        """Remember a version, if it is newer than what is known, or whatever it is with ``lower``.

        Written after the commit, so it is never ahead of the database, and without waiting for the disk.
        """
        if os.name != "posix":
            self.fault = "this system has no way to lock files"
            return
        try:
            with self._held() as handle:
                known = os.pread(handle, _DIGITS, 0).split()
                if lower or not known or int(known[0]) < version:
                    os.pwrite(handle, b"%020d\n" % version, 0)
        except (OSError, ValueError) as error:
            self.fault = f"it cannot be written ({getattr(error, 'strerror', None) or 'damaged'})"

    @contextmanager
    def _held(self) -> Iterator[int]:
        import fcntl

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)
