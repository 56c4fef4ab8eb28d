"""Further APIs beside the server's own, on paths of their own and with errors in their own shape."""

from collections.abc import Callable
from typing import Protocol

from starlette.responses import Response
from starlette.routing import BaseRoute

from streamauth.errors import StreamAuthError
from streamauth.server.context import Context


class Mount(Protocol):
    """An API that the server carries without knowing it."""

    @property
    def route(self) -> BaseRoute:
        """What answers on its paths."""

    def covers(self, path: str) -> bool:
        """Whether a path is one of its own."""

    def error_reply(self, error: StreamAuthError, path: str) -> Response:
        """The answer to a request on one of its paths that failed before it came there."""


MakeMount = Callable[[Context], Mount]
"""Makes a mount for a server."""
