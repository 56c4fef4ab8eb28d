"""The one place where failures of the database and the disk become named errors.

What a driver says may hold the values of a statement, so it is never passed on: a message made here has at
most the name of the driver's error.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from streamauth.errors import DiskFull, StoreBusy, StoreCorrupt, StoreError

_BY_CODE: dict[int, type[StoreError]] = {
    sqlite3.SQLITE_CORRUPT: StoreCorrupt,
    sqlite3.SQLITE_NOTADB: StoreCorrupt,
    sqlite3.SQLITE_FULL: DiskFull,
    sqlite3.SQLITE_IOERR_SHMSIZE: DiskFull,  # no room for the shared memory of the write-ahead log
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
}


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn what SQLAlchemy, SQLite and the operating system raise into errors of streamauth.

    Raises:
        StoreCorrupt: The file is damaged or no database.
        DiskFull: No space is left.
        StoreBusy: The database, or every connection of this process, is held for too long.
        StoreError: Anything else that goes wrong below.
    """
    try:
        yield
    except exc.TimeoutError:
        raise StoreBusy from None
    except exc.DBAPIError as error:
        raise _named(error.orig) from None
    except sqlite3.Error as error:
        raise _named(error) from None
    except exc.SQLAlchemyError as error:
        raise StoreError(f"The store cannot be read or written ({type(error).__name__}).") from None
    except UnicodeDecodeError:
        # of SQLite's own message about a damaged schema, part of which stands in it
        raise StoreCorrupt from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull from None
        raise StoreError(f"The files of the store cannot be used ({error.strerror}).") from None


def _named(error: BaseException | None) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        kind = _BY_CODE.get(code) or _BY_CODE.get(code & 0xFF)  # the low byte is the primary code
        if kind is not None:
            return kind()
    if isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode"):
        return StoreCorrupt()
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return StoreError(f"The store cannot be read or written ({name}).")
