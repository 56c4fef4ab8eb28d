"""Attack: identification as an oracle, to find the recording that a verification will accept."""

from pathlib import Path
from typing import Any

import pytest

from streamauth.store.api_keys import Scope
from tests.attacks.rig import attacked
from tests.azure.rig import TII3, Client, v3
from tests.server.rig import ADA, BOB, PHRASE, STRANGER, Peer, Watched, spoken
from tests.server.web import Web, key_of, wav

CLIP = wav(spoken(PHRASE, STRANGER))
LONG = wav(spoken(" ".join([PHRASE] * 3), BOB))


def failures(watched: Watched, name: str) -> int:
    return watched.store.profiles.summaries(name=name)[0].failures


def test_each_candidate_is_charged_where_few_are_named(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched, Scope.VERIFY, Scope.IDENTIFY))
        victim, other = web.profile_id("ada"), web.profile_id("bob")
        for count in range(1, 6):
            answer = web("POST", f"/v1/identifications?among={victim}", CLIP)
            assert (answer.status, answer.json["decision"]) == (200, "reject")
            assert failures(watched, "ada") == count
        refused = web("POST", f"/v1/identifications?among={victim}", CLIP)
        assert (refused.status, refused.code) == (429, "attempt_delayed")
        assert web("POST", f"/v1/profiles/{victim}/verifications", CLIP).code == "attempt_delayed"
        # among others the delayed one is left out, and not charged any more
        assert web("POST", f"/v1/identifications?among={victim}&among={other}", CLIP).json["decision"] == "reject"
        assert (failures(watched, "ada"), failures(watched, "bob")) == (5, 1)


def test_a_locked_profile_is_named_by_nobody(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched, Scope.VERIFY, Scope.IDENTIFY))
        bob = watched.store.profiles.get("bob").id
        assert web("POST", "/v1/identifications", LONG).json["name"] == "bob"
        for _ in range(watched.settings.attempts.lock_after):
            watched.store.attempts.begin(bob, watched.settings.attempts.__class__(free_failures=100, lock_after=100))
        answer = web("POST", "/v1/identifications?audience=door", LONG)
        assert (answer.json["decision"], answer.json["name"]) == ("reject", None)
        assert web("POST", f"/v1/identifications?among={bob}", LONG).code == "profile_locked"


def test_identifications_among_all_are_limited_by_key_and_address(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        keys = [key_of(watched, Scope.VERIFY, Scope.IDENTIFY) for _ in range(2)]
        answers = [Web(url, keys[count % 2])("POST", "/v1/identifications", CLIP) for count in range(21)]
        assert [answer.status for answer in answers] == [200] * 20 + [429]
        assert answers[-1].code == "rate_limited"
        assert failures(watched, "ada") == 0
        with Peer(url, additional_headers={"Authorization": f"Bearer {keys[1]}"}) as peer:
            peer.say(
                type="start", version=1, mode="identify", audio={"rate": 16_000, "channels": 1, "encoding": "s16le"}
            )
            assert peer.last()[0] == "rate_limited"


def test_whoever_is_known_uses_nothing_up(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched, Scope.VERIFY, Scope.IDENTIFY))
        for _ in range(25):
            assert web("POST", "/v1/identifications", LONG).json["name"] == "bob"


def test_an_accept_opens_no_more_tries_at_a_phrase(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched, Scope.VERIFY, Scope.IDENTIFY))
        ada = web.profile_id("ada")
        wrong = wav(spoken("close the window please", ADA))
        for _ in range(3):
            web("POST", f"/v1/profiles/{ada}/verifications", wrong)
        assert failures(watched, "ada") == 3
        right = wav(spoken(" ".join([PHRASE] * 3), ADA))
        assert web("POST", f"/v1/identifications?among={ada}", right).json["name"] == "ada"
        assert failures(watched, "ada") == 3


@pytest.mark.parametrize("level", ["least", "band", "number"])
def test_a_key_that_verifies_learns_no_name_but_the_winners(tmp_path: Path, level: str) -> None:
    with attacked(tmp_path, {"access": {"disclosure": level}}) as (url, watched):
        web = Web(url, key_of(watched, Scope.VERIFY, Scope.IDENTIFY))
        for clip, named in ((CLIP, None), (LONG, "bob")):
            answer = web("POST", "/v1/identifications", clip).json
            assert (answer["name"], answer["ranking"]) == (named, [])
            assert (answer["llr"] is not None) == (level == "number")
        headers = {"Authorization": f"Bearer {web.headers['Authorization'].partition(' ')[2]}"}
        with Peer(url, additional_headers=headers) as peer:
            peer.start("identify")
            peer.send(spoken(PHRASE, STRANGER))
            peer.say(type="end")
            told: list[dict[str, Any]] = peer.rest()
    assert not [message for message in told if message["type"] == "ranking"]
    assert "ada" not in str(told)


def test_the_azure_routes_are_no_side_door(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched, Scope.IDENTIFY)
        azure = Client(url.removeprefix("ws://").removesuffix("/v1/stream"), key)
        bob = watched.store.profiles.get("bob").id
        identify = v3(f"{TII3}/profiles:identifySingleSpeaker", profileIds=bob)
        long = wav(spoken(" ".join([PHRASE] * 4), STRANGER))
        statuses = [azure("POST", identify, long).status for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        assert failures(watched, "bob") == 5
