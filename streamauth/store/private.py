"""Whether files are private: what the sealing key, the database and its folder must be."""

import os
import stat
from pathlib import Path

from streamauth.errors import StoreExposed

OTHERS_READ_OR_WRITE = 0o077
OTHERS_WRITE = 0o022
_LOGS = ("-wal", "-shm")


def is_exposed(found: os.stat_result, bits: int) -> bool:
    """Whether others have any of the rights; False where rights are not told by modes."""
    return os.name == "posix" and bool(found.st_mode & bits)


def exposed(database: Path) -> list[Path]:
    """The database's files and folders that others can use: files that they can read or write, and its folder where
    they can put another one in its place."""
    files = [database, *(database.with_name(database.name + ending) for ending in _LOGS)]
    found = [path for path in files if path.exists() and is_exposed(path.stat(), OTHERS_READ_OR_WRITE)]
    folder = database.resolve().parent
    # in a sticky folder such as /tmp nobody can replace the files of others
    if is_exposed(folder.stat(), OTHERS_WRITE) and not folder.stat().st_mode & stat.S_ISVTX:
        found.append(folder)
    return found


def refuse_exposed(database: Path) -> None:
    """Go on only where nobody else can use the database.

    Raises:
        StoreExposed: Somebody can.
    """
    if exposed(database):
        raise StoreExposed
