"""Errors of the store and its key."""

from streamauth.errors.base import InternalError


class StoreError(InternalError):
    """The store cannot be read or written."""


class StoreCorrupt(StoreError):
    """The store is damaged or is not a streamauth store. Restore it from a backup."""


class StoreTooNew(StoreError):
    """The store was written by a later version of streamauth. Install that version or a newer one."""


class StoreBusy(StoreError, retryable=True):
    """The store is held by another process. Try again."""


class StoreUnavailable(StoreError, retryable=True):
    """The database of the store cannot be reached. Try again."""


class DiskFull(StoreError, retryable=True):
    """There is no space left on the disk. Nothing was changed; free some space and try again."""


class KeyMissing(StoreError):
    """The key that sealed this store is missing. Put the key file back, or set the variable or the command that
    gives the key."""


class KeyWrong(StoreError):
    """The given key is not the one that sealed this store. Use the key it was made with."""


class KeyExposed(StoreError):
    """Other users can read the key file. Make it private first: chmod 600."""


class StoreTampered(StoreCorrupt):
    """Rows of the store are not as streamauth wrote them: changed, put back, taken out, or damaged. Nothing is accepted
    by them. Find out who can write the database; `streamauth doctor` names the rows."""


class StoreRolledBack(StoreError):
    """This is an older copy of the store than this machine has seen. Put the newest one back; if an older one is
    meant, such as a backup, run: streamauth store accept-older."""


class StoreExposed(StoreError):
    """Other users can read or write the store's files. Make them private first: chmod 600 for the database, chmod 700
    for its folder."""


class AuditBroken(StoreError):
    """The audit log is not whole. Keep the store as it is and find out who can write it."""
