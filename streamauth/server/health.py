"""Whether the server works: for load balancers, and in figures for an operator."""

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
        why = await readiness.why()
        ready = not any(why.values())
        body = {
            "ready": ready,
            "checks": {name: reason is None for name, reason in why.items()},
            "why": [reason for reason in why.values() if reason is not None],
            "missing_workers": context.missing_workers(),
        }
        return JSONResponse(body, 200 if ready else 503)

    @routes.get("/metrics")
    async def metrics(request: Request) -> Response:
        caller_of(request).need(Scope.ADMIN)
        return Response(context.metrics.text(), media_type=Metrics.content_type)

    return routes


class _Readiness:
    """Whether the server can take sessions; the store is asked once a second at most, whoever asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store: str | None = None
        self._until_s = 0.0

    async def why(self) -> dict[str, str | None]:
        """What is looked at, and what is wrong with each; None where nothing is."""
        context = self._context
        if monotonic() >= self._until_s:
            self._until_s = monotonic() + _READY_AGE_S
            try:
                await context.store_pool.run(context.authenticator.store.api_keys.exist)
                self._store = None
            except StreamAuthError as error:
                self._store = f"{error.message} [{error.code}]"
        stopping = context.sessions.stopping
        return {
            "taking_sessions": "The server is stopping." if stopping else None,
            "workers": "Too many calls of the engines hang. Start the server anew."
            if context.workers.exhausted
            else None,
            "store": self._store,
        }
