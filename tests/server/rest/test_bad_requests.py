"""The REST interface: what cannot be used, engines that fail, and that nothing personal is logged."""

import http.client
import logging
import socket
import threading
from pathlib import Path

import pytest

from tests.fakes import BrokenEncoder
from tests.server.rig import (
    ADA,
    BOB,
    PHRASE,
    HangingEncoder,
    NanEncoder,
    Peer,
    Watched,
    making_late,
    server,
    spoken,
    until,
)
from tests.server.web import Web, key_of, wav


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty_audio"),
        (b"no audio", 400, "not_audio"),
        (wav(b""), 400, "empty_audio"),
        (wav(bytes(32_000))[:-16_000], 400, "truncated_audio"),
        (wav(bytes(16_000), 4000), 400, "unsupported_sample_rate"),
        (wav(bytes(32_000 * 130)), 413, "audio_too_long"),
        (b"\0" * 5_000_001, 413, "message_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_audio_that_cannot_be_used(tmp_path: Path, body: bytes, status: int, code: str) -> None:
    with server(tmp_path, max_upload_mb=5) as (url, watched):
        web = Web(url, key_of(watched))
        answer = web("POST", f"/v1/profiles/{web.profile_id('ada')}/verifications", body)
        assert (answer.status, answer.code) == (status, code)
        assert watched.failures("ada") == 0, "nothing was compared"


def test_a_body_without_a_length_is_limited_too(tmp_path: Path) -> None:
    with server(tmp_path, max_upload_mb=0.1) as (url, watched):
        web = Web(url, key_of(watched))
        path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
        for headers, expected in (({}, 413), ({"Content-Type": "application/json"}, 413)):
            connection = http.client.HTTPConnection(web.base.split("//")[1], timeout=60)
            chunks = (bytes(10_000) for _ in range(100))
            try:
                connection.request("POST", path, chunks, web.headers | headers, encode_chunked=True)
            except (BrokenPipeError, ConnectionResetError):
                continue  # closed on us while we were sending
            answer = connection.getresponse()
            assert answer.status == expected
            connection.close()


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with server(tmp_path, idle_timeout_s=0.2) as (url, _):
        host, port = url.split("/")[2].split(":")
        with socket.create_connection((host, int(port)), timeout=60) as raw:
            head = "POST /v1/profiles HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            raw.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            answer = raw.recv(4096).decode()
        assert answer.startswith("HTTP/1.1 408") or " 400 " in answer.splitlines()[0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"name":"eve","name2":1}', 422),
        (b'{"name":7}', 422),
        (b'{"name":"eve","phrase":["marker"]}', 422),
        (b'{"name":"eve","kind":"marker"}', 422),
        (b'{"name":"' + b"m" * 129 + b'"}', 422),
        (b'{"name":"\\u0000"}', 400),
        (b'{"name":"\\ud800"}', 422),
        (b'{"name":"eve","phrase":"open"}', 400),
        (b'{"name":"eve","phrase":"marker words"}', 400),
        (b"\xff", 400),
    ],
    ids=repr,
)
def test_what_is_no_profile(running: tuple[str, Watched], body: bytes, status: int) -> None:
    answer = Web(running[0])("POST", "/v1/profiles", body, **{"Content-Type": "application/json"})
    assert answer.status == status
    assert set(answer.json) == {"error"}
    assert "marker" not in answer.json["error"]["message"] or answer.code == "unknown_word"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/stream", 426),
        ("GET", "/v2/profiles", 404),
        ("PUT", "/v1/profiles", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/..%2f..%2fapp.py", 404),
        ("GET", "//etc/passwd", 404),
        ("GET", "/..\\..\\app.py", 404),
        ("GET", "/index.html/../../app.py", 404),
        ("GET", "/%00", 404),
        ("GET", "/streamauth.js%00.html", 404),
        ("GET", "/package.json", 404),
        ("GET", "/page.css/", 404),
    ],
)
def test_addresses_where_nothing_is(running: tuple[str, Watched], method: str, path: str, status: int) -> None:
    connection = http.client.HTTPConnection(running[0].split("/")[2], timeout=60)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == status
    assert b"import" not in body
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("kind", ["raises", "nan", "hangs"])
def test_an_engine_that_fails_fails_its_request_only(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, late = HangingEncoder(BOB), making_late(monkeypatch)
    if kind == "hangs":
        threading.Thread(target=lambda: hanging.hanging.acquire() and late()).start()
    encoder = {"raises": BrokenEncoder(), "nan": NanEncoder(BOB), "hangs": hanging}[kind]
    with server(tmp_path, encoder, engine_threads=1) as (url, watched):
        web = Web(url, key_of(watched))
        bob, ada = (f"/v1/profiles/{web.profile_id(name)}/verifications" for name in ("bob", "ada"))
        failed = web("POST", bob, wav(spoken(PHRASE, BOB)))
        assert (failed.status, failed.code) == (500, "engine_failed")
        assert "marker" not in failed.body.decode()
        if kind != "raises":
            assert web("POST", ada, wav(spoken(PHRASE, ADA))).json["decision"] == "accept"
        hanging.let_go.set()
        until(lambda: not watched.unclosed)


MARKERS = ("markername", "markerword", "sa_marker", "st_marker", "markernonce")


def test_nothing_personal_is_logged_counted_or_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "fastapi", "starlette", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)

    def faulty(*_: object, **__: object) -> None:
        raise RuntimeError("markername")

    with server(tmp_path) as (url, watched):
        admin = key_of(watched)
        web, bodies = Web(url, admin), []
        bodies.append(web("POST", "/v1/profiles/find", {"name": "markername"}).body)
        bodies.append(web("POST", "/v1/profiles", {"name": "markername", "markerword": 1}).body)
        bodies.append(web("POST", "/v1/profiles", {"name": "markername", "phrase": "markerword\ud800"}).body)
        bodies.append(web("GET", "/v1/markername").body)
        bodies.append(web("GET", "/v1/profiles/markername").body)
        bodies.append(web("GET", "/v1/profiles?after=markername&markerword=1").body)
        bodies.append(web("POST", "/v1/sessions", {"mode": "verify", "nonce": "markernonce"}).body)
        bodies.append(Web(url, "sa_marker_marker")("GET", "/v1/profiles").body)
        session = {"mode": "verify", "name": "ada", "audience": "a", "nonce": "markernonce"}
        token = web("POST", "/v1/sessions", session).json["token"]
        for start in ({"token": "st_marker"}, {"token": token, "name": "markername"}, {"name": "markername"}):
            with Peer(url, additional_headers=web.headers) as peer:
                peer.say(**{"type": "start", "version": 1, "mode": "verify", "audio": {}} | start)
                peer.rest()
        monkeypatch.setattr(watched.store.profiles, "get_by_id", faulty)
        failed = web("GET", "/v1/profiles/markername")
        assert (failed.status, failed.code) == (500, "internal_error")
        bodies += [failed.body, web("GET", "/metrics").body]
        monkeypatch.undo()
    records = [record for record in caplog.records if record.name not in ("websockets.client", "asyncio")]
    assert any("unexpected RuntimeError" in record.getMessage() for record in records)
    logged = "\n".join(f"{record.getMessage()} {record.args} {record.exc_info}" for record in records)
    told = b"\n".join(bodies).decode()
    secret = admin.split("_", 2)[2]
    for marker in (*MARKERS, token, secret):
        assert marker not in logged
        assert marker not in told
