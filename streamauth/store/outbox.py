"""The outbox: what happens at doors is written here first, and sent from here until it has arrived.

Each event is one row for the log and one for each output, all in one transaction. A row that waits for its output is
sent again after a crash, a restart or an outage, so an output gets each event at least once, and the events of one
door in their order. Several processes may deliver: whoever does claims the oldest event of a door for a while, and
nobody else gets a later one meanwhile. The log is the audit trail and the memory of who went where.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Row, Select, delete, func, insert, select, update

from streamauth.core.door.access import Direction, Passage
from streamauth.core.door.events import DoorEventKind
from streamauth.core.door.message import UNLOGGED, DoorMessage
from streamauth.errors import StoreCorrupt
from streamauth.store.database import Database
from streamauth.store.door_schema import outbox

CLAIM_S = 30.0
"""How long an event belongs to whoever delivers it; after a crash another one waits so long at most, in seconds."""

_LOG = ""
_PAGE = 500


class Outbox:
    """Events of doors, kept until they have arrived.

    Args:
        database: Where.
        claim_s: How long an event belongs to whoever delivers it, in seconds.
    """

    def __init__(self, database: Database, claim_s: float = CLAIM_S) -> None:
        self._database = database
        self._claim_s = claim_s

    def record(self, messages: Sequence[DoorMessage], outputs: Sequence[str]) -> None:
        """Write events, for the log and for these outputs, all or none of them.

        Raises:
            StoreError: Nothing was written.
        """
        rows = []
        for message in messages:
            fields = {
                "message_id": message.id,
                "door": message.door,
                "kind": message.kind.value,
                "at_ms": message.at_ms,
                "person": message.person,
                "reason": message.reason,
                "area": message.area,
                "direction": message.direction,
            }
            if message.kind not in UNLOGGED:
                rows.append({**fields, "output": _LOG, "delivered_ms": message.at_ms})
            rows += [{**fields, "output": output, "delivered_ms": None} for output in outputs]
        if not rows:
            return
        with self._database.write() as connection:
            connection.execute(insert(outbox), rows)

    def record_once(self, message: DoorMessage) -> None:
        """Write an event of another store into the log, unless it is there already or belongs into no log."""
        if message.kind in UNLOGGED:
            return
        there = select(outbox.c.sequence).where(outbox.c.message_id == message.id, outbox.c.output == _LOG)
        with self._database.read() as connection:
            if connection.scalar(there.limit(1)) is not None:
                return
        self.record([message], [])

    def next(self, output: str, door: str) -> tuple[int, DoorMessage] | None:
        """Claim the oldest event of a door that an output has not got yet; give it with its place in the order.

        None where there is none, or somebody else delivers it. Say ``delivered``, or ``release``.
        """
        waits = (outbox.c.output == output) & (outbox.c.door == door) & outbox.c.delivered_ms.is_(None)
        with self._database.count() as connection:
            now_s = self._database.clock()
            oldest = select(func.min(outbox.c.sequence)).where(waits).scalar_subquery()
            free = outbox.c.claimed_until_s.is_(None) | (outbox.c.claimed_until_s < now_s)
            # a row that is being claimed is skipped, not waited for; SQLite has one writer at a time
            mine = select(outbox.c.sequence).where(outbox.c.sequence == oldest, waits, free)
            claim = update(outbox).where(outbox.c.sequence.in_(mine.with_for_update(skip_locked=True)))
            claimed = claim.values(claimed_until_s=now_s + self._claim_s).returning(*outbox.c)
            row = connection.execute(claimed).one_or_none()
        return None if row is None else (row.sequence, _message(row))

    def release(self, sequence: int) -> None:
        """Give a claimed event back; it has not arrived."""
        with self._database.count() as connection:
            connection.execute(update(outbox).where(outbox.c.sequence == sequence).values(claimed_until_s=None))

    def delivered(self, sequence: int, now_ms: int) -> None:
        """Note that an output has got an event."""
        with self._database.write() as connection:
            connection.execute(update(outbox).where(outbox.c.sequence == sequence).values(delivered_ms=now_ms))

    def waiting(self, door: str) -> int:
        """How many deliveries of a door's events wait."""
        count = select(func.count()).where(outbox.c.door == door, outbox.c.delivered_ms.is_(None))
        with self._database.read() as connection:
            return connection.scalar(count) or 0

    def log(self, door: str | None = None, since_ms: int = 0) -> Iterator[DoorMessage]:
        """What happened, the oldest first.

        Args:
            door: At this door; None for all.
            since_ms: Not before this moment, in milliseconds since the epoch.
        """
        wanted = _rows().where(outbox.c.output == _LOG, outbox.c.at_ms >= since_ms).order_by(outbox.c.sequence)
        if door is not None:
            wanted = wanted.where(outbox.c.door == door)
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(wanted.where(outbox.c.sequence > after).limit(_PAGE)).all()
            yield from (_message(row) for row in rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].sequence

    def recent(self, door: str | None = None, after: int = 0, limit: int = 100) -> list[tuple[int, DoorMessage]]:
        """The newest events of the log with their places in the order, the newest first.

        Args:
            door: At this door; None for all.
            after: Only those at later places.
            limit: The most of them.
        """
        wanted = _rows().where(outbox.c.output == _LOG, outbox.c.sequence > after)
        if door is not None:
            wanted = wanted.where(outbox.c.door == door)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(outbox.c.sequence.desc()).limit(limit)).all()
        return [(row.sequence, _message(row)) for row in rows]

    def passages(self, area: str, after: int = 0) -> list[tuple[int, DoorMessage]]:
        """Passages into or out of an area at later places in the order, with their places."""
        wanted = _rows().where(
            outbox.c.output == _LOG,
            outbox.c.kind == DoorEventKind.PASSED.value,
            outbox.c.area == area,
            outbox.c.sequence > after,
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(outbox.c.sequence).limit(_PAGE)).all()
        return [(row.sequence, _message(row)) for row in rows]

    def last_passage(self, person: str, area: str) -> Passage | None:
        """How somebody last passed into or out of an area; None if never, or longer ago than events are kept."""
        passages = _rows().where(
            outbox.c.output == _LOG,
            outbox.c.kind == DoorEventKind.PASSED.value,
            outbox.c.person == person,
            outbox.c.area == area,
        )
        with self._database.read() as connection:
            row = connection.execute(
                passages.order_by(outbox.c.at_ms.desc(), outbox.c.sequence.desc()).limit(1)
            ).one_or_none()
        if row is None:
            return None
        try:
            return Passage(Direction(row.direction), row.at_ms / 1000)
        except ValueError:
            raise StoreCorrupt from None

    def forget(self, before_ms: int) -> int:
        """Delete what is older than a moment, delivered or not; how many rows that were."""
        with self._database.write() as connection:
            return connection.execute(delete(outbox).where(outbox.c.at_ms < before_ms)).rowcount


def _rows() -> "Select[tuple[object, ...]]":
    return select(outbox)


def _message(row: "Row[tuple[object, ...]]") -> DoorMessage:
    try:
        kind = DoorEventKind(row.kind)
    except ValueError:
        raise StoreCorrupt from None
    return DoorMessage(row.message_id, row.door, kind, row.at_ms, row.person, row.reason, row.area, row.direction)
