"""What each mode tells over a real socket."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamauth.store.records import EnrollmentRecord, ProfileKind
from tests.fakes import PROPOSED, FakeEncoder, voiceprint
from tests.server.rig import (
    ADA,
    BOB,
    OTHER_PHRASE,
    PHRASE,
    STRANGER,
    UNUSUAL_PHRASE,
    Peer,
    server,
    spoken,
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
