"""How a session is closed: the close code of each error, and a last message that never takes long."""

import asyncio
import json

from streamauth.core.events import Failed
from streamauth.errors import (
    AccessRefused,
    AttemptRefused,
    AudioError,
    InputError,
    MessageTooLarge,
    Overloaded,
    ProfileError,
    RateLimited,
    ServerBusy,
    ServerStopping,
    SessionInterrupted,
    SessionTimeout,
    StreamAuthError,
    Unauthorized,
)
from streamauth.protocol.events import event_object
from streamauth.server.streaming.socket import PeerGone, Socket
from streamauth.server.times import TELL_S

NORMAL = 1000
"""The session came to its end."""

CLOSE_CODES: dict[type[StreamAuthError], int] = {
    SessionInterrupted: NORMAL,
    ServerStopping: 1001,
    AttemptRefused: 1008,
    MessageTooLarge: 1009,
    StreamAuthError: 1011,
    ServerBusy: 1013,
    Overloaded: 1013,
    InputError: 4400,
    Unauthorized: 4401,
    AccessRefused: 4403,
    ProfileError: 4404,
    SessionTimeout: 4408,
    AudioError: 4415,
    RateLimited: 4429,
}
"""The close code of an error is that of its nearest class in here."""


def close_code(error: StreamAuthError | None) -> int:
    """The websocket close code of a session's end."""
    if error is None:
        return NORMAL
    return next(CLOSE_CODES[kind] for kind in type(error).__mro__ if kind in CLOSE_CODES)


async def close(socket: Socket, error: StreamAuthError | None, at_sample: int = 0) -> None:
    """Tell the peer what went wrong, if anything did, and close; bounded in time whatever the peer does."""
    try:
        async with asyncio.timeout(TELL_S):
            if error is not None:
                failed = event_object(Failed(at_sample, error.code, error.message))
                await socket.send(json.dumps(failed))
            await socket.close(close_code(error), "" if error is None else error.code)
    except TimeoutError:
        socket.abort()
    except PeerGone:
        pass
