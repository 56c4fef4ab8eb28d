"""Where the API hangs in the server: all paths that begin with one of its roots, in whatever letters."""

from typing import TYPE_CHECKING, NoReturn

from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from streamauth.errors import StreamAuthError
from streamauth.server.azure.api import AzureApi
from streamauth.server.azure.refusals import refusal_of, refusal_reply
from streamauth.server.azure.routing import generation_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from streamauth.server.app import Application


class AzureRoute(BaseRoute):
    """All paths of the API.

    Args:
        application: The server's.

    Attributes:
        path: What metrics call it.
    """

    path = "/azure"

    def __init__(self, application: "Application") -> None:
        self._api = AzureApi(application)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Starlette."""
        if scope["type"] == "http" and generation_of(scope["path"]) is not None:
            return Match.FULL, {"route": self}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette."""
        response = await self._api.answer(Request(scope, receive))
        await response(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """See Starlette; these paths have no names."""
        return self._nameless(name, path_params)

    def _nameless(self, name: str, path_params: dict[str, object]) -> NoReturn:
        raise NoMatchFound(name, path_params)


def azure_reply(error: StreamAuthError, path: str) -> "Response | None":
    """An error that fell before the API was reached, in its shape; None on other paths."""
    generation = generation_of(path)
    return None if generation is None else refusal_reply(refusal_of(error, generation), generation)
