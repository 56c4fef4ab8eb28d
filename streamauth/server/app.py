"""The application: what answers at which address of the server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response
from starlette.routing import WebSocketRoute

from streamauth import __version__
from streamauth.server.messages import PATH
from streamauth.server.pool import WorkerPool
from streamauth.server.sessions import Sessions
from streamauth.server.socket import Receive, Scope, Send, Socket
from streamauth.server.static import page_routes
from streamauth.server.stream import Stream
from streamauth.service import Authenticator
from streamauth.settings import Settings

log = logging.getLogger("streamauth.server")

_POOL_S = 1.0


class Application:
    """One server's application. Use ``running``.

    Args:
        authenticator: What makes the attempts.
        settings: All settings.
        pool: Where the engines run.
        local: Whether only programs of this machine can connect.
    """

    def __init__(self, authenticator: Authenticator, settings: Settings, pool: WorkerPool, *, local: bool) -> None:
        self.authenticator = authenticator
        self.settings = settings
        self.pool = pool
        self.sessions = Sessions(settings.server.max_sessions)
        self.asgi = self._routes()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, authenticator: Authenticator, settings: Settings, *, local: bool
    ) -> AsyncIterator[Self]:
        """An application with its models loaded.

        Raises:
            EngineError: A model cannot be loaded.
        """
        pool = WorkerPool(settings.server.workers)
        try:
            # so that the first client does not wait for it, and a missing model is known before anyone comes
            await asyncio.wrap_future(pool.submit(lambda: authenticator.engines.models(with_words=True)))
            yield cls(authenticator, settings, pool, local=local)
        finally:
            pool.close(_POOL_S)

    async def finish(self) -> None:
        """Take no more sessions, and let those that run come to their end."""
        await self.sessions.finish(self.settings.server.shutdown_grace_s)

    def _routes(self) -> FastAPI:
        app = FastAPI(title="streamauth", version=__version__, docs_url=None, redoc_url=None)

        @app.get("/healthz", response_class=PlainTextResponse)
        async def healthz() -> str:
            return "ok\n"

        @app.get(PATH, include_in_schema=False)
        async def stream_without_upgrade() -> Response:
            return Response("This is a websocket.\n", 426, {"Upgrade": "websocket"}, "text/plain")

        app.router.routes.append(WebSocketRoute(PATH, _Streaming(self)))
        app.router.routes.extend(page_routes())
        return app


class _Streaming:
    """The streaming endpoint, as an ASGI application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        application = self._application
        socket = Socket(scope, receive, send)
        await socket.accept()
        stream = Stream(socket, application.authenticator, application.pool, application.settings)
        await application.sessions.run(stream)
