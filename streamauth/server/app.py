"""The application: what answers at which address of the server, and what all of it shares."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import WebSocketRoute

from streamauth.azure.mount import AzureRoute
from streamauth.core.voice.operating_point import accept_bound
from streamauth.errors import StreamAuthError, Unauthorized
from streamauth.protocol.messages import PATH, Start
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.server.access import Access, Caller
from streamauth.server.context import Workplace
from streamauth.server.metrics import Metrics
from streamauth.server.middleware import Gate, refuse
from streamauth.server.pool import WorkerPool
from streamauth.server.replies import REPLIES
from streamauth.server.rest.routes import rest_routes
from streamauth.server.static import page_routes
from streamauth.server.streaming.sessions import Sessions
from streamauth.server.streaming.socket import Receive, Scope, Send, Socket
from streamauth.server.streaming.stream import Stream
from streamauth.server.verdicts import Verdicts
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.api_keys import Scope as KeyScope
from streamauth.version import __version__

_POOL_S = 1.0
_DESK_THREADS = 2


class Application:
    """One server's application. Use ``running``.

    Args:
        workplace: What all sessions share.
        access: Who may use it.
        sessions: The sessions.

    Attributes:
        asgi: The application for the HTTP server.
        api: The routes inside of it, for further ones.
    """

    def __init__(self, workplace: Workplace, access: Access, sessions: Sessions) -> None:
        self.workplace = workplace
        self.access = access
        self.sessions = sessions
        self.api = self._routes()
        limits = workplace.settings.server
        self.asgi = Gate(self.api, access, limits, workplace.metrics, lambda: sessions.stopping)

    @classmethod
    @asynccontextmanager
    async def running(cls, authenticator: Authenticator, settings: Settings, *, local: bool) -> AsyncIterator[Self]:
        """An application with its models loaded.

        Args:
            authenticator: What makes the attempts.
            settings: All settings.
            local: Whether the server listens on a loopback address.

        Raises:
            EngineError: A model cannot be loaded.
        """
        sessions = Sessions(settings)
        metrics = Metrics(lambda: len(sessions))
        verdicts = Verdicts(authenticator.store, settings.access, time.time)
        pool, desk = WorkerPool(settings.server.workers), WorkerPool(_DESK_THREADS, "desk")
        watching = asyncio.create_task(metrics.watch_loop())
        try:
            # so that the first client does not wait for it, and a missing model is known before anyone comes
            models = await pool.run(lambda: authenticator.engines.models(with_words=True))
            threshold = accept_bound(settings.decision, models.calibration)
            workplace = Workplace(authenticator, pool, desk, settings, verdicts, metrics, threshold)
            yield cls(workplace, Access(authenticator.store, desk, settings, local=local), sessions)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            pool.close(_POOL_S)
            desk.close(_POOL_S)

    async def finish(self) -> None:
        """Take no more sessions, and let those that run come to their end."""
        await self.sessions.finish(self.workplace.settings.server.shutdown_grace_s)

    async def caller(self, request: Request) -> Caller:
        """Who sends an HTTP request.

        Raises:
            Unauthorized: Nobody known.
        """
        caller = await self.access.caller(request.scope)
        if caller is None:
            raise Unauthorized
        return caller

    def _routes(self) -> FastAPI:
        api = FastAPI(
            title="streamauth",
            version=__version__,
            description="Real-time voice authentication. Streaming: docs/protocol.md.",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        for kind, reply in REPLIES.items():
            api.add_exception_handler(kind, reply)
        api.include_router(rest_routes(self))

        @api.get(PATH, include_in_schema=False)
        async def stream_without_upgrade() -> Response:
            return Response("This is a websocket.\n", 426, {"Upgrade": "websocket"}, "text/plain")

        @api.get("/healthz", include_in_schema=False)
        async def healthz() -> Response:
            return Response("ok\n", media_type="text/plain")

        @api.get("/readyz", include_in_schema=False)
        async def readyz() -> Response:
            return await self._readiness()

        @api.get("/metrics", include_in_schema=False)
        async def metrics(request: Request) -> Response:
            (await self.caller(request)).need(KeyScope.ADMIN)
            return Response(self.workplace.metrics.text(), media_type=Metrics.content_type)

        if self.workplace.settings.azure.enabled:
            api.router.routes.append(AzureRoute(self))
        api.router.routes.append(WebSocketRoute(PATH, _Streaming(self)))
        api.router.routes.extend(page_routes())
        return api

    async def _readiness(self) -> Response:
        workplace = self.workplace
        checks = {"taking_sessions": not self.sessions.stopping, "workers": not workplace.pool.exhausted}
        try:
            await workplace.desk.run(workplace.authenticator.store.has_api_keys)
            checks["store"] = True
        except StreamAuthError:
            checks["store"] = False
        ready = all(checks.values())
        return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


class _Streaming:
    """The streaming endpoint, as an ASGI application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # before the handshake, so that a wrong key or a foreign page is answered by HTTP
            caller = await self._application.access.caller(scope)
        except StreamAuthError as error:
            self._application.workplace.metrics.refusals.labels(error.code).inc()
            await refuse(error, scope, receive, send)
            return
        socket = Socket(scope, receive, send)
        await socket.accept()
        stream = Stream(socket, self._application.workplace, partial(self._admit, scope, caller))
        await self._application.sessions.run(stream)

    async def _admit(self, scope: Scope, caller: Caller | None, stream: Stream, start: Start) -> tuple[Caller, Purpose]:
        access = self._application.access
        if start.token is not None:
            caller, fixed = await access.by_token(scope, start.token)
            purpose = start.purpose.agree(fixed)
        elif caller is not None:
            purpose = start.purpose
        else:
            raise Unauthorized("Show an API key in the handshake, or a session token in the start message.")
        caller.need(KeyScope.ENROLL if purpose.mode is Mode.ENROLL else KeyScope.VERIFY)
        self._application.sessions.enter(stream, caller)
        return caller, purpose
