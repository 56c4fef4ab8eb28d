"""Following changes of the store: what lets a session know that its rights are gone, on whatever host they were taken.

One process asks for one number a few times a second, whatever it serves (``store.changes``). Only where that has moved
do its sessions look at what they rely on.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from streamauth.errors import StoreError
from streamauth.server.pool import WorkerPool
from streamauth.store.store import Store

POLL_S = 0.4


class Changes:
    """Tells sessions when profiles or API keys have changed."""

    def __init__(self, store: Store, store_pool: WorkerPool) -> None:
        self._store = store
        self._store_pool = store_pool
        self._followers: set[asyncio.Event] = set()
        self._latest = -1

    @contextmanager
    def followed(self) -> Iterator[asyncio.Event]:
        """An event that is set by each change from now on, and where the store cannot be asked."""
        moved = asyncio.Event()
        self._followers.add(moved)
        try:
            yield moved
        finally:
            self._followers.discard(moved)

    async def watch(self) -> None:
        """Ask the store again and again, for ever; where nobody follows, nothing is asked."""
        while True:
            await asyncio.sleep(POLL_S)
            if not self._followers:
                continue
            try:
                latest = await self._store_pool.run(self._store.gallery.latest_change)
            except StoreError:
                latest = -1
            if latest < 0 or latest != self._latest:
                for moved in self._followers:
                    moved.set()
            self._latest = latest
