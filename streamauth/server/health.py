"""Whether the server works: for load balancers, and its figures for an operator."""

from time import monotonic

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamauth.errors import StreamAuthError
from streamauth.server.context import Context, caller_of
from streamauth.server.metrics import Metrics
from streamauth.store.api_keys import Scope

_READY_AGE_S = 1.0


def health_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = APIRouter(include_in_schema=False)
    readiness = _Readiness(context)

    @routes.get("/healthz")
    async def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    @routes.get("/readyz")
    async def readyz() -> Response:
        checks = await readiness.checks()
        ready = all(checks.values())
        return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)

    @routes.get("/metrics")
    async def metrics(request: Request) -> Response:
        caller_of(request).need(Scope.ADMIN)
        return Response(context.metrics.text(), media_type=Metrics.content_type)

    return routes


class _Readiness:
    """Whether the server can take sessions; the store is asked once a second at most, whoever asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = False
        self._until_s = 0.0

    async def checks(self) -> dict[str, bool]:
        context = self._context
        if monotonic() >= self._until_s:
            self._until_s = monotonic() + _READY_AGE_S
            try:
                await context.store_pool.run(context.authenticator.store.api_keys.exist)
                self._store = True
            except StreamAuthError:
                self._store = False
        return {
            "taking_sessions": not context.sessions.stopping,
            "workers": not context.workers.exhausted,
            "store": self._store,
        }
