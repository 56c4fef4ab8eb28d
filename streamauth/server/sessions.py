"""The streaming sessions of a server: how many there may be, and their end when it stops."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from streamauth.errors import ServerBusy, ServerStopping, StreamAuthError
from streamauth.server.closing import CLOSE_S, TELL_S
from streamauth.server.stream import Stream

log = logging.getLogger("streamauth.server")


class Sessions:
    """All streams that are open, whether they have started their session or not.

    Args:
        most: Sessions at the same time; of connections without a session there may be as many again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Stream, None] = {}
        self._started: set[Stream] = set()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._started)

    @property
    def stopping(self) -> bool:
        """Whether no more may come."""
        return self._stopping

    async def run(self, stream: Stream) -> None:
        """Serve a stream to its end."""
        if self._stopping:
            stream.end(ServerStopping())
        self._waiting[stream] = None
        self._idle.clear()
        if len(self._waiting) > self._most:
            # who has said nothing for longest gives way, so that silent connections cannot keep others out
            next(iter(self._waiting)).end(ServerBusy())
        try:
            await stream.run()
        finally:
            self._waiting.pop(stream, None)
            self._started.discard(stream)
            if not self._started and not self._waiting:
                self._idle.set()

    def start(self, stream: Stream, fits: Callable[[set[Stream]], StreamAuthError | None]) -> None:
        """Count a stream as a session.

        Args:
            stream: Which.
            fits: What speaks against it, given all sessions.

        Raises:
            ServerBusy: There are as many as there may be.
            ServerStopping: The server stops.
            StreamAuthError: What ``fits`` found.
        """
        if self._stopping:
            raise ServerStopping
        if len(self._started) >= self._most:
            log.warning("refused a session: all %d are taken", self._most)
            raise ServerBusy
        if error := fits(self._started):
            raise error
        self._waiting.pop(stream, None)
        self._started.add(stream)

    async def finish(self, grace_s: float) -> None:
        """Let the sessions come to their end, for so long; then end them, and tell their peers."""
        log.info("stopping with %d sessions", len(self._started))
        self._stopping = True
        for stream in self._waiting:
            stream.end(ServerStopping())
        await self._wait_idle(grace_s)
        for stream in (*self._waiting, *self._started):
            stream.end(ServerStopping())
        await self._wait_idle(2 * (TELL_S + CLOSE_S))

    async def _wait_idle(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
