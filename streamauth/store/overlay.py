"""A large table that changes in a few places at a time: each state shares with the one before it what is the same."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_FEW = 1_000
_SHARE = 8
_GONE: Any = object()


class Overlay(Mapping[Key, Value], Generic[Key, Value]):
    """A mapping that never changes, in no order; a million entries are not copied for a change of one.

    Args:
        base: Most of it; must not be changed any more.
        over: What differs from it; for private use.
    """

    def __init__(self, base: Mapping[Key, Value], over: Mapping[Key, Value] | None = None) -> None:
        self._base = base
        self._over: Mapping[Key, Value] = {} if over is None else over
        there = sum(value is not _GONE for value in self._over.values())
        self._length = len(base) - sum(key in base for key in self._over) + there

    def __getitem__(self, key: Key) -> Value:
        value = self._over.get(key, self._base.get(key, _GONE))
        if value is _GONE:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[Key]:
        yield from (key for key in self._base if key not in self._over)
        yield from (key for key, value in self._over.items() if value is not _GONE)

    def __len__(self) -> int:
        return self._length

    def changed(self, gone: Collection[Key], fresh: Mapping[Key, Value]) -> "Overlay[Key, Value]":
        """The state after a change: without some keys, then with others."""
        over = {**self._over, **dict.fromkeys(gone, _GONE), **fresh}
        changed = Overlay(self._base, over)
        return changed if len(over) <= max(_FEW, len(self._base) // _SHARE) else Overlay(dict(changed))

    def since(self, former: Mapping[Key, Value]) -> tuple[set[Key], dict[Key, Value]]:
        """What makes a former state this one: the keys that are gone, and what is new or another object."""
        shared = isinstance(former, Overlay) and former._base is self._base
        keys = {*self._over, *former._over} if shared and isinstance(former, Overlay) else {*self, *former}
        fresh = {key: self[key] for key in keys if key in self and former.get(key) is not self[key]}
        return {key for key in keys if key in former and key not in self}, fresh
