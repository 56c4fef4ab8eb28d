"""Bodies of HTTP requests: bounded in size, time and depth before anything parses them."""

import asyncio
import re
from collections.abc import Iterable
from itertools import accumulate

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from streamauth.errors import MessageTooLarge, ProtocolError, SessionTimeout
from streamauth.settings import ServerSettings

_BODY_TIMEOUTS = 3
_AUDIO_ROUTES = ("/enrollments", "/verifications", "/identifications")
_MAX_DEPTH = 16
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class Bodies:
    """The bodies of a server's requests.

    Attributes:
        most_json: Largest body of JSON, in bytes.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._idle_s = settings.idle_timeout_s
        self._most_audio = round(settings.max_upload_mb * 1e6)
        self.most_json = round(settings.max_json_kb * 1024)

    def most_bytes(self, scope: Scope, *, own: bool) -> int:
        """How large the body of a request may be.

        Args:
            scope: Of the request.
            own: Whether it is one for the server's own interface, where all but audio is JSON.
        """
        audio = not own or str(scope["path"]).endswith(_AUDIO_ROUTES)
        return self._most_audio if audio else self.most_json

    def check_length(self, scope: Scope, most: int) -> None:
        """Refuse a body by its stated length, before any of it is read.

        Raises:
            MessageTooLarge: It is too large.
        """
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            raise MessageTooLarge

    def limited(self, receive: Receive, most: int) -> Receive:
        """What gives the body, bounded in size and time."""
        taken = 0
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _BODY_TIMEOUTS * self._idle_s
        complete = False

        async def limited() -> Message:
            nonlocal taken, complete
            if complete:
                return await receive()  # of whoever waits for the peer to leave
            try:
                async with asyncio.timeout(min(self._idle_s, until_s - loop.time())):
                    message = await receive()
            except TimeoutError:
                raise SessionTimeout("The request did not come in time.") from None
            taken += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if taken > most:
                raise MessageTooLarge
            return message

        return limited

    async def shallow(self, receive: Receive) -> Receive:
        """What gives the body once more, after all of it was read and found to be no deep JSON.

        Raises:
            ProtocolError: It is nested too deeply.
        """
        parts: list[bytes] = []
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
        body = b"".join(parts)
        if depth_of(body) > _MAX_DEPTH:
            raise ProtocolError("The request is nested too deeply.")
        again: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        if message["type"] != "http.request":
            again = [message]

        async def replay() -> Message:
            return again.pop() if again else await receive()

        return replay


def depth_of(body: bytes) -> int:
    """How deeply brackets are nested in a text of JSON."""
    steps: Iterable[int] = (_STEP.get(byte, 0) for byte in _STRING.sub(b"", body))
    return max(accumulate(steps), default=0)
