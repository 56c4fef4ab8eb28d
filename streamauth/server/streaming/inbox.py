"""What one peer has sent and is not processed yet; limited in size."""

import asyncio
from collections import deque
from time import monotonic

from streamauth.protocol.messages import CorrectPhrase, End, EndUtterance

_CONTROL_COST_BYTES = 1024

Item = bytearray | EndUtterance | CorrectPhrase | End


class Inbox:
    """Audio and control messages in order, for one reader of the socket and one worker.

    Small frames are joined, so that a peer that sends single samples costs one call of the engines per batch and
    not one per frame.

    Args:
        max_bytes: ``put`` waits while so much is inside; at most one message more is held.
        batch_bytes: Frames are joined up to this size.
    """

    def __init__(self, max_bytes: int, batch_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._batch_bytes = batch_bytes
        self._items: deque[tuple[float, Item]] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._filled = asyncio.Event()

    async def put(self, message: bytes | EndUtterance | CorrectPhrase | End) -> None:
        """Add a message, as soon as there is room."""
        while self._bytes >= self._max_bytes:
            self._room.clear()
            await self._room.wait()
        if isinstance(message, bytes):
            last = self._items[-1][1] if self._items else None
            if isinstance(last, bytearray) and len(last) + len(message) <= self._batch_bytes:
                last += message
            else:
                self._items.append((monotonic(), bytearray(message)))
        else:
            self._items.append((monotonic(), message))
        self._bytes += _cost(message)
        self._filled.set()

    async def take(self) -> tuple[Item, float]:
        """The next item, as soon as there is one, and how long it has waited, in seconds."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        since, item = self._items.popleft()
        self._bytes -= _cost(item)
        self._room.set()
        return item, monotonic() - since


def _cost(item: bytes | Item) -> int:
    return len(item) if isinstance(item, bytes | bytearray) else _CONTROL_COST_BYTES
