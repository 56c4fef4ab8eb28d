"""Attack: large or deep bodies, to keep the server busy or to fill its memory, with and without a key."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from streamauth.azure.generations import Generation
from streamauth.azure.inputs import audio_file
from streamauth.errors import NotAudio
from streamauth.server.uploads import audio_of
from tests.attacks.rig import asked, attacked, code_of, connected
from tests.server.web import key_of

DEEP = b'{"name":' * 200_000 + b"1" + b"}" * 200_000
WIDE = json.dumps({"name": "a" * 100_000}).encode()


@pytest.mark.parametrize("path", ["/v1/profiles", "/v1/profiles/find", "/v1/prompts", "/v1/sessions"])
def test_nothing_is_parsed_of_whoever_shows_no_key(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    genuine = json.loads
    with attacked(tmp_path) as (url, watched):
        key_of(watched)

        def watched_loads(text: str, *given: object, **options: Any) -> Any:
            parsed.append(path)
            return genuine(text, *given, **options)

        monkeypatch.setattr(json, "loads", watched_loads)
        for body in (b'{"name": "ada"}', b"[" * 30_000):
            status, _, answer = asked(url, "POST", path, body, headers={"Content-Type": "application/json"})
            assert status == 401
        assert not parsed
        status, *_ = asked(url, "POST", path, DEEP, headers={"Content-Type": "application/json"})
        assert status == 413
        assert not parsed
    assert genuine(answer)["error"]["code"] == "unauthorized"


def test_json_is_bounded_in_size_and_depth_for_whoever_has_a_key(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key_of(watched)}"}
        for body, status, code in (
            (WIDE, 413, "message_too_large"),
            (b'{"name":' * 17 + b"1" + b"}" * 17, 400, "bad_message"),
            (b"[" * 60_000, 400, "bad_message"),
            (b'{"name": "' + b"[" * 100 + b'"}', 404, "unknown_profile"),
        ):
            answered, _, answer = asked(url, "POST", "/v1/profiles/find", body, headers=headers)
            assert (answered, code_of(answer)) == (status, code)


def test_a_body_without_a_stated_length_is_bounded_too(tmp_path: Path) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with attacked(tmp_path) as (url, watched):
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {key_of(watched)}",
            "Transfer-Encoding": "chunked",
        }
        with connected(url) as peer:
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            peer.sendall(f"POST /v1/prompts HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode() + chunk * 3)
            assert b"413" in peer.recv(65_536)


def test_a_body_of_boundaries_is_not_cut_into_pieces() -> None:
    body = b"--x\r\n\r\n" * 700_000
    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    tracemalloc.start()
    try:
        with pytest.raises(Exception, match="Invalid"):
            audio_file(body, headers, Generation.V1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(body) * 3


@pytest.mark.parametrize(
    "body",
    [
        b"--x\r\n\r\n" * 4_000_000,
        b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * 600_000,
        b"--x\r\n" + b"a: b\r\n" * 5_000_000,
        b"--x\r\nContent-Disposition: form-data; " + b'name="x"; ' * 3_000_000,
        b"\r\n--x-" * 5_000_000,
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"\r\n--x-" * 5_000_000,
    ],
    ids=("boundaries", "nested", "headers", "names", "nearly boundaries", "inside a file"),
)
def test_a_form_of_30_mb_is_refused_by_name_and_takes_little_memory(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(NotAudio):
            audio_of(body, Headers({"content-type": "multipart/form-data; boundary=x"}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(body) * 2.5


def test_others_are_served_while_somebody_sends_deep_json(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key_of(watched)
        for _ in range(5):
            asked(url, "POST", "/v1/profiles", DEEP, headers={"Content-Type": "application/json"})
            assert asked(url, "GET", "/healthz")[0] == 200
