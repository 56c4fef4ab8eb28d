"""The audit log: what was decided and changed, appended in the same transaction, sealed, and chained by hashes.

Each entry has a link: HMAC-SHA256 (RFC 2104), by a key that lies sealed in the store, over the link before it and the
entry. Who can write the database but has no key can neither make nor change an entry, nor take one out of the middle.
The newest link is kept sealed as the head, so that entries are missed at the end, too. A whole older copy of the
database is only noticed by who keeps a head elsewhere: ``streamauth audit verify`` prints it.

An entry names ids, never a person.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from streamauth.errors import AuditBroken, InputError
from streamauth.store.schema import audit, meta
from streamauth.store.sealed_database import API_KEY_SECRET, SealedDatabase, StorePart
from streamauth.store.sealing import SealingKey

_KEY, _HEAD = "audit_key", "audit_head"
_BEGIN = bytes(32)
_BATCH = 500
_CLOCK_STEP_MS = 3_600_000
"""Entries stand in the order of their numbers; a clock that was put back may have made times less ordered."""
LOCAL = "local"
"""Who acts on this machine itself, by command or program, with no API key."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What happened.

    Attributes:
        number: From 1 on, without gaps.
        at_ms: When, in milliseconds since the epoch, UTC.
        actor: The API key's id, or LOCAL.
        action: What was done, such as ``attempt.decided`` or ``profile.deleted``.
        subject: Id of the profile, key or other thing that it was done to; empty where there is none.
        outcome: How it ended; empty where there is only one way.
    """

    number: int
    at_ms: int
    actor: str
    action: str
    subject: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted.

    Attributes:
        subject: Id of what it was done to; any if None.
        since_ms: The earliest time, in milliseconds since the epoch.
        until_ms: The time before which they are; None for any.
    """

    subject: str | None = None
    since_ms: int = 0
    until_ms: int | None = None

    def passes(self, entry: AuditEntry) -> bool:
        """Whether an entry is one of them."""
        late = self.until_ms is not None and entry.at_ms >= self.until_ms
        return entry.at_ms >= self.since_ms and not late and self.subject in (None, entry.subject)


