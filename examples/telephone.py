"""Verifies callers of Asterisk by voice: a bridge from AudioSocket to the streaming protocol. See docs/telephone.md.

    STREAMAUTH_URL=ws://127.0.0.1:8765/v1/stream python examples/telephone.py

The dialplan says over HTTP who a call claims to be (POST /claims), hands the call to AudioSocket, and asks for the
verdict (GET /verdicts/UUID), which it gets once. Whatever goes wrong, there is no verdict "accept".

AudioSocket (Asterisk, res_audiosocket): TCP; each message is one byte of kind, two of length, and the payload.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

from streamauth.client import Mode, Start, stream
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided
from streamauth.errors import StreamAuthError

HANG_UP, WHO, KEY, ERROR = 0x00, 0x01, 0x03, 0xFF
RATES_HZ = dict(enumerate((8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000), 0x10))
"""Kinds of messages that are audio, 16-bit little-endian samples of one channel, with their sample rates."""
MOST_CLAIMS = 1000

URL = os.environ.get("STREAMAUTH_URL", "ws://127.0.0.1:8765/v1/stream")
API_KEY = os.environ.get("STREAMAUTH_API_KEY")
HOST = os.environ.get("HOST", "127.0.0.1")
"""Where Asterisk is: the protocol has neither passwords nor encryption, so keep it inside one machine."""
log = logging.getLogger("telephone")


class Bridge:
    """Calls, by the UUID that the dialplan gave them."""

    def __init__(self) -> None:
        self.claims: dict[str, str] = {}
        self.verdicts: dict[str, str] = {}

    async def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of Asterisk: from its UUID to the verdict, or to its end."""
        call_id, verdict = "", "undecided"
        try:
            kind, payload = await message(reader)
            call_id = str(uuid.UUID(bytes=payload)) if kind == WHO and len(payload) == 16 else ""
            name = self.claims.pop(call_id, None)
            if name is not None:
                verdict = await self.verify(name, reader)
            writer.write(bytes((HANG_UP, 0, 0)))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller hung up
        finally:
            if call_id:
                remember(self.verdicts, call_id, verdict)
            log.info("call ended: %s", verdict)
            writer.close()

    async def verify(self, name: str, reader: asyncio.StreamReader) -> str:
        """Stream a call to the server; its verdict."""
        kind, payload = await audio(reader)
        start = Start(Mode.VERIFY, AudioFormat(RATES_HZ[kind]), name=name)

        async def samples() -> AsyncIterator[bytes]:
            yield payload
            while True:
                try:
                    following, more = await audio(reader)
                except (OSError, asyncio.IncompleteReadError):
                    return  # what was said until now is judged
                if following == kind and more:
                    yield more

        try:
            # Asterisk sends at the pace of speech
            async for told in stream(URL, start, samples(), pace=None, api_key=API_KEY):
                if isinstance(told, Decided):
                    return told.verdict.value
        except StreamAuthError as error:
            log.warning("no verdict: %s", error.code)
        return "undecided"

    async def web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of the dialplan's CURL()."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, *_ = head.split()
            length = next((int(line[15:]) for line in head.lower().splitlines() if line[:15] == "content-length:"), 0)
            body = parse_qs((await reader.readexactly(min(length, 4096))).decode("utf-8", "replace"))
            answer = "not found"
            if method == "POST" and path == "/claims":
                call_id, name = body.get("uuid", [""])[0].lower(), body.get("name", [""])[0]
                answer = "bad claim"
                if call_id and name:
                    remember(self.claims, call_id, name)
                    answer = "ok"
            elif method == "GET" and path.startswith("/verdicts/"):
                answer = self.verdicts.pop(path.removeprefix("/verdicts/").lower(), "undecided")
            status = "404 Not Found" if answer == "not found" else "200 OK"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n{answer}".encode()
            )
            await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


def remember(kept: dict[str, str], key: str, value: str) -> None:
    """Keep a value; of too many, the oldest is forgotten."""
    kept[key] = value
    while len(kept) > MOST_CLAIMS:
        del kept[next(iter(kept))]


async def message(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next message: its kind and payload."""
    head = await reader.readexactly(3)
    return head[0], await reader.readexactly(int.from_bytes(head[1:], "big"))


async def audio(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next message that is audio.

    Raises:
        ConnectionAbortedError: The call is over.
    """
    while True:
        kind, payload = await message(reader)
        if kind in (HANG_UP, ERROR):
            raise ConnectionAbortedError
        if kind in RATES_HZ:
            return kind, payload


async def main() -> None:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    bridge = Bridge()
    calls = await asyncio.start_server(bridge.call, HOST, int(os.environ.get("PORT", "9092")))
    web = await asyncio.start_server(bridge.web, HOST, int(os.environ.get("WEB_PORT", "9093")))
    ports = [server.sockets[0].getsockname()[1] for server in (calls, web)]
    print(f"AudioSocket on {HOST}:{ports[0]}, claims and verdicts on http://{HOST}:{ports[1]}", flush=True)
    async with calls, web:
        await asyncio.gather(calls.serve_forever(), web.serve_forever())


if __name__ == "__main__":
    asyncio.run(main())
