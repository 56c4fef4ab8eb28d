"""What every request passes before anything else: rates, sizes, times; and what leaves after everything else.

Whatever goes wrong inside is told as a named error without any of its text, and only its kind is logged.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from streamauth.azure.mount import azure_reply
from streamauth.errors import (
    InternalError,
    MessageTooLarge,
    NotFound,
    ServerStopping,
    SessionTimeout,
    StreamAuthError,
)
from streamauth.protocol.messages import PATH
from streamauth.server.access import Access
from streamauth.server.metrics import Metrics
from streamauth.server.replies import error_reply
from streamauth.server.static import page_files
from streamauth.server.streaming.closing import TELL_S
from streamauth.server.streaming.socket import Receive, Scope, Send
from streamauth.settings import ServerSettings

log = logging.getLogger("streamauth.server")

_BODY_TIMEOUTS = 3
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class Gate:
    """An ASGI application around another one.

    Args:
        app: The one inside.
        access: Counts requests.
        settings: Limits.
        metrics: Figures.
        stopping: Tells whether the server stops.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        settings: ServerSettings,
        metrics: Metrics,
        stopping: Callable[[], bool],
    ) -> None:
        self._app = app
        self._access = access
        self._settings = settings
        self._metrics = metrics
        self._stopping = stopping
        # one view of the page loads all of its files: they would use up what a few people behind one address have
        self._free = page_files().keys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            elif message["type"].startswith("websocket."):
                status = 101
            await send(message)

        http = scope["type"] == "http"
        try:
            self._check(scope)
            await self._app(scope, self._limited(receive) if http else receive, sent)
        except asyncio.CancelledError:
            raise
        except OSError:
            pass  # the peer is gone
        except Exception as error:
            if not isinstance(error, StreamAuthError):
                log.error("a request failed: unexpected %s", type(error).__name__)
                error = InternalError()
            self._metrics.refusals.labels(error.code).inc()
            if not status:
                await refuse(error, scope, receive, sent)
        if http:
            self._metrics.requests.labels(_route(scope), status).inc()

    def _check(self, scope: Scope) -> None:
        if scope["path"] not in self._free:
            self._access.knock(scope)
        if scope["type"] == "websocket":
            if scope["path"] != PATH or scope["query_string"]:
                raise NotFound(f"The streaming endpoint is {PATH}.")
            if self._stopping():
                raise ServerStopping
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._most_bytes:
            raise MessageTooLarge

    @property
    def _most_bytes(self) -> int:
        return round(self._settings.max_upload_mb * 1e6)

    def _limited(self, receive: Receive) -> Receive:
        """The body, bounded in size and time."""
        taken = 0
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _BODY_TIMEOUTS * self._settings.idle_timeout_s
        complete = False

        async def limited() -> Any:
            nonlocal taken, complete
            if complete:
                return await receive()  # of whoever waits for the peer to leave
            try:
                async with asyncio.timeout(min(self._settings.idle_timeout_s, until_s - loop.time())):
                    message = await receive()
            except TimeoutError:
                raise SessionTimeout("The request did not come in time.") from None
            taken += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if taken > self._most_bytes:
                raise MessageTooLarge
            return message

        return limited


async def refuse(error: StreamAuthError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or the handshake of a websocket, by an error."""
    reply: Response = azure_reply(error, scope["path"]) or error_reply(error)
    if scope["type"] == "http":
        # whoever is still sending would be reset by the close, and never see the answer
        with suppress(TimeoutError):
            async with asyncio.timeout(TELL_S):
                while (await receive()).get("more_body", False):
                    pass
        reply.headers["Connection"] = "close"
    await reply(scope, receive, send)


def _route(scope: Scope) -> str:
    """The pattern of the address, never the address itself."""
    route = scope.get("route")
    return str(getattr(route, "path", "other"))
