"""The address of the streaming protocol: who may begin a session, before and after the handshake."""

from functools import partial

from starlette.types import Receive, Scope, Send

from streamauth.errors import StreamAuthError, Unauthorized
from streamauth.protocol.messages import Start
from streamauth.protocol.purpose import Purpose
from streamauth.server.access import SCOPES, Caller
from streamauth.server.context import Context
from streamauth.server.replies import refuse
from streamauth.server.streaming.socket import Socket
from streamauth.server.streaming.stream import Stream


class StreamingEndpoint:
    """The streaming endpoint, as an ASGI application."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        try:
            # before the handshake, so that a wrong key or a foreign page is answered by HTTP
            caller = await self._context.access.caller(scope)
        except StreamAuthError as error:
            self._context.metrics.refusals.labels(error.code).inc()
            await refuse(error, scope, receive, send)
            return
        socket = Socket(scope, receive, send)
        await socket.accept()
        stream = Stream(socket, self._context, partial(self._admit, scope, caller))
        await self._context.sessions.run(stream)

    async def _admit(self, scope: Scope, caller: Caller | None, stream: Stream, start: Start) -> tuple[Caller, Purpose]:
        if start.token is not None:
            caller, fixed = await self._context.access.by_token(scope, start.token)
            purpose = start.agree(fixed)
        elif caller is not None:
            purpose = start
        else:
            raise Unauthorized("Show an API key in the handshake, or a session token in the start message.")
        caller.need(SCOPES[purpose.mode])
        await self._context.sessions.enter(stream, caller)
        return caller, purpose
