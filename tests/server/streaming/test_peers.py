"""What becomes of sessions whose peers break the rules, send nothing or too much, or vanish."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamauth.core.sessions.base import SessionState
from tests.server.rig import (
    ADA,
    BOB,
    PHRASE,
    START,
    HangingEncoder,
    Peer,
    Watched,
    server,
    spoken,
    until,
)


@pytest.mark.parametrize(
    ("messages", "code", "close_code"),
    [
        ([b"\0\0"], "unexpected_message", 4400),
        (['{"type":"end"}'], "unexpected_message", 4400),
        (["{"], "bad_message", 4400),
        ([START | {"version": 2}], "unsupported_version", 4400),
        ([START, START], "unexpected_message", 4400),
        ([START, {"type": "end_utterance"}], "unexpected_message", 4400),
        ([START, {"type": "phrase", "text": "x"}], "unexpected_message", 4400),
        ([START, {"type": "end"}, b"\0\0"], "unexpected_message", 4400),
        ([START, b"\0\0\0", {"type": "end"}], "odd_byte_count", 4415),
        ([START, b"\0", {"type": "end"}], "odd_byte_count", 4415),
        ([START, b""], "bad_message", 4400),
        ([START, '"' + "x" * 20_000 + '"'], "message_too_large", 1009),
        ([START, {"type": "cancel"}], "session_interrupted", 1000),
        ([START | {"name": "nobody"}], "unknown_profile", 4404),
        ([START | {"name": ""}], "bad_profile_name", 4404),
        ([START | {"name": "\ud800"}], "bad_message", 4400),
        ([START | {"audio": {"rate": 7000, "channels": 1, "encoding": "s16le"}}], "unsupported_sample_rate", 4415),
        ([START, b"RIFF" + bytes(60)], "not_audio", 4415),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_allowed_ends_the_session_with_a_named_error(
    running: tuple[str, Watched], messages: list[Any], code: str, close_code: int
) -> None:
    url, _ = running
    with Peer(url) as peer:
        for message in messages:
            peer.socket.send(json.dumps(message) if isinstance(message, dict) else message)
        assert peer.last() == (code, close_code)
    with Peer(url) as peer:
        peer.start()


def test_a_message_over_the_limit_is_not_even_read(tmp_path: Path) -> None:
    with server(tmp_path, max_message_bytes=1024) as (url, watched), Peer(url) as peer:
        peer.start()
        peer.socket.send(bytes(1026))
        assert peer.rest() == []
        assert peer.socket.close_code == 1009
        until(lambda: not watched.unclosed)
        error = watched.made[0].error
        assert error is not None
        assert error.code == "message_too_large"


@pytest.mark.parametrize("messages", [[], [START], [START, b"\0\0"]])
def test_a_silent_peer_is_told_and_closed(tmp_path: Path, messages: list[Any]) -> None:
    with server(tmp_path, idle_timeout_s=0.2, start_timeout_s=1) as (url, _), Peer(url) as peer:
        for message in messages:
            peer.socket.send(json.dumps(message) if isinstance(message, dict) else message)
        assert peer.last() == ("session_timeout", 4408)


def test_a_session_does_not_last_for_ever(tmp_path: Path) -> None:
    with server(tmp_path, max_session_s=3, idle_timeout_s=30) as (url, watched), Peer(url) as peer:
        peer.start()
        assert peer.last() == ("session_timeout", 4408)
        until(lambda: not watched.unclosed)
        assert watched.made[0].state is SessionState.FAILED


@pytest.mark.parametrize(
    ("state", "charged"), [("connected", 0), ("started", 0), ("compared", 1), ("ended", 0), ("hanging", 1)]
)
def test_a_peer_that_vanishes_leaves_nothing_but_its_charge(tmp_path: Path, state: str, charged: int) -> None:
    encoder = HangingEncoder(BOB)
    with server(tmp_path, encoder, max_sessions=1) as (url, watched):
        peer = Peer(url)
        if state != "connected":
            peer.start()
        if state == "compared":
            peer.send(spoken(PHRASE, ADA)[:60_000])
            while peer.hear()["type"] != "score":
                pass
        if state == "ended":
            peer.say(type="end")
        if state == "hanging":
            peer.send(spoken(PHRASE, BOB))
            assert encoder.hanging.acquire(timeout=60)
        peer.vanish()

        def admitted() -> bool:
            with Peer(url) as other:
                other.say(**START | {"mode": "identify", "name": None})
                return bool(other.hear()["type"] == "ready")

        until(admitted)
        encoder.let_go.set()
        until(lambda: not watched.unclosed)
        assert all(attempt.state in (SessionState.FAILED, SessionState.DECIDED) for attempt in watched.made)
        assert watched.failures("ada") == charged


def test_one_session_more_than_allowed_is_told_to_come_later(tmp_path: Path) -> None:
    with server(tmp_path, max_sessions=1) as (url, _), Peer(url) as first:
        first.start()
        with Peer(url) as second:
            second.say(**START)
            assert second.last() == ("server_busy", 1013)
        first.send(spoken(PHRASE, ADA))
        assert first.last() == ("accept", 1000)


def test_small_frames_cost_few_calls(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        peer.start("identify")
        calls = 0
        receive = watched.made[0].receive_audio

        def counted(data: Any) -> Any:
            nonlocal calls
            calls += 1
            return receive(data)

        watched.made[0].receive_audio = counted  # type: ignore[method-assign]
        peer.send(bytes(5000), chunk_bytes=2)
        peer.say(type="end")
        assert peer.last() == ("undecided", 1000)
        assert calls < 1000


def test_audio_sent_at_once_waits_for_room_and_loses_nothing(tmp_path: Path) -> None:
    with server(tmp_path, max_queue_s=0.5) as (url, _), Peer(url) as peer:
        peer.start("continuous", name="bob")
        peer.send(spoken(PHRASE, BOB) * 20)
        peer.say(type="end")
        levels = [message for message in peer.rest() if message["type"] == "level"]
        assert levels[-1]["at_s"] == pytest.approx(20 * len(spoken(PHRASE, BOB)) / 32_000, abs=0.2)


def test_audio_that_waited_too_long_is_an_overload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        peer.start()
        ticks = iter(range(0, 10**6, 1000))
        monkeypatch.setattr("streamauth.server.streaming.inbox.monotonic", lambda: next(ticks))
        peer.send(spoken(PHRASE, ADA)[:3200])
        assert peer.last() == ("overloaded", 1013)
        until(lambda: not watched.unclosed)
        assert watched.made[0].state is SessionState.FAILED
