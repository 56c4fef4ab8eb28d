"""Sessions over a real socket: what the peer is told, whatever it does."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamauth.core.sessions.base import SessionState
from streamauth.store.records import EnrollmentRecord, ProfileKind
from tests.fakes import PROPOSED, BrokenEncoder, FakeEncoder, voiceprint
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


@pytest.mark.parametrize(
    ("name", "words", "speaker", "decision", "reasons"),
    [
        ("ada", PHRASE, ADA, "accept", ["voice_match", "phrase_match"]),
        ("ada", PHRASE, BOB, "reject", ["voice_mismatch", "phrase_match"]),
        ("ada", OTHER_PHRASE, ADA, "reject", ["phrase_mismatch", "voice_match"]),
        ("bob", PHRASE, BOB, "accept", ["voice_match"]),
    ],
)
def test_verification(tmp_path: Path, name: str, words: str, speaker: int, decision: str, reasons: list[str]) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        peer.start(name=name)
        peer.send(spoken(words, speaker))
        heard = peer.rest()
        told = heard[-1]
        assert (told["type"], told["decision"], told["reasons"]) == ("decision", decision, reasons)
        assert peer.socket.close_code == 1000
        assert {"level", "speech_started", "score"} <= {message["type"] for message in heard}
        assert (told["phrase"] is None) == (name == "bob")
        assert watched.failures(name) == (0 if decision == "accept" else 1)


def test_the_end_of_the_audio_decides(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _), Peer(url) as peer:
        peer.start()
        peer.send(spoken(PHRASE, ADA)[: 2 * 16_000])
        peer.say(type="end")
        told = peer.rest()[-1]
        assert (told["decision"], told["reasons"][0]) == ("reject", "phrase_incomplete")


@pytest.mark.parametrize(("speaker", "name"), [(ADA, "ada"), (STRANGER, None)])
def test_identification(tmp_path: Path, speaker: int, name: str | None) -> None:
    with server(tmp_path) as (url, _), Peer(url) as peer:
        peer.start("identify", among=["ada", "bob"])
        peer.send(spoken(PHRASE, speaker))
        peer.say(type="end")
        told = peer.rest()[-1]
        assert told["name"] == name
        assert [candidate["name"] for candidate in told["ranking"]] in (["ada", "bob"], ["bob", "ada"])


def test_enrollment_in_two_sessions(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        with Peer(url) as peer:
            peer.start("enroll", name="eve", phrase=PHRASE)
            for _ in range(2):
                peer.send(spoken(PHRASE, STRANGER))
                peer.say(type="end_utterance")
            peer.say(type="end")
            heard = peer.rest()
            assert [message["needed"] for message in heard if message["type"] == "utterance_taken"] == [2, 1]
            assert peer.socket.close_code == 1000
        with Peer(url) as peer:
            peer.start("enroll", name="eve")
            peer.send(spoken(OTHER_PHRASE, STRANGER))
            peer.say(type="end_utterance")
            peer.send(spoken(PHRASE, STRANGER))
            peer.say(type="end_utterance")
            told = [message for message in peer.rest() if message["type"] in ("utterance_refused", "enrolled")]
            assert told[0]["heard"] == OTHER_PHRASE
            assert told[1]["count"] == 3
        with Peer(url) as peer:
            peer.start(name="eve")
            peer.send(spoken(PHRASE, STRANGER))
            assert peer.last() == ("accept", 1000)
        assert len(watched.made) == 3


def test_the_phrase_that_was_heard_is_corrected_in_the_same_session(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _), Peer(url) as peer:
        peer.start("enroll", name="eve")
        peer.send(spoken(PHRASE, STRANGER))
        peer.say(type="end_utterance")
        peer.say(type="phrase", text=UNUSUAL_PHRASE)
        peer.say(type="phrase", text=OTHER_PHRASE)
        peer.send(spoken(PHRASE, STRANGER))
        peer.say(type="end_utterance")
        for _ in range(2):
            peer.send(spoken(OTHER_PHRASE, STRANGER))
            peer.say(type="end_utterance")
        told = [message for message in peer.rest() if message["type"] not in ("level", "words")]
        taken = [(each["count"], each["phrase"]) for each in told if each["type"] == "utterance_taken"]
        corrected = [(1, PHRASE), (1, UNUSUAL_PHRASE), (1, OTHER_PHRASE), (2, OTHER_PHRASE), (3, OTHER_PHRASE)]
        assert taken == corrected
        assert [each["words"] for each in told if each["type"] == "pronunciation"] == [PROPOSED]
        assert [each["heard"] for each in told if each["type"] == "utterance_refused"] == [PHRASE]
        assert told[-1]["type"] == "enrolled"


@pytest.mark.parametrize("fields", [{"phrase": PHRASE}, {}, {"text_independent": True}])
def test_a_phrase_that_nobody_proposed_is_not_corrected(tmp_path: Path, fields: dict[str, Any]) -> None:
    with server(tmp_path) as (url, _), Peer(url) as peer:
        peer.start("enroll", name="eve", **fields)
        if fields:
            peer.send(spoken(PHRASE, STRANGER))
            peer.say(type="end_utterance")
        peer.say(type="phrase", text=OTHER_PHRASE)
        assert peer.last() == ("unexpected_message", 4400)


@pytest.mark.parametrize(
    ("mode", "fields", "told"),
    [
        ("enroll", {"name": "eve", "phrase": UNUSUAL_PHRASE}, [PROPOSED]),
        ("enroll", {"name": "begun"}, [PROPOSED]),
        ("enroll", {"name": "eve", "phrase": PHRASE}, []),
        ("enroll", {"name": "eve"}, []),
        ("enroll", {"name": "eve", "text_independent": True}, []),
        ("verify", {"name": "enrolled"}, []),
        ("continuous", {"name": "enrolled"}, []),
        ("identify", {"among": ["enrolled"]}, []),
    ],
)
def test_who_enrolls_and_nobody_else_is_told_how_unusual_words_are_expected(
    tmp_path: Path, mode: str, fields: dict[str, Any], told: list[Any]
) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        watched.store.profiles.create("begun", ProfileKind.TEXT_DEPENDENT, phrase=UNUSUAL_PHRASE)
        enrolled = watched.store.profiles.create("enrolled", ProfileKind.TEXT_DEPENDENT, phrase=UNUSUAL_PHRASE)
        record = EnrollmentRecord(FakeEncoder.id, voiceprint(ADA)[None], 3.0, 4.0)
        watched.store.enrollments.add(enrolled.id, record, phrase=UNUSUAL_PHRASE, voiceprint=record.voiceprint)
        peer.start(mode, **fields)
        peer.send(spoken(UNUSUAL_PHRASE, ADA))
        peer.say(type="end")
        heard = peer.rest()
        assert {"level", "speech_started"} <= {message["type"] for message in heard}
        # right after ``ready``, where at all
        assert [message.get("words") for message in heard[: len(told)]] == told
        assert sum(message["type"] == "pronunciation" for message in heard) == len(told)


def test_a_continuous_session_goes_on_until_the_voice_changes(tmp_path: Path) -> None:
    with server(tmp_path, max_session_s=1) as (url, _), Peer(url) as peer:
        peer.start("continuous", name="bob")
        peer.send(spoken(PHRASE, BOB) * 2 + spoken(PHRASE, STRANGER) * 3)
        peer.say(type="end")
        decisions = [message["decision"] for message in peer.rest() if message["type"] == "decision"]
        assert decisions == ["accept", "reject"]
        assert peer.socket.close_code == 1000


def test_audio_of_another_format(tmp_path: Path) -> None:
    mono = np.frombuffer(spoken(PHRASE, ADA), "<i2").astype("<f4") / 32768
    stereo = np.repeat(mono, 2).tobytes()
    with server(tmp_path) as (url, _), Peer(url) as peer:
        peer.start(audio={"rate": 16_000, "channels": 2, "encoding": "f32le"})
        peer.send(stereo, chunk_bytes=8000)
        assert peer.last() == ("accept", 1000)


START: dict[str, Any] = {
    "type": "start",
    "version": 1,
    "mode": "verify",
    "name": "ada",
    "audio": {"rate": 16_000, "channels": 1, "encoding": "s16le"},
}


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
    tmp_path: Path, messages: list[Any], code: str, close_code: int
) -> None:
    with server(tmp_path) as (url, _):
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


def test_an_engine_that_raises_fails_its_session_only(tmp_path: Path) -> None:
    with server(tmp_path, BrokenEncoder()) as (url, watched), Peer(url) as peer, Peer(url) as other:
        peer.start("identify")
        other.start("identify")
        peer.send(spoken(PHRASE, ADA))
        heard = peer.rest()[-1]
        assert heard["code"] == "engine_failed"
        assert "marker" not in heard["message"]
        assert peer.socket.close_code == 1011
        other.say(type="end")
        assert other.last() == ("undecided", 1000)
        assert all(attempt.state is not SessionState.LISTENING for attempt in watched.made)


def test_an_engine_that_gives_nan_fails_its_session_only(tmp_path: Path) -> None:
    with server(tmp_path, NanEncoder(BOB)) as (url, watched), Peer(url) as peer, Peer(url) as other:
        peer.start(name="bob")
        other.start(name="ada")
        peer.send(spoken(PHRASE, BOB))
        assert peer.last() == ("engine_failed", 1011)
        other.send(spoken(PHRASE, ADA))
        assert other.last() == ("accept", 1000)
        assert watched.made[0].state is SessionState.FAILED


def test_an_engine_that_hangs_fails_its_session_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, late = HangingEncoder(BOB), making_late(monkeypatch)
    with server(tmp_path, encoder, engine_threads=2) as (url, watched):
        with Peer(url) as peer, Peer(url) as other:
            peer.start(name="bob")
            peer.send(spoken(PHRASE, BOB))
            assert encoder.hanging.acquire(timeout=60)
            other.start(name="ada")
            other.send(spoken(PHRASE, ADA))
            assert other.last() == ("accept", 1000)
            late()
            assert peer.last() == ("engine_failed", 1011)
        # it cannot be given back while the engine is inside of it, and once it is out nothing is accepted
        assert watched.made[0] in watched.unclosed
        encoder.let_go.set()
        until(lambda: not watched.unclosed)
        assert watched.made[0].state is SessionState.FAILED


def test_where_all_workers_hang_others_are_told_of_the_overload(tmp_path: Path) -> None:
    encoder = HangingEncoder(BOB)
    with server(tmp_path, encoder, engine_threads=1, max_queue_s=0.5) as (url, _), Peer(url) as peer:
        peer.start(name="bob")
        peer.send(spoken(PHRASE, BOB))
        assert encoder.hanging.acquire(timeout=60)
        with Peer(url) as other:
            other.say(**START)
            assert other.last() == ("overloaded", 1013)
        encoder.let_go.set()


def test_a_fault_of_our_own_is_told_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise RuntimeError("marker")

    with server(tmp_path) as (url, watched), Peer(url) as peer:
        monkeypatch.setattr(watched, "verify", faulty)
        peer.say(**START)
        told = peer.rest()[-1]
        assert told["code"] == "internal_error"
        assert "marker" not in told["message"]
        assert peer.socket.close_code == 1011
    assert "unexpected RuntimeError" in caplog.text
    assert "marker" not in caplog.text


def test_nothing_personal_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.server", "asyncio", "streamauth.server"):
        caplog.set_level(logging.DEBUG, logger=name)
    secrets, kinds = {"marker", "front", "door", "please", *PROPOSED, "K EH L"}, set()
    encoder = BrokenEncoder(at_call=10**6)
    with server(tmp_path, encoder) as (url, _):
        for mode, name in (("verify", "ada"), ("enroll", "marker"), ("verify", "marker"), ("continuous", "bob")):
            chosen = {"phrase": UNUSUAL_PHRASE} if mode == "enroll" else {}
            if mode == "continuous":
                encoder.calls = 10**6
            with Peer(url) as peer:
                peer.say(**START | {"mode": mode, "name": name} | chosen)
                peer.send(spoken(chosen.get("phrase", PHRASE), ADA))
                peer.say(type="end")
                for message in peer.rest():
                    kinds.add(message.get("code", message["type"]))
                    numbers = (str(message.get(key)) for key in ("score", "llr"))
                    secrets |= {number for number in numbers if len(number) > 5}
    assert {"decision", "words", "pronunciation", "utterance_taken", "profile_not_enrolled", "engine_failed"} <= kinds
    # the peer of this test is no part of the product, and does log what it receives
    records = [record for record in caplog.records if record.name != "websockets.client"]
    assert len([record for record in records if record.name == "streamauth.server"]) >= 8
    text = "\n".join(f"{record.getMessage()} {record.args} {record.exc_info}" for record in records)
    assert len(secrets) > 4
    assert [secret for secret in secrets if secret in text] == []
