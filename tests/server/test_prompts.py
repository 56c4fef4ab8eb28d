"""Random prompts over a real socket, and through the client."""

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from streamauth.client import Mode, PromptGiven, PromptKind, Ready, Start, pcm_chunks, stream_sync
from streamauth.core.events import Decided, Reason, Verdict
from streamauth.core.phrase.words import DIGITS
from streamauth.settings import PromptSettings
from tests.server.rig import ADA, BOB, FORMAT, PHRASE, STRANGER, Peer, server, spoken

LONG = "open the front door please close window my voice is key "
MODES = [("verify", "ada", ADA, PHRASE), ("verify", "bob", BOB, ""), ("continuous", "ada", ADA, PHRASE)]


def shown(text: str) -> str:
    return " ".join(DIGITS[int(digit)] for digit in text.split())


@pytest.mark.parametrize(("mode", "name", "speaker", "phrase"), MODES)
def test_the_prompt_comes_before_the_audio_and_must_be_said(
    tmp_path: Path, mode: str, name: str, speaker: int, phrase: str
) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        peer.start(mode, name=name, prompt="digits")
        prompt = peer.hear()
        assert prompt | {"text": ""} == {
            "type": "prompt",
            "at_s": 0.0,
            "text": "",
            "after_phrase": bool(phrase),
            "expires_s": 60.0,
        }
        peer.send(spoken(f"{phrase} {shown(prompt['text'])}", speaker))
        peer.say(type="end")
        told = [message for message in peer.rest() if message["type"] == "decision"]
        assert [message["decision"] for message in told] == ["accept"]
        assert "prompt_match" in told[0]["reasons"]
        assert told[0]["phrase"]["expected"] == f"{phrase} {shown(prompt['text'])}".strip()
        assert watched.failures(name) == 0


@pytest.mark.parametrize(("mode", "name", "speaker", "phrase"), MODES)
def test_without_it_nobody_is_accepted(tmp_path: Path, mode: str, name: str, speaker: int, phrase: str) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        peer.start(mode, name=name, prompt="digits")
        peer.hear()
        peer.send(spoken(phrase or LONG, speaker))
        peer.say(type="end")
        assert peer.last() == ("reject", 1000)
        assert watched.failures(name) == 1


@pytest.mark.parametrize(("speaker", "name"), [(ADA, "ada"), (STRANGER, None)])
def test_identification_by_a_prompt(tmp_path: Path, speaker: int, name: str | None) -> None:
    with server(tmp_path) as (url, _), Peer(url) as peer:
        peer.start("identify", prompt="digits")
        peer.send(spoken(shown(peer.hear()["text"]), speaker))
        told = peer.rest()[-1]
        assert (told["type"], told["name"]) == ("decision", name)


def test_each_session_has_its_own(tmp_path: Path) -> None:
    texts = set()
    with server(tmp_path) as (url, _):
        for _ in range(3):
            with Peer(url) as peer:
                peer.start("identify", prompt="words")
                texts.add(peer.hear()["text"])
                peer.say(type="cancel")
                peer.rest()
    assert len(texts) == 3
    assert all(len(text.split()) == PromptSettings().words for text in texts)


@pytest.mark.parametrize("fields", [{"mode": "enroll", "prompt": "digits"}, {"prompt": "songs"}, {"prompt": True}])
def test_what_cannot_be_asked_for(tmp_path: Path, fields: dict[str, object]) -> None:
    with server(tmp_path) as (url, _), Peer(url) as peer:
        audio = {"rate": 16_000, "channels": 1, "encoding": "s16le"}
        peer.say(**{"type": "start", "version": 1, "mode": "verify", "name": "ada", "audio": audio} | fields)
        assert peer.last() == ("bad_message", 4400)


def test_the_client_tells_the_prompt_and_then_sends(tmp_path: Path) -> None:
    texts: SimpleQueue[str] = SimpleQueue()
    received = []

    def answer() -> Iterator[bytes]:
        yield from pcm_chunks(spoken(f"{PHRASE} {shown(texts.get(timeout=60))}", ADA), FORMAT)

    start = Start(Mode.VERIFY, FORMAT, name="ada", prompt=PromptKind.DIGITS)
    with server(tmp_path) as (url, _):
        for message in stream_sync(url, start, answer(), pace=None):
            received.append(message)
            if isinstance(message, PromptGiven):
                texts.put(message.text)
    assert [type(message) for message in received[:2]] == [Ready, PromptGiven]
    (decided,) = [message for message in received if isinstance(message, Decided)]
    assert decided.verdict is Verdict.ACCEPT
    assert decided.reasons == (Reason.VOICE_MATCH, Reason.PHRASE_MATCH, Reason.PROMPT_MATCH)
