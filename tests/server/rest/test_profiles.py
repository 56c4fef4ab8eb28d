"""The REST interface: profiles, their enrollments and verifications, identification and prompts."""

from pathlib import Path
from typing import Any

import jwt

from streamauth.core.phrase.words import DIGITS
from streamauth.store.api_keys import Scope
from tests.fakes import PROPOSED
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
