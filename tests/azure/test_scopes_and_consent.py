"""What a key may do in this API, and that nobody is enrolled who has not agreed, with the real application."""

from pathlib import Path

import pytest

from streamauth.store.api_keys import Scope
from tests.azure.rig import TD2, TD3, V1, Client, v3
from tests.azure.test_limits import audio, server
from tests.server.rig import ADA, PHRASE
from tests.server.web import key_of

CONSENT = {"enrollment": {"consent": "2026-11", "utterances": 1}, "azure": {"phrases": PHRASE}}
FREE = f"{V1}/identificationProfiles"


@pytest.mark.parametrize(("scope", "may"), [(s, s is not Scope.IDENTIFY) for s in Scope])
def test_who_may_read_a_profile(tmp_path: Path, scope: Scope, may: bool) -> None:
    with server(tmp_path, None, scope) as (azure, watched):
        ada = watched.store.profiles.get("ada").id
        for path in (f"{TD2}/profiles/{ada}", v3(f"{TD3}/profiles/{ada}"), f"{V1}/verificationProfiles/{ada}"):
            assert azure("GET", path).status == (200 if may else 403)


def test_an_operation_is_told_to_who_may_do_what_it_does(tmp_path: Path) -> None:
    with server(tmp_path) as (azure, watched):
        bob = watched.store.profiles.get("bob").id
        asked = azure("POST", f"{V1}/identify?identificationProfileIds={bob}&shortAudio=true", audio(PHRASE, ADA))
        azure.finished(asked)
        where = asked.headers["operation-location"].partition(azure.host)[2]
        for scope in Scope:
            reply = azure.of(key_of(watched, scope))("GET", where)
            assert reply.status == (200 if scope is Scope.IDENTIFY else 403)


def test_nobody_is_enrolled_without_consent(tmp_path: Path) -> None:
    with server(tmp_path, CONSENT) as (azure, watched):
        made, enroll = made_by(azure)
        for sent in ({}, {"Streamauth-Consent": "2020-01"}):
            status, code, message = azure("POST", enroll, audio(PHRASE, ADA), **sent).error
            assert (status, code) == (400, "InvalidRequest")
            assert "agree" in message
        assert azure("POST", enroll, audio(PHRASE, ADA), **{"Streamauth-Consent": "2026-11"}).status == 201
        profile = watched.store.profiles.get_by_id(made)
        assert (profile.consent, profile.consent_at is not None) == ("2026-11", True)


def test_consent_is_recorded_with_the_profile_too(tmp_path: Path) -> None:
    with server(tmp_path, CONSENT) as (azure, watched):
        made, enroll = made_by(azure, **{"Streamauth-Consent": "2026-11"})
        assert watched.store.profiles.get_by_id(made).consent == "2026-11"
        assert azure("POST", enroll, audio(PHRASE, ADA)).status == 201


def test_a_program_that_cannot_say_it_is_vouched_for_by_a_setting(tmp_path: Path) -> None:
    vouched = CONSENT | {"azure": {"phrases": PHRASE, "consent": "2026-11"}}
    with server(tmp_path, vouched) as (azure, watched):
        made, enroll = made_by(azure)
        assert azure("POST", enroll, audio(PHRASE, ADA)).status == 201
        assert watched.store.profiles.get_by_id(made).consent == "2026-11"


@pytest.mark.parametrize("version", ["v" * 65, "a\tb"])
def test_what_is_no_version_is_refused(tmp_path: Path, version: str) -> None:
    with server(tmp_path) as (azure, _):
        refused = azure("POST", FREE, {"locale": "en-us"}, **{"Streamauth-Consent": version})
        assert refused.status == 400
        assert "Streamauth-Consent" in refused.error[2]


def made_by(azure: Client, **headers: str) -> tuple[str, str]:
    """A new profile's id, and where it is enrolled."""
    made = str(azure("POST", f"{TD2}/profiles", {"locale": "en-us"}, **headers).json["profileId"])
    return made, f"{TD2}/profiles/{made}/enrollments"
