"""The ledger: a keyed hash tree (Merkle) over the marks of all rows that decide, with its root sealed beside a version.

Each unit of rows (``store.authentic``) has a place of 32 hexadecimal digits, which is a hash of what it is, and a mark,
a MAC over its rows. Marks are leaves; above them stand three levels of nodes, one for each further digit of the places,
so that one check reads some fifty short rows, and a few hundred in a store of a million profiles. The root is sealed
together with a version that counts the transactions. So who can write the database but has no key can neither make a
mark, nor put back an earlier one, nor take one out; all that is left is to put back a whole older copy, and that has an
older version.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, or_, select

from streamauth.errors import StoreTampered
from streamauth.store.schema import ledger
from streamauth.store.sealing import SealingKey

_DEPTH = 3
_DIGITS = "0123456789abcdef"
_ROOT = ""
_PLACE_BYTES = 16
_VERSION_BYTES = 8
_BATCH = 40
_ROWS = 2000
_OF_ROOT = select(ledger.c.digest).where(ledger.c.place == _ROOT)


@dataclass(frozen=True, slots=True)
class Root:
    """What stands above all marks.

    Attributes:
        version: How many transactions have changed marks.
        digest: Of the uppermost node; empty while there is no mark.
    """

    version: int
    digest: bytes


def place_of(kind: str, key: tuple[str, ...]) -> str:
    """Where the mark of a unit stands, 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps((kind, *key)).encode("ascii")).digest()[:_PLACE_BYTES].hex()


def begin(connection: Connection, key: SealingKey) -> None:
    """Write the first root, of no marks."""
    connection.execute(insert(ledger).values(place=_ROOT, digest=_sealed_root(key, Root(0, b""))))


def root_of(connection: Connection, key: SealingKey) -> Root:
    """The root as it stands.

    Raises:
        StoreTampered: It is missing, or was not written with this key.
    """
    return _root(key, {_ROOT: connection.scalar(_OF_ROOT) or b""})


def find(connection: Connection, key: SealingKey, place: str) -> tuple[Root, bytes | None]:
    """The root and the mark at a place, None where there is none, after a check of all between them.

    Raises:
        StoreTampered: A mark was made, changed, taken out or put back.
    """
    rows = _read(connection, [place])  # one statement, so that all is of one moment
    root = _root(key, rows)
    _check(key, rows, root, [place])
    return root, rows.get(place)


def write(connection: Connection, key: SealingKey, marks: Mapping[str, bytes | None]) -> int:
    """Put marks at their places, take those out that are None, and seal the root of all; its version.

    The caller holds the ledger's lock.

    Raises:
        StoreTampered: What stood there was not written with this key.
    """
    version = root_of(connection, key).version + 1
    places = sorted(marks)
    for first in range(0, len(places), _BATCH):
        some = places[first : first + _BATCH]
        rows = _read(connection, some)
        root = _root(key, rows)
        _check(key, rows, root, some)
        fresh = dict(rows)
        for place in some:
            mark = marks[place]
            if mark is None:
                fresh.pop(place, None)
            else:
                fresh[place] = mark
        for level in range(_DEPTH, 0, -1):
            for prefix in {place[:level] for place in some}:
                digest = _digest(key, prefix, fresh)
                if digest:
                    fresh[prefix] = digest
                else:
                    fresh.pop(prefix, None)
        fresh[_ROOT] = _sealed_root(key, Root(version, _digest(key, _ROOT, fresh)))
        changed = [place for place in rows.keys() | fresh.keys() if rows.get(place) != fresh.get(place)]
        connection.execute(delete(ledger).where(ledger.c.place.in_(changed)))
        connection.execute(
            insert(ledger), [{"place": place, "digest": fresh[place]} for place in changed if place in fresh]
        )
    return version


