"""Attack: to learn from rejects which of voice and words was right, or how near they came."""

from pathlib import Path
from typing import Any

import pytest

from tests.attacks.rig import attacked
from tests.azure.rig import TD3, Client, v3
from tests.server.rig import ADA, OTHER_PHRASE, PHRASE, STRANGER, Peer, spoken
from tests.server.web import Web, key_of, wav

WRONG_WORDS, WRONG_VOICE = spoken(OTHER_PHRASE, ADA), spoken(PHRASE, STRANGER)
OF_THE_AUDIO = {"speech_started", "speech_ended", "level", "ready", "decision"}


def without_times(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if not name.endswith("_s")}


def test_a_reject_by_rest_does_not_tell_which_factor_failed(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
        told = [web("POST", path, wav(audio)).json for audio in (WRONG_WORDS, WRONG_VOICE)]
    assert without_times(told[0]) == without_times(told[1])
    assert told[0]["reasons"] == ["not_accepted"]


def test_a_reject_by_websocket_does_not_tell_which_factor_failed(tmp_path: Path) -> None:
    heard = []
    with attacked(tmp_path) as (url, watched):
        headers = {"Authorization": f"Bearer {key_of(watched)}"}
        for audio in (WRONG_WORDS, WRONG_VOICE):
            with Peer(url, additional_headers=headers) as peer:
                peer.start()
                peer.send(audio)
                peer.say(type="end")
                heard.append(peer.rest())
    assert {message["type"] for messages in heard for message in messages} <= OF_THE_AUDIO
    assert without_times(heard[0][-1]) == without_times(heard[1][-1])
    assert heard[0][-1]["decision"] == "reject"


@pytest.mark.parametrize("enrolled", ["ada"])
def test_a_reject_by_the_azure_routes_does_not_tell_which_factor_failed(tmp_path: Path, enrolled: str) -> None:
    with attacked(tmp_path) as (url, watched):
        azure = Client(url.removeprefix("ws://").removesuffix("/v1/stream"), key_of(watched))
        profile = Web(url, azure.key).profile_id(enrolled)
        later = [azure("POST", v3(f"{TD3}/profiles/{profile}:verify"), wav(a)).json for a in (WRONG_WORDS, WRONG_VOICE)]
        first = [
            azure("POST", f"/spid/v1.0/verify?verificationProfileId={profile}", wav(audio)).json
            for audio in (WRONG_WORDS, WRONG_VOICE)
        ]
    assert later[0] == later[1] == {"recognitionResult": "reject", "score": 0.0}
    assert first[0] == first[1]


def test_the_words_that_were_heard_are_not_told(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        headers = {"Authorization": f"Bearer {key_of(watched)}"}
        heard = cancelled(url, headers)
    assert not [message for message in heard if message["type"] in ("words", "score", "band")]


def cancelled(url: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """What an attempt tells that is broken off inside of the phrase."""
    with Peer(url, additional_headers=headers) as peer:
        peer.start()
        peer.send(spoken("open the", STRANGER))
        peer.say(type="cancel")
        return peer.rest()
