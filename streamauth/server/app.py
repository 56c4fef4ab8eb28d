"""The application: which routes the server has, and what it opens and closes around them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Self

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import WebSocketRoute

from streamauth.core.voice.operating_point import accept_bound
from streamauth.errors import StoreError
from streamauth.protocol.messages import PATH
from streamauth.server.access import Access
from streamauth.server.changes import Changes
from streamauth.server.context import Context
from streamauth.server.health import health_routes
from streamauth.server.metrics import Metrics
from streamauth.server.middleware import Middleware
from streamauth.server.mounts import MakeMount
from streamauth.server.place import Place
from streamauth.server.pool import WorkerPool
from streamauth.server.replies import REPLIES
from streamauth.server.rest.routes import rest_routes
from streamauth.server.sessions import Sessions
from streamauth.server.static import page_routes
from streamauth.server.streaming.endpoint import StreamingEndpoint
from streamauth.server.verdicts import Verdicts
from streamauth.service.authenticator import Authenticator
from streamauth.settings import ServerSettings, Settings
from streamauth.sources.decoders import Decoders
from streamauth.store.store import Store
from streamauth.version import __version__

_POOL_S = 1.0
_STORE_THREADS = 2
_UNUSED_S = 3600.0
_FORGET_S = 60.0


class Application:
    """One server's application. Use ``running``.

    Args:
        context: What all routes and sessions share.
        make_mounts: Further APIs beside the server's own.

    Attributes:
        asgi: The application for the HTTP server.
    """

    def __init__(self, context: Context, make_mounts: Sequence[MakeMount] = ()) -> None:
        self._context = context
        mounts = [make(context) for make in make_mounts]
        api = _routes(context)
        api.router.routes.extend(mount.route for mount in mounts)
        api.router.routes.append(WebSocketRoute(PATH, StreamingEndpoint(context)))
        api.router.routes.extend(page_routes(context.settings))
        self.asgi = Middleware(api, context, mounts)

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        authenticator: Authenticator,
        settings: Settings,
        *,
        local: bool,
        mounts: Sequence[MakeMount] = (),
        place: Place | None = None,
    ) -> AsyncIterator[Self]:
        """An application with its models loaded.

        Args:
            authenticator: What makes the attempts.
            settings: All settings.
            local: Whether the server listens on a loopback address.
            mounts: Further APIs beside the server's own.
            place: Of a worker beside others.

        Raises:
            EngineError: A model cannot be loaded.
        """
        store = authenticator.store
        workers, store_pool = WorkerPool(settings.server.engine_threads), WorkerPool(_STORE_THREADS, "store")
        sessions = Sessions(settings, store, store_pool)
        metrics = Metrics(lambda: len(sessions), place.metrics_folder if place else None)
        verdicts = Verdicts(store.signing_keys, settings.access, time.time)
        decoders = _decoders(settings.server)
        changes = Changes(store, store_pool)
        loops = (
            *(metrics.watch_loop(), sessions.renew(), changes.watch()),
            *(_forget_rates(store, store_pool), _delete_unused(authenticator, store_pool)),
        )
        chores = [asyncio.create_task(each) for each in loops]
        try:
            # so that the first client does not wait for it, and a missing model is known before anyone comes
            models = await workers.run(lambda: authenticator.engines.models(with_words=True))
            threshold = accept_bound(settings.decision, models.calibration)
            access = Access(store, store_pool, settings, local=local)
            context = Context(
                authenticator,
                workers,
                store_pool,
                settings,
                access,
                sessions,
                verdicts,
                metrics,
                changes,
                threshold,
                place.missing if place else lambda: 0,
                decoders.open if decoders else None,
            )
            yield cls(context, mounts)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.wait(chores)
            sessions.close()
            if decoders is not None:
                decoders.close()
            workers.close(_POOL_S)
            store_pool.close(_POOL_S)

    async def finish(self) -> None:
        """Take no more sessions, and let those that run come to their end."""
        await self._context.sessions.finish(self._context.settings.server.shutdown_grace_s)


async def _forget_rates(store: Store, store_pool: WorkerPool) -> None:
    """Delete from time to time what tells nothing any more of how often things happened, for ever."""
    while True:
        await asyncio.sleep(_FORGET_S)
        with suppress(StoreError):
            await store_pool.run(store.rates.forget)


async def _delete_unused(authenticator: Authenticator, store_pool: WorkerPool) -> None:
    """Delete from time to time the profiles that nobody has used for long, for ever."""
    while True:
        with suppress(StoreError):
            await store_pool.run(authenticator.delete_unused)
        await asyncio.sleep(_UNUSED_S)


def _decoders(limits: ServerSettings) -> Decoders | None:
    if not limits.decoder_sandbox or not Decoders.available():
        return None
    return Decoders(memory_mb=limits.decoder_memory_mb, step_s=limits.decoder_step_s)


def _routes(context: Context) -> FastAPI:
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
    # a router that is included is made twice
    api.router.routes += [*rest_routes(context), *health_routes(context).routes]

    @api.get(PATH, include_in_schema=False)
    async def stream_without_upgrade() -> Response:
        return Response("This is a websocket.\n", 426, {"Upgrade": "websocket"}, "text/plain")

    return api