def rebuild(connection: Connection, current: SealingKey, new: SealingKey, marks: Iterator[tuple[str, bytes]]) -> None:
    """Write all marks and nodes anew, by another key; the caller has checked those before."""
    version = root_of(connection, current).version + 1
    rows = dict(marks)
    children = _children(rows)
    for level in range(_DEPTH, 0, -1):
        for prefix in [prefix for prefix in children if len(prefix) == level]:
            rows[prefix] = _digest(new, prefix, children[prefix])
            children.setdefault(_parent(prefix), {})[prefix] = rows[prefix]
    rows[_ROOT] = _sealed_root(new, Root(version, _digest(new, _ROOT, children.get(_ROOT, {}))))
    connection.execute(delete(ledger))
    places = sorted(rows)
    for first in range(0, len(places), _ROWS):
        some = places[first : first + _ROWS]
        connection.execute(insert(ledger), [{"place": place, "digest": rows[place]} for place in some])


def every_mark(connection: Connection, key: SealingKey) -> dict[str, bytes]:
    """All marks by place, after a check of the whole tree.

    Raises:
        StoreTampered: One was made, changed, taken out or put back.
    """
    rows = {row.place: bytes(row.digest) for row in connection.execute(select(ledger))}
    root = _root(key, rows)
    children = _children(rows)
    for prefix in {*children, *(place for place in rows if 0 < len(place) <= _DEPTH)}:
        if _digest(key, prefix, children.get(prefix, {})) != (rows.get(prefix, b"") if prefix else root.digest):
            raise StoreTampered
    return {place: digest for place, digest in rows.items() if len(place) > _DEPTH}


def _children(rows: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    children: dict[str, dict[str, bytes]] = {}
    for place, digest in rows.items():
        if place:
            children.setdefault(_parent(place), {})[place] = digest
    return children


def _parent(place: str) -> str:
    return place[: min(len(place) - 1, _DEPTH)]


def _read(connection: Connection, places: Collection[str]) -> dict[str, bytes]:
    """The marks that share a node with the places, and all nodes that the way up to the root needs."""
    buckets = sorted({place[:_DEPTH] for place in places})
    nodes = [_ROOT, *(bucket[:level] + digit for bucket in buckets for level in range(_DEPTH) for digit in _DIGITS)]
    bound = {f"node_{number}": node for number, node in enumerate(nodes)}
    for number, bucket in enumerate(buckets):
        bound |= {f"least_{number}": bucket + "0", f"most_{number}": bucket + "g"}
    rows = connection.execute(_below_and_above(len(buckets)), bound)
    return {row.place: bytes(row.digest) for row in rows}


@cache
def _below_and_above(buckets: int) -> Select[Any]:
    """What ``_read`` reads for so many nodes of the lowest level. Made once: to make it costs more than to run it."""
    place = ledger.c.place
    nodes = [bindparam(f"node_{number}", type_=place.type) for number in range(1 + buckets * _DEPTH * len(_DIGITS))]
    below = [place.between(bindparam(f"least_{number}"), bindparam(f"most_{number}")) for number in range(buckets)]
    return select(place, ledger.c.digest).where(or_(place.in_(nodes), *below))


def _check(key: SealingKey, rows: Mapping[str, bytes], root: Root, places: Collection[str]) -> None:
    for prefix in {place[:level] for place in places for level in range(_DEPTH + 1)}:
        if _digest(key, prefix, rows) != (rows.get(prefix, b"") if prefix else root.digest):
            raise StoreTampered


def _digest(key: SealingKey, prefix: str, rows: Mapping[str, bytes]) -> bytes:
    """The digest of a node over what stands below it; empty where that is nothing."""
    if len(prefix) < _DEPTH:
        below = [prefix + digit for digit in _DIGITS if prefix + digit in rows]
    else:
        below = sorted(place for place in rows if len(place) > _DEPTH and place.startswith(prefix))
    if not below:
        return b""
    return key.mac(json.dumps([prefix, [[place, rows[place].hex()] for place in below]]).encode("ascii"))


def _sealed_root(key: SealingKey, root: Root) -> bytes:
    return key.seal(root.version.to_bytes(_VERSION_BYTES, "big") + root.digest, "ledger")


def _root(key: SealingKey, rows: Mapping[str, bytes]) -> Root:
    try:
        content = key.unseal(rows.get(_ROOT, b""), "ledger")
    except Exception:
        raise StoreTampered from None
    return Root(int.from_bytes(content[:_VERSION_BYTES], "big"), content[_VERSION_BYTES:])
