"""The API as a mount of the server: all paths that begin with one of its roots, in any letter case."""

import logging

from starlette.datastructures import URLPath
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from streamauth.azure.api import AzureApi
from streamauth.azure.generations import Generation
from streamauth.azure.refusals import refusal_of, refusal_reply
from streamauth.azure.routing import generation_of
from streamauth.errors import InternalError, StreamAuthError
from streamauth.server.access import listed
from streamauth.server.context import Context
from streamauth.server.mounts import MakeMount
from streamauth.settings import Settings

log = logging.getLogger("streamauth.server")


class AzureMount(BaseRoute):
    """The API beside the server's own: one route for all of its paths. See ``Mount``.

    Attributes:
        path: What metrics call it.

    Raises:
        BadSetting: A phrase of the settings cannot be used.
    """

    path = "/azure"

    def __init__(self, context: Context) -> None:
        self._api = AzureApi(context)
        self._origins = set(listed(context.settings.access.origins))

    @property
    def route(self) -> BaseRoute:
        """What answers on its paths."""
        return self

    def covers(self, path: str) -> bool:
        """Whether a path is one of the API's."""
        return generation_of(path) is not None

    def error_reply(self, error: StreamAuthError, path: str) -> Response:
        """An error that fell before the API was reached, in its shape."""
        generation = generation_of(path) or Generation.V3
        return refusal_reply(refusal_of(error, generation), generation)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Starlette."""
        if scope["type"] == "http" and self.covers(scope["path"]):
            return Match.FULL, {"route": self}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except (OSError, ClientDisconnect):
            return  # the peer is gone
        except Exception as error:
            log.error("a request failed: unexpected %s", type(error).__name__)
            response = self.error_reply(InternalError(), scope["path"])
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        origin = request.headers.get("origin", "")
        if origin not in self._origins:
            return await self._api.answer(request)
        asks = request.headers.get("access-control-request-headers", "")
        first = request.method == "OPTIONS" and "access-control-request-method" in request.headers
        response = _leave(asks) if first else await self._api.answer(request)
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Location, Operation-Location, x-ms-error-code"
        response.headers["Vary"] = "Origin"
        return response

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """See Starlette; these paths have no names."""
        raise NoMatchFound(name, path_params)


def _leave(headers: str) -> Response:
    """What a browser wants to hear before a page of another origin may send a key."""
    allowed = {"Access-Control-Allow-Methods": "GET, POST, DELETE", "Access-Control-Allow-Headers": headers}
    return Response(status_code=204, headers=allowed)


def azure_mounts(settings: Settings) -> tuple[MakeMount, ...]:
    """The API, where the settings want it."""
    return (AzureMount,) if settings.azure.enabled else ()
