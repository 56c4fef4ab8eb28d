"""Peers that mean harm: each is told or cut off, others do not notice, and nothing is left of it."""

import base64
import gc
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.server.rig import ADA, BOB, PHRASE, START, HangingEncoder, Peer, Watched, server, spoken, until
from tests.server.web import Web, key_of, wav


class Raw:
    """A TCP connection, to say what no library would."""

    def __init__(self, url: str, *, upgrade: bool = True, receive_bytes: int | None = None) -> None:
        host, port = url.split("/")[2].split(":")
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(5)
        self.socket.connect((host, int(port)))
        if upgrade:
            key = base64.b64encode(os.urandom(16)).decode()
            lines = ["GET /v1/stream HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
            lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
            self.socket.sendall("\r\n".join(lines).encode())
            assert self.socket.recv(4096).startswith(b"HTTP/1.1 101")

    def frame(self, data: bytes, opcode: int = 2, *, fin: bool = True, length: int | None = None) -> None:
        """Send one frame, masked by zeros; ``length`` may be a lie."""
        length = len(data) if length is None else length
        head = bytes([opcode | (0x80 if fin else 0)])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 1 << 16:
            head += bytes([0xFE]) + struct.pack(">H", length)
        else:
            head += bytes([0xFF]) + struct.pack(">Q", length)
        self.socket.sendall(head + bytes(4) + data)

    def say(self, **fields: Any) -> None:
        """Send a control message."""
        self.frame(json.dumps(fields).encode(), 1)

    def is_over(self, timeout_s: float = 60.0) -> bool:
        """Whether the server ends the connection."""
        self.socket.settimeout(timeout_s)
        try:
            while self.socket.recv(65_536):
                pass
            return True
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError:
            return False

    def close_code(self) -> int | None:
        """The code of the close frame that the server sends, None if it just goes."""
        data = b""
        with suppress(OSError):
            while chunk := self.socket.recv(65_536):
                data += chunk
        at, code = 0, None
        while at + 2 <= len(data):
            opcode, size = data[at] & 15, data[at + 1] & 127
            at += 2
            if size == 126:
                size, at = int.from_bytes(data[at : at + 2], "big"), at + 2
            if opcode == 8:
                code = int.from_bytes(data[at : at + 2], "big")
            at += size
        return code

    def reset(self) -> None:
        """Go without a word, and without what is on its way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def handles() -> int:
    """Open sockets and files; those of the store are a pool of their own, which fills as it is used."""
    gc.collect()
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += "streamauth.db" not in os.readlink(entry)
    return found


def assert_serves(url: str, watched: Watched) -> None:
    """That somebody is accepted, after whom nothing is left."""
    with Peer(url) as peer:
        peer.start()
        peer.send(spoken(PHRASE, ADA))
        assert peer.last() == ("accept", 1000)
    until(lambda: not watched.unclosed)


@contextmanager
def unharmed(url: str, watched: Watched) -> Iterator[None]:
    """That a server, after what is done to it, still serves, and holds nothing more than before."""
    gc.freeze()  # what is there by now is not looked through each time
    assert_serves(url, watched)  # so that whatever is opened once is open
    before = handles()
    yield
    assert_serves(url, watched)
    until(lambda: handles() <= before)


@contextmanager
def attacked(home: Path, *args: Any, **limits: Any) -> Iterator[tuple[str, Watched]]:
    """A server of its own that stays unharmed."""
    with server(home, *args, **limits) as (url, watched), unharmed(url, watched):
        yield url, watched


@pytest.mark.parametrize(
    ("messages", "end"),
    [
        ([bytes(300_000)], 1009),
        (["x" * 300_000], 1009),
        ([START, bytes(300_000)], 1009),
        ([START, bytes(1), {"type": "end"}], ("odd_byte_count", 4415)),
        ([START, bytes(3), {"type": "end"}], ("odd_byte_count", 4415)),
        (["{"], ("bad_message", 4400)),
        (["[[[[" * 1000], ("bad_message", 4400)),
        (["\0"], ("bad_message", 4400)),
        ([START | {"version": 99}], ("unsupported_version", 4400)),
        ([bytes(2)], ("unexpected_message", 4400)),
        ([START | {"name": "../../etc/passwd"}], ("unknown_profile", 4404)),
        ([START | {"token": "st_forged"}], ("session_token_refused", 4401)),
        ([START, START], ("unexpected_message", 4400)),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_protocol(running: tuple[str, Watched], messages: list[Any], end: Any) -> None:
    with unharmed(*running), Peer(running[0]) as peer:
        with suppress(ConnectionClosed):
            for message in messages:
                peer.socket.send(json.dumps(message) if isinstance(message, dict) else message)
        last = peer.last()
        assert last == end or last[1] == end


def test_frames_that_no_library_sends(tmp_path: Path) -> None:
    def unmasked(raw: Raw) -> None:
        raw.socket.sendall(b"\x82\x02ab")

    def reserved_bits(raw: Raw) -> None:
        raw.frame(b"ab", 0x72)

    def unknown_opcode(raw: Raw) -> None:
        raw.frame(b"ab", 5)

    def continuation_of_nothing(raw: Raw) -> None:
        raw.frame(b"ab", 0)

    def long_ping(raw: Raw) -> None:
        raw.frame(bytes(200), 9)

    def huge_length(raw: Raw) -> None:
        raw.frame(b"", 2, length=1 << 62)

    def no_text(raw: Raw) -> None:
        raw.frame(b"\xff\xfe", 1)

    def endless_fragments(raw: Raw) -> None:
        raw.frame(b"", 2, fin=False)
        with suppress(OSError):
            for _ in range(3000):
                raw.frame(b"", 0, fin=False)

    def fragments_beyond_the_limit(raw: Raw) -> None:
        raw.frame(bytes(60_000), 2, fin=False)
        with suppress(OSError):
            for _ in range(10):
                raw.frame(bytes(60_000), 0, fin=False)

    expected = {
        unmasked: 1002,
        reserved_bits: 1002,
        unknown_opcode: 1002,
        continuation_of_nothing: 1002,
        long_ping: 1002,
        huge_length: (1002, 1009),
        no_text: 1007,
        endless_fragments: (1009, None),
        fragments_beyond_the_limit: (1009, None),
    }
    with attacked(tmp_path) as (url, _):
        for attack, codes in expected.items():
            raw = Raw(url)
            attack(raw)
            code = raw.close_code()
            raw.socket.close()
            assert code in (codes if isinstance(codes, tuple) else (codes,)), attack.__name__


def test_a_flood_of_tiny_frames_is_told_and_closed_and_others_do_not_notice(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, _), Peer(url) as flooder:
        flooder.start("identify")
        ends: list[tuple[str, int | None]] = []

        def flood() -> None:
            flooder.send(bytes(200_000), chunk_bytes=2)
            ends.append(flooder.last())

        flooding = threading.Thread(target=flood)
        flooding.start()
        with Peer(url) as other:
            other.start()
            other.send(spoken(PHRASE, ADA))
            assert other.last() == ("accept", 1000)
        flooding.join()
        assert ends == [("flooding", 4429)]


def test_a_flood_of_control_messages(tmp_path: Path) -> None:
    # so few that a busy machine sends more
    with attacked(tmp_path, max_messages_per_s=100, idle_timeout_s=60) as (url, _), Peer(url) as peer:
        peer.start("enroll", name="eve")
        with suppress(ConnectionClosed):
            for _ in range(10_000):
                peer.socket.send('{"type":"end_utterance"}')
        assert peer.last() == ("flooding", 4429)


def test_pings_of_a_peer_that_does_not_read_fill_no_memory(tmp_path: Path) -> None:
    with attacked(tmp_path, idle_timeout_s=1) as (url, _):
        raw = Raw(url, receive_bytes=4096)
        before = psutil.Process().memory_info().rss
        with suppress(OSError):
            for _ in range(1000):
                raw.socket.sendall((b"\x89\xfd" + bytes(4) + bytes(125)) * 200)
        assert psutil.Process().memory_info().rss - before < 20_000_000
        raw.reset()


def test_a_slow_reader_is_cut_off_and_others_do_not_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamauth.server.hosting._SEND_BUFFER_BYTES", 8192)  # so that it is full soon
    with attacked(tmp_path, idle_timeout_s=1) as (url, watched):
        raw = Raw(url, receive_bytes=4096)
        raw.say(**START | {"mode": "continuous", "name": "bob"})
        until(lambda: len(watched.made) == 2)

        def send() -> None:
            with suppress(OSError):
                for _ in range(400):
                    raw.frame(spoken(PHRASE, BOB) * 2)

        sending = threading.Thread(target=send)
        sending.start()
        with Peer(url) as other:
            other.start()
            other.send(spoken(PHRASE, ADA))
            other.say(type="end")  # else a busy machine's second without a message ends this session, too
            assert other.last() == ("accept", 1000)
        until(lambda: not watched.unclosed)
        sending.join()
        assert (error := watched.made[1].error) is not None
        assert error.code == "session_timeout"
        raw.socket.close()


def test_a_slow_reader_of_an_answer_is_cut_off(tmp_path: Path) -> None:
    with attacked(tmp_path, idle_timeout_s=1) as (url, _):
        before = handles()
        raw = Raw(url, upgrade=False, receive_bytes=2048)
        with suppress(OSError):
            for _ in range(300):
                raw.socket.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until(lambda: handles() <= before + 1)  # his end is left, ours is gone
        raw.socket.close()


def test_half_open_connections_and_slow_requests_are_closed(tmp_path: Path) -> None:
    with attacked(tmp_path, start_timeout_s=1, idle_timeout_s=1) as (url, _):
        silent, partial, headers = (Raw(url, upgrade=False) for _ in range(3))
        partial.socket.sendall(b"GET / HT")
        headers.socket.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        kept = Raw(url, upgrade=False)
        kept.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        upgraded = Raw(url)
        for raw in (silent, partial, headers, kept, upgraded):
            assert raw.is_over()
            raw.socket.close()


@pytest.mark.parametrize(
    "request_",
    [
        *(b"\0\0\0\0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 200_000, b"X: " * 50_000, b"\x16\x03\x01"),
        *(b"GET /v1/profiles/\xff HTTP/1.1\r\n\r\n", b"GET /v1/profiles?name=\xc3\xbf HTTP/1.1\r\n\r\n"),
    ],
    ids=lambda value: str(value[:24]),
)
def test_what_is_no_http(tmp_path: Path, request_: bytes) -> None:
    with attacked(tmp_path, start_timeout_s=1) as (url, _):
        raw = Raw(url, upgrade=False)
        with suppress(OSError):
            raw.socket.sendall(request_)
        assert raw.is_over()
        raw.socket.close()


def test_a_thousand_idle_connections_keep_nobody_out(tmp_path: Path) -> None:
    limits = {"start_timeout_s": 30, "max_idle_connections": 200, "access": {"address_burst": 100_000}}
    with attacked(tmp_path, **limits) as (url, _), ExitStack() as stack:
        for number in range(1000):
            raw = Raw(url, upgrade=False)
            stack.callback(raw.socket.close)
            if number % 250 == 0:
                with Peer(url) as peer:
                    peer.start()
        with Peer(url) as peer:
            peer.start()
            peer.send(spoken(PHRASE, ADA))
            assert peer.last() == ("accept", 1000)
        assert Web(url)("GET", "/healthz").status == 200


def test_hundreds_of_idle_websockets_keep_nobody_out(tmp_path: Path) -> None:
    limits = {"max_sessions": 50, "connections_per_address": 300, "access": {"address_burst": 100_000}}
    with attacked(tmp_path, **limits) as (url, _), ExitStack() as stack:
        for _ in range(200):
            raw = Raw(url)
            stack.callback(raw.socket.close)
        with Peer(url) as peer:
            peer.start()
            peer.send(spoken(PHRASE, ADA))
            assert peer.last() == ("accept", 1000)


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HangingEncoder, str, Watched]]:
    """A server whose encoder hangs on bob, once ``let_go`` is cleared; the encoder, its URL and its application."""
    encoder = HangingEncoder(BOB)
    with server(tmp_path_factory.mktemp("hanging"), encoder, engine_threads=2) as (url, watched):
        yield encoder, url, watched


STATES = ("tcp", "request", "handshake", "connected", "token", "started", "audio", "ended", "hanging", "rest")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_peer_that_vanishes_in_any_state(hanging: tuple[HangingEncoder, str, Watched], state: str, how: str) -> None:
    encoder, url, watched = hanging
    encoder.let_go.clear()
    while encoder.hanging.acquire(blocking=False):
        pass
    with unharmed(url, watched):
        raw = Raw(url, upgrade=state not in ("tcp", "request", "handshake", "rest"))
        if state == "request":
            raw.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        if state == "handshake":
            raw.socket.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n")
        if state == "token":
            raw.say(**START | {"token": "st_x"})
        if state in ("started", "audio", "ended", "hanging"):
            raw.say(**START | {"name": "bob" if state == "hanging" else "ada"})
        if state in ("audio", "ended"):
            raw.frame(spoken(PHRASE, ADA)[:60_000])
        if state == "ended":
            raw.say(type="end")
        if state == "hanging":
            raw.frame(spoken(PHRASE, BOB))
            assert encoder.hanging.acquire(timeout=60)
        if state == "rest":
            file = wav(spoken(PHRASE, BOB))
            path = f"/v1/profiles/{Web(url).profile_id('bob')}/verifications"
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(file)}\r\n\r\n"
            raw.socket.sendall(head.encode() + file)
            assert encoder.hanging.acquire(timeout=60)
        raw.reset() if how == "reset" else raw.socket.close()
        encoder.let_go.set()
        until(lambda: not watched.unclosed)


def test_a_replayed_token_of_a_session_that_runs(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        body = {"mode": "verify", "name": "ada", "audience": "a"}
        token = Web(url, key_of(watched))("POST", "/v1/sessions", body).json["token"]
        with Peer(url) as peer, Peer(url) as replay:
            peer.start(token=token)
            replay.say(**START | {"token": token})
            assert replay.last() == ("session_token_refused", 4401)
            peer.send(spoken(PHRASE, ADA))
            assert peer.last() == ("accept", 1000)
