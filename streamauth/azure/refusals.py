"""The API's own errors: their status, code and message, in its one shape."""

from starlette.responses import JSONResponse, Response

from streamauth.azure.generations import Generation
from streamauth.errors import (
    AttemptRefused,
    AudioError,
    AudioTooLong,
    EmptyAudio,
    EncoderChanged,
    Forbidden,
    InputError,
    MessageTooLarge,
    NobodyToIdentify,
    Overloaded,
    ProfileExists,
    ProfileLocked,
    ProfileNotEnrolled,
    RateLimited,
    ServerBusy,
    ServerStopping,
    SessionTimeout,
    StoreBusy,
    StreamAuthError,
    Unauthorized,
    UnknownProfile,
)

_RETRY_S = 5
_ATTEMPT_RETRY_S = 30
_NO_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_TOO_OFTEN = "Rate limit is exceeded."


class Refusal(Exception):
    """A request that is answered by an error of the API.

    Args:
        status: HTTP status.
        code: Of the later generations; the first one knows few.
        message: What is told.
        retry_s: When to try again, in seconds; of busy answers the usual time.
        unread: Whether the body may not have been read to its end.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_s: int | None = None, unread: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.unread = status, code, message, unread
        self.retry_s = retry_s or (_RETRY_S if status in (429, 503) else 0)


def invalid_request(message: str) -> Refusal:
    """400: something is wrong with the body."""
    return Refusal(400, "InvalidRequest", message)


def invalid_argument(message: str) -> Refusal:
    """400: something is wrong with the query."""
    return Refusal(400, "InvalidArgument", message)


def no_such_resource() -> Refusal:
    """404: nothing is at this address."""
    return Refusal(404, "404", "Resource not found")


def no_such_profile() -> Refusal:
    """404: the tenant has no such profile."""
    return Refusal(404, "Not Found", "Requested profile doesn't exist")


def not_enrolled() -> Refusal:
    """400: there is nothing to compare with."""
    return invalid_request("Profile is not enrolled.")


def conflict() -> Refusal:
    """409: another request is at work on the profile."""
    return Refusal(409, "Conflict", "Sending concurrent requests on same profile is not allowed.")


def too_short(least_s: float) -> Refusal:
    """400: too little audio, or too little speech in it."""
    return invalid_request(f"Invalid audio length. Minimum allowed length is {least_s:g} second(s).")


def too_long(most_s: float) -> Refusal:
    """400: too much audio."""
    return invalid_request(f"Invalid audio length. Maximum allowed length is {most_s:g} seconds.")


def bad_format(generation: Generation) -> Refusal:
    """400: no audio of the one format."""
    if generation is Generation.V1:
        return invalid_request("Invalid Audio Format: Only 16 kHz 16 bit mono PCM is supported")
    return invalid_request("Invalid audio format. Supported format is 16Khz 16bit Mono PCM.")


def too_noisy() -> Refusal:
    """400: as it says."""
    return invalid_request("Audio is too noisy.")


def too_large(most_mb: float) -> Refusal:
    """413: the body is larger than may be."""
    message = f"Request body is too large. Maximum allowed size is {most_mb:g} MB."
    return Refusal(413, "RequestEntityTooLarge", message)


def refusal_of(error: StreamAuthError, generation: Generation) -> Refusal:
    """An error of ours as one of the API's."""
    match error:
        case Unauthorized():
            return Refusal(401, "401", _NO_KEY)
        case Forbidden() | ProfileLocked():
            return Refusal(403, "Forbidden", error.message)
        case AttemptRefused():
            return Refusal(429, "RateLimit", _TOO_OFTEN, retry_s=_ATTEMPT_RETRY_S)
        case RateLimited():
            return Refusal(429, "RateLimit", _TOO_OFTEN)
        case UnknownProfile():
            return no_such_profile()
        case ProfileNotEnrolled() | EncoderChanged() | NobodyToIdentify():
            return not_enrolled()
        case ProfileExists():
            return conflict()
        case EmptyAudio():
            return too_short(1)
        case AudioTooLong():
            return invalid_request(f"Invalid audio length. {error.message}")
        case AudioError():
            return bad_format(generation)
        case MessageTooLarge():
            return Refusal(413, "RequestEntityTooLarge", error.message, unread=True)
        case SessionTimeout():
            return Refusal(408, "RequestTimeout", error.message, unread=True)
        case ServerBusy() | Overloaded() | ServerStopping() | StoreBusy():
            return Refusal(503, "ServiceUnavailable", error.message)
        case InputError():
            return invalid_request(error.message)
    return Refusal(500, "InternalServerError", "Internal Server Error.")


_V1_CODES = {400: "BadRequest", 404: "NotFound"}


def refusal_reply(refusal: Refusal, generation: Generation) -> Response:
    """The answer."""
    code = refusal.code
    if generation is Generation.V1 and code != "404":
        code = _V1_CODES.get(refusal.status, code)
    headers = {"x-ms-error-code": code, "Cache-Control": "no-store"}
    if refusal.retry_s:
        headers["Retry-After"] = str(refusal.retry_s)
    if refusal.unread:
        # what was not read of the body must not be taken for the next request
        headers["Connection"] = "close"
    return reply({"error": {"code": code, "message": refusal.message}}, refusal.status, headers)


def reply(data: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return JSONResponse(data, status, headers, media_type="application/json; charset=utf-8")
