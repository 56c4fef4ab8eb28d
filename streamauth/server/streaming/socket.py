"""A websocket of the ASGI server as a stream of messages that ends with an exception."""

from collections.abc import Callable

from starlette.types import Message, Receive, Scope, Send

ABORT = "streamauth.abort"
"""Extension of the scope: cuts the connection off."""

_BROKEN = 1006


class PeerGone(Exception):
    """The connection is over.

    Attributes:
        code: Its websocket close code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket:
    """A websocket; for one reader and one writer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._abort: Callable[[], None] = scope["extensions"].get(ABORT, lambda: None)
        self._gone: int | None = None

    async def accept(self) -> None:
        """Answer the handshake.

        Raises:
            PeerGone: There is nobody any more.
        """
        if (await self._receive())["type"] != "websocket.connect":
            raise PeerGone(_BROKEN)
        await self._tell({"type": "websocket.accept"})

    async def recv(self) -> str | bytes:
        """The next message.

        Raises:
            PeerGone: There is none.
        """
        if self._gone is not None:
            raise PeerGone(self._gone)
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._gone = message.get("code") or _BROKEN
            raise PeerGone(self._gone)
        text: str | None = message.get("text")
        data: bytes = message.get("bytes") or b""
        return data if text is None else text

    async def send(self, text: str) -> None:
        """Send a message; waits while the peer does not read.

        Raises:
            PeerGone: There is nobody any more.
        """
        await self._tell({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake.

        Raises:
            PeerGone: There is nobody any more.
        """
        await self._tell({"type": "websocket.close", "code": code, "reason": reason})

    def abort(self) -> None:
        """Cut the connection off."""
        self._abort()

    async def _tell(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError):  # what uvicorn raises for a peer that is gone, or that it has closed itself
            raise PeerGone(_BROKEN if self._gone is None else self._gone) from None
