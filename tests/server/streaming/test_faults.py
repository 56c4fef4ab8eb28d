"""Sessions whose engines raise, hang or give NaN, and what is logged of sessions at all."""

import logging
from pathlib import Path

import pytest

from streamauth.core.sessions.base import SessionState
from tests.fakes import PROPOSED, BrokenEncoder
from tests.server.rig import (
    ADA,
    BOB,
    PHRASE,
    START,
    UNUSUAL_PHRASE,
    HangingEncoder,
    NanEncoder,
    Peer,
    making_late,
    server,
    spoken,
    until,
)


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
