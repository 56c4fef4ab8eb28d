"""The end of a connection, whatever the peer does."""

import asyncio
import json
import time
from contextlib import suppress
from typing import Any, cast

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from streamauth.errors import AttemptDelayed, EngineError, StreamAuthError, UnknownWord, all_errors
from streamauth.server.closing import close_code, farewell


def test_every_error_has_a_close_code_that_may_be_sent() -> None:
    for error in all_errors():
        code = close_code(error())
        assert code in (1000, 1001, 1008, 1009, 1011, 1013) or 4000 <= code < 5000


@pytest.mark.parametrize(
    ("error", "code"), [(None, 1000), (UnknownWord(), 4404), (EngineError(), 1011), (AttemptDelayed(), 1008)]
)
def test_the_nearest_class_counts(error: StreamAuthError | None, code: int) -> None:
    assert close_code(error) == code


def test_a_peer_in_the_middle_of_sending_still_hears_the_error() -> None:
    async def check() -> None:
        async def handler(socket: ServerConnection) -> None:
            await socket.recv()
            await farewell(socket, EngineError(), at_sample=16_000)

        async with serve(handler, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
                with suppress(ConnectionClosed):
                    for _ in range(300):
                        await socket.send(bytes(8192))
                told = json.loads(await socket.recv())
                assert (told["type"], told["code"], told["at_s"]) == ("error", "engine_failed", 1.0)
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
                assert socket.close_code == 1011

    asyncio.run(check())


class DeafSocket:
    """A connection whose peer neither reads nor answers."""

    def __init__(self) -> None:
        self.aborted = False
        self.transport = self

    async def recv(self) -> Any:
        await asyncio.Event().wait()

    async def send(self, _: str) -> None:
        await asyncio.Event().wait()

    async def close(self, *_: object) -> None:
        await asyncio.Event().wait()

    def abort(self) -> None:
        self.aborted = True


def test_a_peer_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamauth.server.closing.TELL_S", 0.05)
    monkeypatch.setattr("streamauth.server.closing.CLOSE_S", 0.05)
    socket = DeafSocket()
    began = time.monotonic()
    asyncio.run(farewell(cast(ServerConnection, socket), EngineError()))
    assert socket.aborted
    assert time.monotonic() - began < 1
