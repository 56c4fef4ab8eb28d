"""The REST interface: profiles, audio files, prompts; and its limits."""

import http.client
import json
import logging
import socket
import threading
from pathlib import Path
from typing import Any

import jwt
import pytest

from streamauth.core.phrase.words import DIGITS
from streamauth.store.api_keys import Scope
from tests.fakes import PROPOSED, BrokenEncoder
from tests.server.rig import (
    ADA,
    BOB,
    OTHER_PHRASE,
    PHRASE,
    STRANGER,
    UNUSUAL_PHRASE,
    HangingEncoder,
    NanEncoder,
    Peer,
    making_late,
    server,
    spoken,
    until,
)
from tests.server.web import Web, key_of, wav


def test_the_life_of_a_profile(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        made = web("POST", "/v1/profiles", {"name": "Ève", "phrase": PHRASE})
        assert (made.status, made.json["status"], made.json["kind"]) == (201, "enrolling", "text_dependent")
        assert web("POST", "/v1/profiles", {"name": "Ève"}).code == "profile_exists"
        profile = f"/v1/profiles/{made.json['id']}"
        assert web("POST", f"{profile}/verifications", wav(spoken(PHRASE, STRANGER))).code == "profile_not_enrolled"
        for count in (1, 2, 3):
            answer = web("POST", f"{profile}/enrollments", wav(spoken(PHRASE, STRANGER)))
            assert answer.json["utterances"] == [{"taken": True, "reasons": [], "phrase": None}]
            assert answer.json["profile"]["utterances"] == count
        assert answer.json["profile"]["status"] == "enrolled"
        assert web("POST", f"{profile}/enrollments", wav(spoken(PHRASE, STRANGER))).code == "profile_exists"
        assert web("POST", f"{profile}/verifications", wav(spoken(PHRASE, STRANGER))).json["decision"] == "accept"
        assert web("POST", f"{profile}/verifications", wav(spoken(PHRASE, ADA))).json["decision"] == "reject"
        assert web("GET", profile).json["failures"] == 1
        assert web("POST", f"{profile}/unlock").json["failures"] == 0
        assert web("POST", f"{profile}/reset").json["status"] == "enrolling"
        assert web("DELETE", profile).status == 204
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/reset"), ("POST", "/unlock")):
            assert (web(method, profile + path).status, web(method, profile + path).code) == (404, "unknown_profile")


def test_who_makes_a_profile_is_told_how_unusual_words_are_expected(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        for name, fields, told in (
            ("eve", {"phrase": UNUSUAL_PHRASE}, PROPOSED),
            ("kim", {"phrase": PHRASE}, None),
            ("lee", {}, None),
            ("mia", {"kind": "text_independent"}, None),
        ):
            made = web("POST", "/v1/profiles", {"name": name, **fields}).json
            assert made.pop("proposed_sounds") == told
            # nobody else is told
            assert web("GET", f"/v1/profiles/{made['id']}").json == made
        described = web("GET", "/openapi.json").json["components"]["schemas"]
        telling = [name for name, each in described.items() if "proposed_sounds" in each.get("properties", {})]
        assert telling == ["MadeProfileBody", "PhraseWorth"]
        assert "proposed_sounds" not in described["MadeProfileBody"]["required"]


def test_an_utterance_that_is_not_taken(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        profile = web("POST", "/v1/profiles", {"name": "eve", "phrase": PHRASE}).json
        answer = web("POST", f"/v1/profiles/{profile['id']}/enrollments", wav(spoken(OTHER_PHRASE, STRANGER)))
        assert answer.json["utterances"] == [{"taken": False, "reasons": ["phrase_mismatch"], "phrase": None}]
        assert answer.json["profile"]["utterances"] == 0


def test_what_was_heard_without_a_phrase_is_proposed_and_can_be_corrected_once(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        profile = f"/v1/profiles/{web('POST', '/v1/profiles', {'name': 'eve'}).json['id']}"
        assert web("PUT", f"{profile}/phrase", {"phrase": OTHER_PHRASE}).code == "profile_exists"
        answer = web("POST", f"{profile}/enrollments", wav(spoken(PHRASE, STRANGER)))
        assert answer.json["utterances"] == [{"taken": True, "reasons": [], "phrase": PHRASE}]
        assert web("PUT", f"{profile}/phrase", {"phrase": "one"}).code == "weak_phrase"
        corrected = web("PUT", f"{profile}/phrase", {"phrase": UNUSUAL_PHRASE}).json
        assert (corrected["utterances"], corrected["proposed_sounds"]) == (1, PROPOSED)
        assert web("PUT", f"{profile}/phrase", {"phrase": OTHER_PHRASE}).json["proposed_sounds"] is None
        answer = web("POST", f"{profile}/enrollments", wav(spoken(PHRASE, STRANGER)))
        assert answer.json["utterances"][0]["reasons"] == ["phrase_mismatch"]
        for taken in (2, 3):
            answer = web("POST", f"{profile}/enrollments", wav(spoken(OTHER_PHRASE, STRANGER)))
            assert answer.json["utterances"] == [{"taken": True, "reasons": [], "phrase": None}]
            late = web("PUT", f"{profile}/phrase", {"phrase": PHRASE})
            assert (late.code, answer.json["profile"]["utterances"]) == ("profile_exists", taken)
        attempt = web("POST", f"{profile}/verifications", wav(spoken(OTHER_PHRASE, STRANGER)))
        assert attempt.json["decision"] == "accept"


def test_free_speech(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        made = web("POST", "/v1/profiles", {"name": "eve", "kind": "text_independent"}).json
        speech = spoken(" ".join([PHRASE] * 4), STRANGER) * 3
        answer = web("POST", f"/v1/profiles/{made['id']}/enrollments", wav(speech))
        assert answer.json["profile"]["status"] == "enrolled"


def test_identification(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        ids = {name: web.profile_id(name) for name in ("ada", "bob")}
        answer = web("POST", "/v1/identifications", wav(spoken(PHRASE, BOB))).json
        assert (answer["decision"], answer["name"]) == ("accept", "bob")
        answer = web("POST", f"/v1/identifications?among={ids['ada']}", wav(spoken(PHRASE, BOB))).json
        assert (answer["decision"], answer["name"]) == ("reject", None)
        assert web("POST", "/v1/identifications?among=nobody", wav(spoken(PHRASE, BOB))).code == "unknown_profile"


def test_a_prompt(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        bob = web.profile_id("bob")
        prompt = web("POST", "/v1/prompts", {"profile_id": bob, "kind": "digits"})
        assert prompt.status == 201
        words = " ".join(DIGITS[int(digit)] for digit in prompt.json["text"].split())
        path = f"/v1/profiles/{bob}/verifications?prompt={prompt.json['id']}"
        assert web("POST", path, wav(spoken(words, BOB))).json["decision"] == "accept"
        assert (web("POST", path, wav(spoken(words, BOB))).code) == "unknown_prompt"


def test_a_signed_verdict(tmp_path: Path) -> None:
    with server(tmp_path, access={"issuer": "door", "verdict_lifetime_s": 30}) as (url, watched):
        web = Web(url, key_of(watched))
        path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
        assert web("POST", f"{path}?nonce=n", wav(spoken(PHRASE, ADA))).code == "bad_message"
        assert web("POST", path, wav(spoken(PHRASE, ADA))).json["signed_verdict"] is None
        token = web("POST", f"{path}?audience=a&nonce=n", wav(spoken(PHRASE, ADA))).json["signed_verdict"]
        key = jwt.PyJWKSet.from_dict(Web(url)("GET", "/v1/keys.json").json).keys[0]
        claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="a", issuer="door")
        assert claims["exp"] - claims["iat"] == 30
        assert {name: claims[name] for name in ("nonce", "sub", "mode", "decision", "reasons")} == {
            "nonce": "n",
            "sub": "ada",
            "mode": "verify",
            "decision": "accept",
            "reasons": ["voice_match", "phrase_match"],
        }


def test_profiles_come_page_by_page(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        for name in ("cleo", "dora", "eve"):
            web("POST", "/v1/profiles", {"name": name})
        names, after = [], ""
        while True:
            page = web("GET", f"/v1/profiles?limit=2{after}").json
            names += [[profile["name"] for profile in page["profiles"]]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert names == [["ada", "bob"], ["cleo", "dora"], ["eve"]]
        assert web("GET", "/v1/profiles?after=nobody").code == "unknown_profile"
        assert web("GET", "/v1/profiles?limit=0").status == 422


def test_a_locked_profile(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        object.__setattr__(watched.settings.attempts, "free_failures", 1)
        object.__setattr__(watched.settings.attempts, "lock_after", 2)
        path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
        assert web("POST", path, wav(spoken(PHRASE, BOB))).json["decision"] == "reject"
        delayed = web("POST", path, wav(spoken(PHRASE, BOB)))
        assert (delayed.status, delayed.code) == (429, "attempt_delayed")


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
def test_what_is_no_profile(tmp_path: Path, body: bytes, status: int) -> None:
    with server(tmp_path) as (url, watched):
        answer = Web(url, key_of(watched))("POST", "/v1/profiles", body, **{"Content-Type": "application/json"})
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
def test_addresses_where_nothing_is(tmp_path: Path, method: str, path: str, status: int) -> None:
    with server(tmp_path) as (url, _):
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=60)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == status
        assert b"import" not in body
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_and_its_headers(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        page = Web(url)("GET", "/")
        assert page.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        script = Web(url)("GET", "/streamauth.js", Origin="https://shop.example")
        assert script.headers["Content-Type"].startswith("text/javascript")
        assert script.headers["Access-Control-Allow-Origin"] == "*"
        assert Web(url)("GET", "/v1/profiles").headers["Access-Control-Allow-Origin"] is None


def test_metrics_and_readiness(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        peer.start()
        text = Web(url)("GET", "/metrics").body.decode()
        assert "streamauth_sessions 1.0" in text
        peer.send(spoken(PHRASE, ADA))
        assert peer.last() == ("accept", 1000)
        wav_file = wav(spoken(PHRASE, STRANGER))
        Web(url)("POST", f"/v1/profiles/{Web(url).profile_id('ada')}/verifications", wav_file)
        text = Web(url)("GET", "/metrics").body.decode()
        assert 'streamauth_sessions_ended_total{mode="verify",outcome="accept"} 1.0' in text
        assert 'streamauth_sessions_ended_total{mode="verify",outcome="reject"} 1.0' in text
        assert 'route="/profiles/{profile_id}/verifications",status="200"} 1.0' in text
        assert "streamauth_event_loop_lag_seconds_bucket" in text
        assert Web(url)("GET", "/readyz").json == {
            "ready": True,
            "checks": {"taking_sessions": True, "workers": True, "store": True},
            "why": [],
            "missing_workers": 0,
        }
        (tmp_path / "home" / "streamauth.db").write_bytes(b"ruined" * 1000)
        for suffix in ("-wal", "-shm"):
            (tmp_path / "home" / f"streamauth.db{suffix}").unlink(missing_ok=True)
        watched.store._sealed.database.engine.dispose()
        # asked once a second at most
        until(lambda: Web(url)("GET", "/readyz").status == 503)
        told = Web(url)("GET", "/readyz").json
        assert not told["checks"]["store"]
        assert told["why"] == [
            "The store is damaged or is not a streamauth store. Restore it from a backup. [store_corrupt]"
        ]
        assert Web(url)("GET", "/v1/keys.json").status == 500
        assert Web(url)("GET", "/healthz").status == 200


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


def test_the_description_is_complete(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        described = Web(url)("GET", "/openapi.json").json
        for item in described["paths"].values():
            for operation in item.values():
                assert operation["description"], operation
                assert "4XX" in operation["responses"]
        assert "HTTPValidationError" not in json.dumps(described)


def test_the_same_speech_has_the_same_decision_by_rest_and_by_stream(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web, answers = Web(url, key_of(watched, Scope.VERIFY)), list[dict[str, Any]]()
        for name, words, speaker in (("ada", PHRASE, ADA), ("ada", PHRASE, BOB), ("ada", OTHER_PHRASE, ADA)):
            file = wav(spoken(words, speaker))
            by_rest = web("POST", f"/v1/profiles/{web.profile_id(name)}/verifications", file).json
            with Peer(url, additional_headers=web.headers) as peer:
                peer.start(name=name)
                peer.send(spoken(words, speaker))
                by_stream = peer.rest()[-1]
            by_rest.pop("signed_verdict")
            by_stream.pop("type")
            assert by_rest == by_stream
            answers.append(by_rest)
        assert [answer["decision"] for answer in answers] == ["accept", "reject", "reject"]
