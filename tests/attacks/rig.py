"""What the attacks share: a real server with default settings, and what an attacker may do from outside."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from streamauth.azure.mount import azure_mounts
from streamauth.settings import Settings
from tests.fakes import FakeEncoder
from tests.server.rig import Watched, application
from tests.serving import serving


@contextmanager
def attacked(
    folder: Path, sections: dict[str, dict[str, Any]] | None = None, encoder: FakeEncoder | None = None
) -> Iterator[tuple[str, Watched]]:
    """A server with default settings, but for replays, that knows ada (with a phrase) and bob (without one)."""
    given = {name: dict(values) for name, values in (sections or {}).items()}
    # a busy machine must not look like an engine that hangs
    given["server"] = {"call_timeout_s": 120.0} | given.get("server", {}) | {"port": 0}
    given.setdefault("replay", {}).setdefault("refuse", False)  # the fakes say all things in just the same way
    settings = Settings().with_values(given, "attacks")
    with application(folder, settings, encoder) as watched, serving(watched, settings, azure_mounts(settings)) as url:
        yield url, watched


def place_of(url: str) -> tuple[str, int]:
    """Host and port of a server."""
    host, port = url.split("/")[2].split(":")
    return host, int(port)


def connected(url: str, source: str = "127.0.0.1") -> socket.socket:
    """A bare TCP connection, from any address of this machine."""
    return socket.create_connection(place_of(url), timeout=10, source_address=(source, 0))


def asked(
    url: str,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    source: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer; (0, {}, b"") where the server cut the connection off."""
    sent = {"Host": "127.0.0.1", "Content-Length": str(len(body)), "Connection": "close"} | (headers or {})
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items()) + "\r\n"
    peer: socket.socket
    with suppress(OSError), connected(url, source) as plain:
        peer = plain if tls is None else tls.wrap_socket(plain, server_hostname="127.0.0.1")
        answer = b""
        with peer, suppress(OSError):
            with suppress(OSError):
                peer.sendall(head.encode() + body)
            while piece := peer.recv(65_536):
                answer += piece
        lines, _, rest = answer.partition(b"\r\n\r\n")
        first, *others = lines.decode().split("\r\n")
        if first:
            pairs = (line.partition(": ") for line in others)
            return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, rest
    return 0, {}, b""


def code_of(answer: bytes) -> str:
    """The code of an error."""
    return str(json.loads(answer)["error"]["code"])