@dataclass(frozen=True, slots=True)
class AuditState:
    """What a whole log amounts to.

    Attributes:
        entries: How many there are.
        head: The newest link, hexadecimal; keep it elsewhere to notice that an older copy was put back.
    """

    entries: int
    head: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry with what proves it.

    Attributes:
        entry: What happened.
        link: Its link in the chain, hexadecimal: nobody without the store's keys can make one.
    """

    entry: AuditEntry
    link: str

    def text(self) -> str:
        """The receipt in one word, as ``Audit.by_receipt`` reads it."""
        return f"{self.entry.number}-{self.link}"


class Audit(StorePart):
    """Reads and verifies the log; ``note`` writes it."""

    def entries(self, after: int = 0) -> Iterator[AuditEntry]:
        """The entries above a number, in order, as far as they can be opened; ``verify`` tells whether all are right.

        Raises:
            AuditBroken: One cannot be opened.
        """
        while page := self._page(after):
            for entry, _ in page:
                yield entry
            after = page[-1][0].number

    def newest(
        self, before: int | None = None, limit: int = 100, wanted: "AuditFilter | None" = None
    ) -> list[AuditEntry]:
        """The newest entries below a number that pass a filter, the newest first.

        The log is read backwards in pages, never as a whole, and no further than the filter's beginning.

        Raises:
            AuditBroken: One cannot be opened.
        """
        wanted = wanted or AuditFilter()
        found: list[AuditEntry] = []
        while len(found) < limit:
            query = select(audit).order_by(audit.c.number.desc()).limit(min(_BATCH, max(limit, 50)))
            if before is not None:
                query = query.where(audit.c.number < before)
            with self._sealed.read() as connection:
                rows = connection.execute(query).all()
                key = self._sealed.key(connection) if rows else None
            page = [] if key is None else [_entry_of(row, key) for row in rows]
            found += [entry for entry in page if wanted.passes(entry)]
            if not page or page[-1].at_ms < wanted.since_ms - _CLOCK_STEP_MS:
                break
            before = page[-1].number
        return found[:limit]

    def of(self, subject: str) -> Iterator[AuditEntry]:
        """The entries on one profile, key or other thing, in order; the log is read in pages.

        Raises:
            AuditBroken: One cannot be opened.
        """
        return (entry for entry in self.entries() if entry.subject == subject)

    def verify(self) -> AuditState:
        """Check every link from the first entry to the head.

        Raises:
            AuditBroken: An entry was changed, is missing, or stands at the wrong place.
        """
        link, last = _BEGIN, 0
        with self._sealed.read() as connection:
            key = self._sealed.key(connection)
            chain_key, head = _chain_key(connection, key), _head(connection, key)
        while page := self._page(last, head[0]):
            for entry, found in page:
                link = _link(chain_key or b"", link, entry)
                if entry.number != last + 1 or not hmac.compare_digest(link, found):
                    raise AuditBroken(f"The audit log is not whole: entry {last + 1} was changed or is missing.")
                last = entry.number
        if (last, link) != head:
            raise AuditBroken(f"The audit log is not whole: it ends at entry {last}, and {head[0]} were written.")
        return AuditState(last, link.hex())

    def by_receipt(self, text: str) -> AuditEntry:
        """The entry that a receipt is of, once the whole log is checked.

        Raises:
            InputError: It is none of this store.
            AuditBroken: The log is not whole.
        """
        number, _, link = text.partition("-")
        self.verify()
        with self._sealed.read() as connection:
            key = self._sealed.key(connection)
            row = None
            if number.isascii() and number.isdecimal() and len(number) < 19:
                row = connection.execute(select(audit).where(audit.c.number == int(number))).one_or_none()
        if row is None or not hmac.compare_digest(bytes(row.link).hex(), link):
            raise InputError("This is no receipt of this store.")
        return _entry_of(row, key)

    def note(self, action: str, *, subject: str = "", outcome: str = "", actor: str = LOCAL) -> None:
        """Append an entry in a transaction of its own."""
        with self._sealed.write() as connection:
            note(self._sealed, connection, action, subject=subject, outcome=outcome, actor=actor)

    def _page(self, after: int, until: int | None = None) -> list[tuple[AuditEntry, bytes]]:
        query = select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(_BATCH)
        if until is not None:
            query = query.where(audit.c.number <= until)
        with self._sealed.read() as connection:
            rows = connection.execute(query).all()
            key = self._sealed.key(connection) if rows else None
        return [(_entry_of(row, key), bytes(row.link)) for row in rows] if key is not None else []


def note(
    sealed: SealedDatabase,
    connection: Connection,
    action: str,
    *,
    subject: str = "",
    outcome: str = "",
    actor: str | None = None,
) -> "Receipt":
    """Append an entry in the transaction of what it tells of; both happen or neither.

    Args:
        sealed: The open database with its key.
        connection: The transaction.
        action: What was done.
        subject: Id of what it was done to.
        outcome: How it ended.
        actor: The API key's id; None for LOCAL.

    Returns:
        The entry with its link, which proves later that it was written.
    """
    sealed.database.lock(connection, _HEAD)
    key = sealed.key(connection)
    chain_key = _chain_key(connection, key) or _begin(connection, key)
    number, link = _head(connection, key)
    entry = AuditEntry(number + 1, sealed.database.now_ms(connection), actor or LOCAL, action, subject, outcome)
    link = _link(chain_key, link, entry)
    content = key.seal(_content(entry), "audit", str(entry.number))
    connection.execute(insert(audit).values(number=entry.number, entry=content, link=link))
    head = key.seal(entry.number.to_bytes(8, "big") + link, _HEAD)
    connection.execute(update(meta).where(meta.c.name == _HEAD).values(value=head))
    return Receipt(entry, link.hex())


def reseal(connection: Connection, current: SealingKey, new: SealingKey) -> None:
    """Seal chain key, head and other secrets by another key, in the transaction that seals everything by it."""
    for name in (_KEY, _HEAD, API_KEY_SECRET):
        value = connection.scalar(select(meta.c.value).where(meta.c.name == name))
        if value is not None:
            fresh = new.seal(current.unseal(value, name), name)
            connection.execute(update(meta).where(meta.c.name == name).values(value=fresh))


def _begin(connection: Connection, key: SealingKey) -> bytes:
    chain_key = os.urandom(32)
    head = key.seal((0).to_bytes(8, "big") + _BEGIN, _HEAD)
    for name, value in ((_KEY, key.seal(chain_key, _KEY)), (_HEAD, head)):
        connection.execute(insert(meta).values(name=name, value=value))
    return chain_key


def _chain_key(connection: Connection, key: SealingKey) -> bytes | None:
    value = connection.scalar(select(meta.c.value).where(meta.c.name == _KEY))
    return None if value is None else key.unseal(value, _KEY)


def _head(connection: Connection, key: SealingKey) -> tuple[int, bytes]:
    value = connection.scalar(select(meta.c.value).where(meta.c.name == _HEAD))
    if value is None:
        if connection.scalar(select(audit.c.number).limit(1)) is not None:
            raise AuditBroken("The audit log is not whole: its head is missing.")
        return 0, _BEGIN
    head = key.unseal(value, _HEAD)
    return int.from_bytes(head[:8], "big"), head[8:]


def _link(chain_key: bytes, before: bytes, entry: AuditEntry) -> bytes:
    return hmac.new(chain_key, before + _content(entry), hashlib.sha256).digest()


def _content(entry: AuditEntry) -> bytes:
    return json.dumps(list(asdict(entry).values()), separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _entry_of(row: Any, key: SealingKey) -> AuditEntry:
    try:
        return AuditEntry(*json.loads(key.unseal(row.entry, "audit", str(row.number))))
    except Exception as error:
        raise AuditBroken(f"The audit log is not whole: entry {row.number} cannot be opened.") from error
