"""How a connection ends: the close code of every error, and a last word that never takes long."""

import asyncio
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from streamauth.core.events import Failed
from streamauth.errors import (
    AttemptRefused,
    AudioError,
    InputError,
    MessageTooLarge,
    Overloaded,
    ProfileError,
    ServerBusy,
    ServerStopping,
    SessionInterrupted,
    SessionTimeout,
    StreamAuthError,
)
from streamauth.server.messages import server_text

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
    ProfileError: 4404,
    SessionTimeout: 4408,
    AudioError: 4415,
}
"""The close code of an error is that of its nearest class in here."""

TELL_S = 1.0
"""Longest time for a last message to a peer that may not be reading."""
CLOSE_S = 2.0
"""Longest time for the closing handshake."""


def close_code(error: StreamAuthError | None) -> int:
    """The websocket close code of a session's end."""
    if error is None:
        return NORMAL
    return next(CLOSE_CODES[kind] for kind in type(error).__mro__ if kind in CLOSE_CODES)


async def farewell(socket: ServerConnection, error: StreamAuthError | None, at_sample: int = 0) -> None:
    """Tell the peer what went wrong, if anything did, and close; bounded in time whatever the peer does."""
    # What the peer is still sending has to be read, or its side of the closing handshake would never be seen.
    drain = asyncio.create_task(_discard(socket))
    try:
        if error is not None:
            with suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(TELL_S):
                    await socket.send(server_text(Failed(at_sample, error.code, error.message)))
        async with asyncio.timeout(CLOSE_S + TELL_S):
            await socket.close(close_code(error), "" if error is None else error.code)
    except TimeoutError:
        socket.transport.abort()
    finally:
        drain.cancel()
        await asyncio.wait({drain})


async def _discard(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()
