"""The end of a connection, whatever the peer does."""

import asyncio
import time
from typing import cast

import pytest

from streamauth.errors import AttemptDelayed, EngineError, StreamAuthError, UnknownWord, all_errors
from streamauth.server.streaming.close import close, close_code
from streamauth.server.streaming.socket import Socket


def test_every_error_has_a_close_code_that_may_be_sent() -> None:
    for error in all_errors():
        code = close_code(error())
        assert code in (1000, 1001, 1008, 1009, 1011, 1013) or 4000 <= code < 5000


@pytest.mark.parametrize(
    ("error", "code"), [(None, 1000), (UnknownWord(), 4404), (EngineError(), 1011), (AttemptDelayed(), 1008)]
)
def test_the_nearest_class_counts(error: StreamAuthError | None, code: int) -> None:
    assert close_code(error) == code


class DeafSocket:
    """A connection whose peer neither reads nor answers."""

    def __init__(self) -> None:
        self.aborted = False

    async def send(self, _: str) -> None:
        await asyncio.Event().wait()

    async def close(self, *_: object) -> None:
        await asyncio.Event().wait()

    def abort(self) -> None:
        self.aborted = True


def test_a_peer_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamauth.server.streaming.close.TELL_S", 0.05)
    socket = DeafSocket()
    began = time.monotonic()
    asyncio.run(close(cast(Socket, socket), EngineError()))
    assert socket.aborted
    assert time.monotonic() - began < 10
