"""What every request passes before any route: rates, shares, sizes, times, and who sends it.

Nothing of a body is parsed before its sender is known. Whatever goes wrong inside is told as a named error without any
of its text, and only its kind is logged.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamauth.errors import InternalError, NotFound, ServerStopping, StreamAuthError, Unauthorized
from streamauth.protocol.messages import PATH
from streamauth.server.bodies import Bodies
from streamauth.server.context import CALLER, Context
from streamauth.server.mounts import Mount
from streamauth.server.replies import refuse
from streamauth.server.sign_in import SIGN_IN_PATH
from streamauth.server.static import page_files

log = logging.getLogger("streamauth.server")

HEALTH = ("/healthz", "/readyz")
"""What a load balancer asks; outside of all limits, or else a flood would take a healthy server out of service."""

_PUBLIC = (PATH, "/v1/keys.json", SIGN_IN_PATH)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_HSTS = "max-age=31536000"


class Middleware:
    """An ASGI application around the routes.

    Args:
        app: The routes.
        context: Of the server.
        mounts: Further APIs, which know their callers by themselves, before they read a body.
    """

    def __init__(self, app: ASGIApp, context: Context, mounts: Sequence[Mount]) -> None:
        self._app = app
        self._context = context
        self._mounts = mounts
        self._bodies = Bodies(context.settings.server)
        # one view of the page loads all of its files: they would use up what a few people behind one address have
        self._free = page_files().keys() | set(HEALTH)

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
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", _HSTS)
            elif message["type"].startswith("websocket."):
                status = 101
            await send(message)

        http = scope["type"] == "http"
        try:
            with ExitStack() as held:
                if scope["path"] not in self._free:
                    await self._context.access.knock(scope)
                if http:
                    receive = await self._checked(scope, receive, held)
                else:
                    self._check_websocket(scope)
                await self._app(scope, receive, sent)
        except asyncio.CancelledError:
            raise
        except OSError:
            pass  # the peer is gone
        except Exception as error:
            if not isinstance(error, StreamAuthError):
                log.error("a request failed: unexpected %s", type(error).__name__)
                error = InternalError()
            self._context.metrics.refusals.labels(error.code).inc()
            if not status:
                mount = self._mount_of(scope["path"])
                reply = None if mount is None else mount.error_reply(error, scope["path"])
                await refuse(error, scope, receive, sent, reply)
        if http:
            self._context.metrics.requests.labels(_route(scope), status).inc()

    async def _checked(self, scope: Scope, receive: Receive, held: ExitStack) -> Receive:
        """What gives the body of a request that may go on; its caller is in the scope then."""
        path: str = scope["path"]
        if path in self._free:
            return receive
        held.enter_context(self._context.access.request(scope))
        own = self._mount_of(path) is None
        most = self._bodies.most_bytes(scope, own=own)
        self._bodies.check_length(scope, most)
        limited = self._bodies.limited(receive, most)
        if not own:
            return limited
        if path not in _PUBLIC and (path.startswith("/v1/") or path == "/metrics"):
            caller = await self._context.access.caller(scope)
            if caller is None:
                raise Unauthorized
            held.enter_context(self._context.access.request_of(caller))
            scope.setdefault("state", {})[CALLER] = caller
        audio = most != self._bodies.most_json
        return limited if audio or scope["method"] in ("GET", "HEAD") else await self._bodies.shallow(limited)

    def _check_websocket(self, scope: Scope) -> None:
        if scope["path"] != PATH or scope["query_string"]:
            raise NotFound(f"The streaming endpoint is {PATH}.")
        if self._context.sessions.stopping:
            raise ServerStopping

    def _mount_of(self, path: str) -> Mount | None:
        return next((mount for mount in self._mounts if mount.covers(path)), None)


def _route(scope: Scope) -> str:
    """The pattern of the address, never the address itself."""
    route = scope.get("route")
    return str(getattr(route, "path", "other"))
