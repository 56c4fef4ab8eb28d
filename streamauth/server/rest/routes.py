"""The REST interface as a whole.

Audio is the body of a request, in any format of file that the command line takes. Names and phrases stand in bodies
only: addresses end up in the logs of proxies.
"""

from typing import Any

from fastapi import APIRouter

from streamauth.server.context import Context
from streamauth.server.rest.audit import audit_routes
from streamauth.server.rest.decisions import decision_routes
from streamauth.server.rest.doors import door_routes
from streamauth.server.rest.models import ErrorBody
from streamauth.server.rest.phrases import phrase_routes
from streamauth.server.rest.profiles import profile_routes
from streamauth.server.rest.sign_in import sign_in_routes
from streamauth.server.rest.tokens import token_routes

_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "What was asked for cannot be done."},
    "5XX": {"model": ErrorBody, "description": "The server cannot do it now."},
    # instead of the framework's own, which repeats what was sent
    "422": {"model": ErrorBody, "description": "The request does not fit its description."},
}


def rest_routes(context: Context) -> APIRouter:
    """All routes, for one server."""
    routes = APIRouter(prefix="/v1", responses=_ERRORS)
    for part in (
        profile_routes,
        phrase_routes,
        decision_routes,
        token_routes,
        sign_in_routes,
        door_routes,
        audit_routes,
    ):
        routes.include_router(part(context))
    return routes
