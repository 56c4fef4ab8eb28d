"""Connections of the HTTP server, hardened beyond what uvicorn can be configured to do.

What asks for nothing in time is closed, and the oldest such connection gives way where there are too many; who does not
read what he asked for is cut off; pings that are not read are not answered; empty fragments are limited.

uvicorn has no setting, and ASGI no place, for any of this: all of it happens before a request is complete or after an
answer was handed over. So two of its protocol classes are extended here. The hooks that they rely on are named in
``tests/server/test_connections.py``, which fails where a version of uvicorn lacks one; the range in ``pyproject.toml``
holds the versions that these tests were run against.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from streamauth.server.streaming.socket import ABORT
from streamauth.server.times import CLOSE_S, TELL_S
from streamauth.settings import ServerSettings

_READ_BYTES = 16_384
_MAX_FRAGMENTS = 1024
_TOO_LARGE = 1009


class Waiting:
    """The connections that have asked for nothing yet, oldest first.

    Args:
        settings: How many there may be, and for how long.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._most = settings.max_idle_connections
        self._timeout_s = settings.start_timeout_s
        self._timers: dict[asyncio.Transport, asyncio.TimerHandle] = {}

    def add(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request."""
        self.remove(transport)
        loop = asyncio.get_running_loop()
        self._timers[transport] = loop.call_later(self._timeout_s, self._end, transport)
        if len(self._timers) > self._most:
            self._end(next(iter(self._timers)))

    def remove(self, transport: asyncio.Transport) -> None:
        """It has asked for something, or is gone."""
        if timer := self._timers.pop(transport, None):
            timer.cancel()

    def give_way(self, address: str | None = None) -> bool:
        """Close the oldest one, of an address or of all; whether there was one."""
        for transport in self._timers:
            if address is None or (transport.get_extra_info("peername") or ("",))[0] == address:
                self._end(transport)
                return True
        return False

    def _end(self, transport: asyncio.Transport) -> None:
        self.remove(transport)
        transport.abort()


class _CutOff(asyncio.Protocol):
    """A connection that cuts off who does not read what is sent to him."""

    _overdue: asyncio.TimerHandle | None = None

    def _watch(self, transport: asyncio.Transport, timeout_s: float) -> None:
        self._abort = transport.abort
        self._timeout_s = timeout_s
        # told of the first bytes that the peer's side has no room for; TLS would take 0 for "always"
        transport.set_write_buffer_limits(high=1, low=0)
        # asyncio reads 256 KiB in one go otherwise; as tiny frames, that would hold up all others while it is parsed
        with suppress(AttributeError):  # TLS has no such limit
            transport.max_size = _READ_BYTES  # type: ignore[attr-defined]

    def _resumed(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self._overdue = asyncio.get_running_loop().call_later(self._timeout_s, self._abort)

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        self._resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._resumed()
        super().connection_lost(exc)


class HttpConnection(_CutOff, H11Protocol):
    """A connection that speaks HTTP.

    Args:
        waiting: Where it waits for its requests.
        patience_s: How long an answer may wait to be read.
        options: Of uvicorn.
    """

    def __init__(self, *, waiting: Waiting, patience_s: float, **options: Any) -> None:
        super().__init__(**options)
        self._waiting = waiting
        self._patience_s = patience_s

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        self._watch(transport, self._patience_s)
        self._waiting.add(transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._waiting.remove(self.transport)

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self._waiting.add(self.transport)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """See uvicorn."""
        self._waiting.remove(self.transport)
        self._resumed()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._waiting.remove(self.transport)
        super().connection_lost(exc)


class WebsocketConnection(_CutOff, WebSocketsSansIOProtocol):
    """A connection that speaks the websocket protocol.

    Args:
        patience_s: How long a message may wait to be read.
        options: Of uvicorn.
    """

    def __init__(self, *, patience_s: float, **options: Any) -> None:
        super().__init__(**options)
        self._patience_s = patience_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(transport)
        # the session gives up first, and tells the peer if it can
        self._watch(self.transport, self._patience_s + 2 * TELL_S + CLOSE_S)

    def handle_connect(self, event: Any) -> None:
        """See uvicorn."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, Any] = {**self.scope["extensions"], ABORT: self.transport.abort}
            self.scope["extensions"] = extensions

    def handle_cont(self, event: Any) -> None:
        """See uvicorn."""
        if len(self.frames) >= _MAX_FRAGMENTS:
            self.conn.fail(_TOO_LARGE, "too many fragments")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """See uvicorn."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # a peer that does not read gets no answers to hoard

    async def send(self, message: Any) -> None:
        """See uvicorn."""
        await super().send(message)
        if message["type"] == "websocket.close" and self.close_timer is not None:
            self.close_timer.cancel()
            # a transport that is closed waits for a peer that does not read; one that is cut does not
            self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)


def connection_classes(settings: ServerSettings, waiting: Waiting) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What uvicorn is to make for each connection: HTTP, and websocket."""
    patience_s = settings.idle_timeout_s
    return (
        partial(HttpConnection, waiting=waiting, patience_s=patience_s),
        partial(WebsocketConnection, patience_s=patience_s),
    )
