"""The sessions of a server: how many there may be, of whom, and how they end when the server stops.

How many there may be in all protects this process. How many of one API key, tenant or address is counted over all
processes and hosts, in the store.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from streamauth.errors import ServerBusy, ServerStopping, StoreError, StreamAuthError, TooManySessions
from streamauth.server.access import Caller
from streamauth.server.pool import WorkerPool
from streamauth.server.times import CLOSE_S, TELL_S
from streamauth.settings import Settings
from streamauth.store.holds import RENEW_S
from streamauth.store.store import Store

log = logging.getLogger("streamauth.server")


class Stream(Protocol):
    """An open connection that may hold a session."""

    async def run(self) -> None:
        """Serve the peer until the session is over."""

    def end(self, error: StreamAuthError | None) -> None:
        """End the session."""


class Sessions:
    """All streams that are open, and whoever else keeps the engines busy.

    Args:
        settings: How many there may be. Of connections without a session there may be as many again.
        store: Where all processes count.
        store_pool: Where the store is written.
    """

    def __init__(self, settings: Settings, store: Store, store_pool: WorkerPool) -> None:
        self._holds = store.holds(self._held)
        self._store_pool = store_pool
        self._most = settings.server.max_sessions
        self._limits = settings.access
        self._streams: dict[Stream, None] = {}
        self._callers: dict[object, Caller] = {}
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._callers)

    @property
    def stopping(self) -> bool:
        """Whether no more may come."""
        return self._stopping

    async def run(self, stream: Stream) -> None:
        """Serve a stream to its end."""
        self._streams[stream] = None
        self._idle.clear()
        if self._stopping:
            stream.end(ServerStopping())
        silent = [each for each in self._streams if each not in self._callers]
        if len(silent) > self._most:
            # who has said nothing for longest gives way, so that silent connections cannot keep others out
            silent[0].end(ServerBusy())
        try:
            await stream.run()
        finally:
            del self._streams[stream]
            self.leave(stream)

    async def enter(self, holder: object, caller: Caller) -> None:
        """Begin a session; ``leave`` ends it.

        Raises:
            ServerBusy: There are as many as there may be.
            TooManySessions: Of this caller.
            ServerStopping: The server stops.
            StoreError: How many there are of this caller cannot be known.
        """
        if self._stopping:
            raise ServerStopping
        if len(self._callers) >= self._most:
            log.warning("refused a session: all %d are taken", self._most)
            raise ServerBusy
        limits = self._limits_of(caller)
        held = self._held()
        if any(held[name] >= most for name, most in limits.items()):
            raise TooManySessions
        self._callers[holder] = caller
        self._idle.clear()
        if not limits:
            return
        try:
            room = await self._store_pool.run(lambda: self._holds.grow(limits))
        except BaseException:
            self.leave(holder)
            raise
        if not room:
            self.leave(holder)
            raise TooManySessions

    def leave(self, holder: object) -> None:
        """End a session, if it began."""
        caller = self._callers.pop(holder, None)
        if caller is not None and (limits := self._limits_of(caller)):
            self._store_pool.submit(lambda: self._holds.shrink(limits))  # told again by ``renew`` where that fails
        if not self._callers and not self._streams:
            self._idle.set()

    @asynccontextmanager
    async def session(self, caller: Caller) -> AsyncIterator[None]:
        """One session of a caller, for as long as the block runs.

        Raises:
            ServerBusy, TooManySessions, ServerStopping, StoreError: As ``enter``.
        """
        holder = object()
        await self.enter(holder, caller)
        try:
            yield
        finally:
            self.leave(holder)

    async def renew(self) -> None:
        """Tell the store from time to time what this process holds, for ever."""
        while True:
            await asyncio.sleep(RENEW_S)
            with suppress(StoreError):
                await self._store_pool.run(self._holds.renew)

    def close(self) -> None:
        """Give back what this process holds."""
        with suppress(StoreError):
            self._holds.close()

    async def finish(self, grace_s: float) -> None:
        """Let the sessions come to their end, for so long; then end them, and tell their peers."""
        log.info("stopping with %d sessions", len(self._callers))
        self._stopping = True
        for stream in self._streams:
            if stream not in self._callers:
                stream.end(ServerStopping())
        await self._wait_idle(grace_s)
        for stream in self._streams:
            stream.end(ServerStopping())
        if self._streams:
            await self._wait_idle(2 * (TELL_S + CLOSE_S))

    async def _wait_idle(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()

    def _limits_of(self, caller: Caller) -> dict[str, int]:
        """What a session of a caller counts as, and how many of each there may be over all processes."""
        limits = {}
        if caller.key_id is not None:
            limits[f"key {caller.key_id}"] = self._limits.sessions_per_key
            limits[f"tenant {caller.tenant}"] = self._limits.sessions_per_tenant
        if caller.address is not None:
            limits[f"address {caller.address}"] = self._limits.sessions_per_address
        return limits

    def _held(self) -> Counter[str]:
        """What this process holds; from any thread."""
        return Counter(name for caller in list(self._callers.values()) for name in self._limits_of(caller))
