"""The one place where failures of the database and the disk become named errors.

What a driver says may hold the values of a statement, so it is never passed on: a message made here has at
most the name of the driver's error.
"""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from streamauth.errors import DiskFull, StoreBusy, StoreCorrupt, StoreError


@contextmanager
def named_errors(named: Callable[[BaseException], StoreError | None] | None = None) -> Iterator[None]:
    """Turn what SQLAlchemy, a driver and the operating system raise into errors of streamauth.

    Args:
        named: Gives the named error for an error of the driver (``Backend.named``).

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
        raise _named(error.orig, named) from None
    except sqlite3.Error as error:
        raise _named(error, named) from None
    except UnicodeDecodeError:
        raise StoreCorrupt from None  # a damaged text
    except exc.SQLAlchemyError as error:
        raise StoreError(f"The store cannot be read or written ({type(error).__name__}).") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull from None
        raise StoreError(f"The files of the store cannot be used ({error.strerror}).") from None


def _named(error: BaseException | None, named: Callable[[BaseException], StoreError | None] | None) -> StoreError:
    found = named(error) if named is not None and error is not None else None
    return found or StoreError(f"The store cannot be read or written ({type(error).__name__}).")
