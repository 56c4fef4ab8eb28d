"""Attack: a profile whose name looks like somebody else's, to be taken for them; and replies that lead elsewhere."""

from pathlib import Path

import pytest

from streamauth.store.api_keys import Scope
from tests.attacks.rig import asked, attacked
from tests.azure.rig import TD3, TII2, V1
from tests.server.rig import ADA, PHRASE, spoken
from tests.server.web import Web, key_of, wav


@pytest.mark.parametrize("name", ["ada ", " ada", "ADA", "аda", "аdа", "ａｄａ"])  # Cyrillic, full width
def test_a_name_that_looks_like_another_is_refused(tmp_path: Path, name: str) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        answer = web("POST", "/v1/profiles", {"name": name, "kind": "text_independent"})
        assert (answer.status, answer.code) == (409, "profile_exists")


@pytest.mark.parametrize("name", ["a\u200bda", "ad\u202ea", "\ufeffada", "a\u00adda", "ada\u2060"])
def test_a_name_with_invisible_characters_is_refused(tmp_path: Path, name: str) -> None:
    with attacked(tmp_path) as (url, watched):
        answer = Web(url, key_of(watched))("POST", "/v1/profiles", {"name": name})
        assert (answer.status, answer.code) == (400, "bad_profile_name")


@pytest.mark.parametrize("base", [TD3 + "/profiles?api-version=2021-09-05", TII2 + "/profiles"])
def test_no_reply_leads_to_a_host_that_the_client_named(tmp_path: Path, base: str) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched, Scope.ENROLL)
        sent = {"Ocp-Apim-Subscription-Key": key, "Content-Type": "application/json", "Host": "evil.example.org"}
        status, headers, _ = asked(url, "POST", base, b'{"locale": "en-us"}', headers=sent)
        assert status == 201
        assert "evil" not in str(headers)
        assert headers["location"].startswith("/speaker")
        sent["Host"] = url.split("/")[2]
        assert asked(url, "POST", base, b'{"locale": "en-us"}', headers=sent)[1]["location"].startswith(
            "http://127.0.0.1"
        )


def test_a_verdict_by_rest_tells_that_a_prompt_was_said(tmp_path: Path) -> None:
    import jwt

    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        ada = web.profile_id("ada")
        drawn = web("POST", "/v1/prompts", {"profile_id": ada, "kind": "digits"}).json
        for query, kind in ((f"&prompt={drawn['id']}", "digits"), ("", None)):
            words = PHRASE if kind is None else f"{PHRASE} {spelled(drawn['text'])}"
            answer = web("POST", f"/v1/profiles/{ada}/verifications?audience=a{query}", wav(spoken(words, ADA)))
            claims = jwt.decode(answer.json["signed_verdict"], options={"verify_signature": False})
            assert (claims["decision"], claims.get("prompt")) == ("accept", kind)


def spelled(text: str) -> str:
    """The words of a prompt of digits."""
    from streamauth.core.phrase.words import DIGITS

    return " ".join(DIGITS[int(digit)] for digit in text.split())


def test_operations_of_the_first_generation_stay_on_the_server(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched)
        sent = {"Ocp-Apim-Subscription-Key": key, "Host": "evil.example.org", "Content-Type": "audio/wav"}
        bob = watched.store.profiles.get("bob").id
        audio = wav(spoken(" ".join([PHRASE] * 4), ADA))
        path = f"{V1}/identify?identificationProfileIds={bob}"
        status, headers, _ = asked(url, "POST", path, audio, headers=sent)
        assert (status, "evil" in str(headers)) == (202, False)
