"""The API as a whole: checks who asks, finds the operation, gives the answer."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from streamauth.azure.audio_requests import Hearing
from streamauth.azure.common import ApiContext
from streamauth.azure.generations import API_VERSION, Generation
from streamauth.azure.inputs import query_of
from streamauth.azure.profiles import ProfileOperations
from streamauth.azure.refusals import (
    Refusal,
    invalid_argument,
    no_such_resource,
    refusal_of,
    refusal_reply,
)
from streamauth.azure.routing import SCOPES, Route, generation_of, route_of
from streamauth.azure.voices import VoiceOperations
from streamauth.errors import StreamAuthError, Unauthorized
from streamauth.server.access import Caller
from streamauth.server.context import Context

_KEY = "ocp-apim-subscription-key"
Handler = Callable[[Request, Caller, Route], Awaitable[Response]]


class AzureApi:
    """Answers requests.

    Raises:
        BadSetting: A phrase of the settings cannot be used.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        api = ApiContext(context)
        hearing = Hearing(api)
        profiles, voices = ProfileOperations(api), VoiceOperations(api, hearing)
        self._handlers: dict[str, Handler] = {
            "create": profiles.create,
            "list": profiles.list,
            "get": profiles.get,
            "delete": profiles.delete,
            "reset": profiles.reset,
            "enroll": voices.enroll,
            "verify": voices.verify,
            "identify": voices.identify,
            "phrases": profiles.list_phrases,
            "status": hearing.status,
        }

    async def answer(self, request: Request) -> Response:
        """The answer to a request on one of the API's paths."""
        path = request.scope["path"]
        generation = generation_of(path) or Generation.V3
        try:
            try:
                caller = await self._caller(request)
                route = route_of(request.method, path)
                if route is None:
                    raise no_such_resource()
                caller.need(*SCOPES[route.operation])
                if generation is Generation.V3 and query_of(request).get("api-version", "").strip() != API_VERSION:
                    raise invalid_argument(
                        f"Invalid api-version parameter value. Supported versions are {API_VERSION}."
                    )
                return await self._handlers[route.operation](request, caller, route)
            except StreamAuthError as error:
                self._context.metrics.refusals.labels(error.code).inc()
                raise refusal_of(error, generation) from None
        except Refusal as refusal:
            return refusal_reply(refusal, generation)

    async def _caller(self, request: Request) -> Caller:
        key = request.headers.get(_KEY, "").strip()
        if not key:
            raise Unauthorized
        return await self._context.access.by_key(request.scope, key)
