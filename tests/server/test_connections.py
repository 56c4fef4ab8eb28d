"""The hooks of uvicorn that the hardened connections rely on: a version without one of them must not be used."""

import inspect

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from streamauth.server.connections import HttpConnection, WebsocketConnection
from streamauth.settings import ServerSettings


@pytest.mark.parametrize(
    ("kind", "hooks"),
    [
        (HttpConnection, ("data_received", "on_response_complete", "handle_websocket_upgrade", "connection_lost")),
        (WebsocketConnection, ("connection_made", "handle_connect", "handle_cont", "handle_ping", "send")),
    ],
)
def test_every_hook_is_one_that_uvicorn_calls(kind: type, hooks: tuple[str, ...]) -> None:
    base = kind.__mro__[2]
    assert base in (H11Protocol, WebSocketsSansIOProtocol)
    source = inspect.getsource(base)
    for hook in hooks:
        assert hasattr(base, hook), hook
        own = inspect.signature(getattr(kind, hook)).parameters
        assert len(own) == len(inspect.signature(getattr(base, hook)).parameters), hook
    assert "self.transport" in source


def test_the_state_that_is_read_is_there() -> None:
    assert {"connections", "tasks"} <= set(vars(ServerState()))
    for name in ("cycle", "transport"):
        assert name in inspect.getsource(H11Protocol)
    for name in ("frames", "writable", "close_timer", "conn", "response", "handle_parser_exception"):
        assert name in inspect.getsource(WebSocketsSansIOProtocol)
    assert ServerSettings().connections_per_address
