"""Errors as HTTP answers: the status of each, and their one JSON shape."""

import asyncio
import math
from contextlib import suppress
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from streamauth.errors import (
    AccessRefused,
    AttemptRefused,
    AudioTooLong,
    EncoderChanged,
    InputError,
    InternalError,
    MessageTooLarge,
    NobodyToIdentify,
    NotFound,
    Overloaded,
    ProfileExists,
    ProfileLocked,
    ProfileNotEnrolled,
    ProtocolError,
    RateLimited,
    ServerBusy,
    ServerStopping,
    SessionTimeout,
    StoreBusy,
    StoreUnavailable,
    StreamAuthError,
    Unauthorized,
    UnknownProfile,
    UnknownPrompt,
)
from streamauth.server.times import TELL_S

STATUS_CODES: dict[type[StreamAuthError], int] = {
    InputError: 400,
    Unauthorized: 401,
    AccessRefused: 403,
    NotFound: 404,
    UnknownProfile: 404,
    UnknownPrompt: 404,
    SessionTimeout: 408,
    ProfileExists: 409,
    ProfileNotEnrolled: 409,
    EncoderChanged: 409,
    NobodyToIdentify: 409,
    AudioTooLong: 413,
    MessageTooLarge: 413,
    ProfileLocked: 423,
    AttemptRefused: 429,
    RateLimited: 429,
    StreamAuthError: 500,
    ServerBusy: 503,
    ServerStopping: 503,
    Overloaded: 503,
    StoreBusy: 503,
    StoreUnavailable: 503,
}
"""The status of an error is that of its nearest class in here."""

_RETRY_S = 5


def status_code(error: StreamAuthError) -> int:
    """The HTTP status of an error."""
    return next(STATUS_CODES[kind] for kind in type(error).__mro__ if kind in STATUS_CODES)


def error_body(error: StreamAuthError) -> dict[str, Any]:
    """The one JSON shape of an error."""
    return {"error": error.as_dict()}


def error_reply(error: StreamAuthError, status: int | None = None) -> JSONResponse:
    """The answer to a request that failed."""
    status = status_code(error) if status is None else status
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retryable:
        headers["Retry-After"] = str(math.ceil(_RETRY_S))
    return JSONResponse(error_body(error), status, headers)


async def refuse(
    error: StreamAuthError, scope: Scope, receive: Receive, send: Send, reply: Response | None = None
) -> None:
    """Answer a request, or the handshake of a websocket, by an error; in another shape where ``reply`` gives one."""
    reply = reply or error_reply(error)
    if scope["type"] == "http":
        # whoever is still sending would be reset by the close, and never see the answer
        with suppress(TimeoutError):
            async with asyncio.timeout(TELL_S):
                while (await receive()).get("more_body", False):
                    pass
        reply.headers["Connection"] = "close"
    await reply(scope, receive, send)


async def _reply(_: Request, error: Exception) -> Response:
    match error:
        case StreamAuthError():
            return error_reply(error)
        # what the framework itself refuses: an address or a method that is not there, a body that cannot be read
        case HTTPException(status_code=404):
            return error_reply(NotFound())
        case HTTPException(status_code=405):
            reply = error_reply(ProtocolError("This method is not allowed here."), 405)
            reply.headers.update(error.headers or {})
            return reply
        case HTTPException() if error.status_code < 500:
            return error_reply(ProtocolError("The request cannot be read."), error.status_code)
        case RequestValidationError():
            # it does not fit its description; what was sent is not repeated
            faults = [each for each in error.errors() if each["type"] not in ("extra_forbidden", "json_invalid")]
            fields = ", ".join(sorted({str(each["loc"][1]) for each in faults if len(each["loc"]) > 1}))
            what = f"These fields are missing or wrong: {fields}." if fields else "The request cannot be read."
            return error_reply(ProtocolError(what), 422)
    return error_reply(InternalError())


REPLIES = dict.fromkeys((Exception, StreamAuthError, HTTPException, RequestValidationError), _reply)
"""What answers to each kind of exception."""
