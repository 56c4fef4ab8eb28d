"""The REST interface as a whole.

Audio is the body of a request, in any format of file that the command line takes. Names and phrases stand in bodies
only: addresses end up in the logs of proxies.
"""

from starlette.routing import BaseRoute

from streamauth.server.context import Context
from streamauth.server.rest.audit import audit_routes
from streamauth.server.rest.decisions import decision_routes
from streamauth.server.rest.doors import door_routes
from streamauth.server.rest.phrases import phrase_routes
from streamauth.server.rest.profiles import profile_routes
from streamauth.server.rest.sign_in import sign_in_routes
from streamauth.server.rest.tokens import token_routes


def rest_routes(context: Context) -> list[BaseRoute]:
    """All routes, for one server."""
    parts = (
        profile_routes,
        phrase_routes,
        decision_routes,
        token_routes,
        sign_in_routes,
        door_routes,
        audit_routes,
    )
    return [route for part in parts for route in part(context).routes]
