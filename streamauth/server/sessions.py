"""The sessions of a server: how many there may be, of whom, and how they end when the server stops."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from streamauth.errors import ServerBusy, ServerStopping, StreamAuthError, TooManySessions
from streamauth.server.access import Caller
from streamauth.server.times import CLOSE_S, TELL_S
from streamauth.settings import Settings

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
    """

    def __init__(self, settings: Settings) -> None:
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

    def enter(self, holder: object, caller: Caller) -> None:
        """Begin a session; ``leave`` ends it.

        Raises:
            ServerBusy: There are as many as there may be.
            TooManySessions: Of this caller.
            ServerStopping: The server stops.
        """
        if self._stopping:
            raise ServerStopping
        if len(self._callers) >= self._most:
            log.warning("refused a session: all %d are taken", self._most)
            raise ServerBusy
        others = self._callers.values()
        by_key = sum(other.key_id == caller.key_id for other in others)
        by_tenant = sum(other.tenant == caller.tenant for other in others)
        by_address = sum(other.address == caller.address for other in others)
        if (caller.key_id is not None and by_key >= self._limits.sessions_per_key) or (
            caller.address is not None and by_address >= self._limits.sessions_per_address
        ):
            raise TooManySessions
        if caller.key_id is not None and by_tenant >= self._limits.sessions_per_tenant:
            raise TooManySessions
        self._callers[holder] = caller
        self._idle.clear()

    def leave(self, holder: object) -> None:
        """End a session, if it began."""
        self._callers.pop(holder, None)
        if not self._callers and not self._streams:
            self._idle.set()

    @contextmanager
    def session(self, caller: Caller) -> Iterator[None]:
        """One session of a caller, for as long as the block runs.

        Raises:
            ServerBusy, TooManySessions, ServerStopping: As ``enter``.
        """
        holder = object()
        self.enter(holder, caller)
        try:
            yield
        finally:
            self.leave(holder)

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
