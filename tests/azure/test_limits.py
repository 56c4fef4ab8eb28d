"""What the settings of the API change, each with the real application on fake engines."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from streamauth.azure.mount import azure_mounts
from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from tests.azure.rig import TD2, TD3, TII2, TII3, TIV3, V1, Client, v3
from tests.fakes import FakeEncoder, pause, pcm, say
from tests.server.rig import ADA, PHRASE, STRANGER, Watched, application, spoken, until
from tests.server.web import key_of
from tests.server.web import wav as file_of
from tests.serving import serving

LONG = " ".join([PHRASE] * 4)


@cache
def minutes() -> bytes:
    return file_of(pcm(*(piece for _ in range(12) for piece in (pause(0.8), say(LONG, ADA)))))


@contextmanager
def server(folder: Path, sections: dict[str, Any] | None = None, *scopes: Scope) -> Iterator[tuple[Client, Watched]]:
    """A server that knows ada (with a phrase) and bob (without one), with these settings."""
    # these tests say the same recording again and again
    fixed: dict[str, dict[str, Any]] = {"server": {"port": 0}, "replay": {"refuse": False}}
    settings = Settings().with_values(fixed | (sections or {}), "tests")
    with application(folder, settings) as watched:
        key = key_of(watched, *scopes)
        with serving(watched, settings, azure_mounts(settings)) as url:
            yield Client(url.removeprefix("ws://").removesuffix("/v1/stream"), key), watched


def audio(words: str, speaker: int) -> bytes:
    return file_of(spoken(words, speaker))


def test_the_paths_can_be_turned_off(tmp_path: Path) -> None:
    with server(tmp_path, {"azure": {"enabled": False}}) as (azure, _):
        assert azure("GET", f"{V1}/verificationProfiles").status == 404
        assert azure("GET", f"{V1}/verificationProfiles").json["error"]["code"] == "not_found"


def test_failures_delay_and_lock(tmp_path: Path) -> None:
    limits = {"attempts": {"free_failures": 2, "lock_after": 3}, "azure": {"free_failures": 4}}
    with server(tmp_path, limits) as (azure, watched):
        verify = f"{TD2}/profiles/{watched.store.profiles.get('ada').id}/verify"
        for _ in range(4):
            assert azure("POST", verify, audio(PHRASE, STRANGER)).json["recognitionResult"] == "Reject"
        refused = azure("POST", verify, audio(PHRASE, ADA))
        assert refused.error == (429, "RateLimit", "Rate limit is exceeded.")
        assert refused.headers["retry-after"] == "30"
        assert watched.failures("ada") == 4
        watched.store.attempts.unlock(watched.store.profiles.get("ada").id)
        assert azure("POST", verify, audio(PHRASE, ADA)).json["recognitionResult"] == "Accept"
        assert watched.failures("ada") == 0
    (tmp_path / "locked").mkdir()
    limits = {"attempts": {"free_failures": 0, "lock_after": 1, "base_delay_s": 0}, "azure": {"free_failures": 0}}
    with server(tmp_path / "locked", limits) as (azure, watched):
        verify = f"{TD2}/profiles/{watched.store.profiles.get('ada').id}/verify"
        assert azure("POST", verify, audio(PHRASE, STRANGER)).status == 200
        assert azure("POST", verify, audio(PHRASE, ADA)).error[:2] == (403, "Forbidden")


def test_scopes(tmp_path: Path) -> None:
    with server(tmp_path, None, Scope.VERIFY) as (azure, watched):
        ada = watched.store.profiles.get("ada").id
        assert azure("POST", f"{TD2}/profiles/{ada}/verify", audio(PHRASE, ADA)).status == 200
        for method, path in (
            *(("POST", f"{TD2}/profiles"), ("GET", f"{TD2}/profiles"), ("DELETE", f"{TD2}/profiles/{ada}")),
            *(("POST", f"{TD2}/profiles/{ada}/reset"), ("POST", f"{TD2}/profiles/{ada}/enrollments")),
        ):
            body = {"locale": "en-us"} if method == "POST" else None
            assert azure(method, path, body).error[:2] == (403, "Forbidden")


def test_the_number_of_profiles(tmp_path: Path) -> None:
    with server(tmp_path, {"azure": {"max_profiles": 3}}) as (azure, _):
        assert azure("POST", f"{TII2}/profiles", {"locale": "en-us"}).status == 201
        message = "Maximum allowed number of profiles is 3."
        assert azure("POST", f"{TII2}/profiles", {"locale": "en-us"}).error == (403, "Forbidden", message)
        assert azure("POST", f"{V1}/identificationProfiles", {"locale": "en-us"}).status == 403


def test_caps_of_enrollments(tmp_path: Path) -> None:
    # minutes of audio are judged in one call, on a machine that may be busy
    server_limits = {"port": 0, "call_timeout_s": 120}
    sections = {"azure": {"phrases": PHRASE}, "enrollment": {"utterances": 1}, "server": server_limits}
    with server(tmp_path, sections) as (azure, watched):
        made = azure("POST", f"{TD2}/profiles", {"locale": "en-us"}).json["profileId"]
        file = audio(PHRASE, ADA)
        enroll = f"{TD2}/profiles/{made}/enrollments"
        assert azure("POST", enroll, file).json["enrollmentsCount"] == 1
        store = watched.store
        (taken,) = store.enrollments.of(made, FakeEncoder.id)
        for _ in range(48):
            store.enrollments.add(made, taken, phrase=PHRASE, voiceprint=taken.voiceprint, more=True)
        assert azure("POST", enroll, file).json["enrollmentsCount"] == 50
        message = "Maximum allowed number of enrollments per profile is 50."
        assert azure("POST", v3(f"{TD3}/profiles/{made}/enrollments"), file).error == (403, "InvalidOperation", message)
        free = azure("POST", f"{TII2}/profiles", {"locale": "en-us"}).json["profileId"]
        statuses = [azure("POST", f"{TII2}/profiles/{free}/enrollments", minutes()).status for _ in range(2)]
        assert statuses == [201, 201]
        capped = azure("POST", f"{TII2}/profiles/{free}/enrollments", minutes())
        message = "Maximum allowed length across all profile enrollments is 300 seconds."
        assert capped.error == (403, "InvalidRequest", message)
        assert watched.store.profiles.count() == 4


def test_the_first_generation_takes_five_minutes_and_a_thousand_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(tmp_path) as (azure, watched):
        made = azure("POST", f"{V1}/identificationProfiles", {"locale": "en-us"}).json["identificationProfileId"]
        enroll = f"{V1}/identificationProfiles/{made}/enroll"
        second = file_of(pcm(say(LONG, ADA)))[44:]
        longest = (second * (1 + 300 * 32_000 // len(second)))[: 300 * 32_000]
        assert azure("POST", enroll, file_of(longest)).status == 202
        refused = azure("POST", enroll, file_of(longest + bytes(32_000)))
        assert refused.status == 400
        assert refused.error[1] == "BadRequest"
        monkeypatch.setattr(watched.store.profiles, "count", lambda *_, **__: 1000)
        assert azure("POST", f"{V1}/identificationProfiles", {"locale": "en-us"}).status == 403
        assert azure("POST", f"{TII2}/profiles", {"locale": "en-us"}).status == 201


def test_operations_are_kept_so_long_and_so_many(tmp_path: Path) -> None:
    with server(tmp_path, {"azure": {"max_operations": 2, "operation_hours": 2 / 3600}}) as (azure, watched):
        bob = watched.store.profiles.get("bob").id
        begin = [azure("POST", f"{V1}/identify?identificationProfileIds={bob}", audio(LONG, ADA)) for _ in range(3)]
        addresses = [reply.headers["operation-location"].removeprefix(f"http://{azure.host}") for reply in begin]
        assert azure("GET", addresses[0]).error == (404, "NotFound", "No operation id found")
        assert azure.finished(begin[2])["status"] == "succeeded"
        time.sleep(2.1)
        assert [azure("GET", each).status for each in addresses] == [404, 404, 404]


def test_addresses_behind_a_proxy(tmp_path: Path) -> None:
    with server(tmp_path, {"azure": {"public_url": "https://voice.example.org/"}}) as (azure, watched):
        made = azure("POST", f"{TII2}/profiles", {"locale": "en-us"})
        assert made.headers["location"].startswith("https://voice.example.org/speaker/identification/v2.0/")
        bob = watched.store.profiles.get("bob").id
        reply = azure("POST", f"{V1}/identify?identificationProfileIds={bob}", audio(LONG, ADA))
        assert reply.headers["operation-location"].startswith("https://voice.example.org/spid/v1.0/operations/")


def test_further_phrases_and_languages(tmp_path: Path) -> None:
    extension = {"phrases": f"{PHRASE}; de-DE: close the window please", "locales": "de-DE"}
    with server(tmp_path, {"azure": extension}) as (azure, _):
        phrases = [each["phrase"] for each in azure("GET", f"{V1}/verificationPhrases?locale=en-us").json]
        assert len(phrases) == 11
        assert phrases[-1] == PHRASE
        assert azure("GET", f"{TD2}/phrases/de-de").json == ["close the window please"]
        made = azure("POST", f"{TD2}/profiles", {"locale": "de-DE"}).json
        assert made["locale"] == "de-DE"
        enroll = f"{TD2}/profiles/{made['profileId']}/enrollments"
        assert azure("POST", enroll, audio(PHRASE, ADA)).error[2] == "Invalid passphrase."
        assert azure("POST", enroll, audio("close the window please", ADA)).status == 201


def test_phrases_of_the_speakers_choice(tmp_path: Path) -> None:
    with server(tmp_path) as (azure, _):
        made = azure("POST", f"{TD2}/profiles", {"locale": "en-us"}).json["profileId"]
        assert azure("POST", f"{TD2}/profiles/{made}/enrollments", audio(PHRASE, ADA)).error[2] == "Invalid passphrase."
    (tmp_path / "any").mkdir()
    told = {"disclosure": "band"}
    with server(tmp_path / "any", {"azure": {"any_phrase": True}, "access": told}) as (azure, _):
        made = azure("POST", f"{TD2}/profiles", {"locale": "en-us"}).json["profileId"]
        enroll = f"{TD2}/profiles/{made}/enrollments"
        for status in ("Enrolling", "Enrolling", "Enrolled"):
            reply = azure("POST", enroll, audio(PHRASE, ADA)).json
            assert (reply["enrollmentStatus"], reply["passPhrase"]) == (status, PHRASE)
        verify = f"{V1}/verify?verificationProfileId={made}"
        accepted = {"result": "Accept", "confidence": "High", "phrase": PHRASE}
        assert azure("POST", verify, audio(PHRASE, ADA)).json == accepted
        other = azure("POST", verify, audio("close the window please", ADA)).json
        assert (other["result"], other["phrase"]) == ("Reject", "close the window please")


@pytest.mark.parametrize("scores", ["least", "band", "number"])
def test_scores_are_told_as_everywhere_else(tmp_path: Path, scores: str) -> None:
    with server(tmp_path, {"access": {"disclosure": scores}}) as (azure, watched):
        verify = v3(f"{TD3}/profiles/{watched.store.profiles.get('ada').id}:verify")
        told = [azure("POST", verify, audio(PHRASE, who)).json["score"] for who in (ADA, STRANGER)]
    if scores == "number":
        assert 0 < told[1] < 0.5 < told[0] <= 1
    else:
        assert told == ([1.0, 0.0] if scores == "least" else [0.95, 0.05])


def test_pages_of_other_origins(tmp_path: Path) -> None:
    page, ask = "https://app.example.org", {"Access-Control-Request-Method": "POST"}
    with server(tmp_path, {"access": {"origins": page}}) as (azure, _):
        profiles = f"{TII2}/profiles"
        wanted = {"Origin": page, "Access-Control-Request-Headers": "ocp-apim-subscription-key"}
        first = azure.of(None)("OPTIONS", profiles, None, None, **wanted, **ask)
        assert (first.status, first.headers["access-control-allow-headers"]) == (204, "ocp-apim-subscription-key")
        for client, status in ((azure, 200), (azure.of("x"), 401)):
            reply = client("GET", profiles, None, None, Origin=page)
            assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, page)
        other = azure("OPTIONS", profiles, None, None, Origin="https://evil.example.org", **ask)
        assert other.status == 404
        assert "access-control-allow-origin" not in other.headers


def test_an_unexpected_failure_has_the_shape_of_the_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(tmp_path) as (azure, watched):
        monkeypatch.setattr(watched.store.profiles, "summaries", lambda **_: 1 / 0)
        failed = azure("GET", f"{TII2}/profiles")
        assert failed.error == (500, "InternalServerError", "Internal Server Error.")


def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    with server(tmp_path) as (azure, watched):
        made = azure("POST", f"{TII2}/profiles", {"locale": "en-us"}).json["profileId"]
        enroll = f"{TII2}/profiles/{made}/enrollments"
        gone = http.client.HTTPConnection(azure.host)
        gone.putrequest("POST", enroll)
        gone.putheader("Ocp-Apim-Subscription-Key", azure.key or "")
        gone.putheader("Content-Length", "100000")
        gone.endheaders(bytes(1000))
        gone.close()
        until(lambda: azure("POST", f"{enroll}?ignoreMinLength=true", audio(LONG, ADA)).status == 201)
        assert not watched.unclosed


def test_too_many_requests(tmp_path: Path) -> None:
    with server(tmp_path, {"access": {"key_burst": 2, "key_rate_per_min": 1}}) as (azure, _):
        replies = [azure("GET", f"{V1}/verificationProfiles") for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        assert replies[2].error == (429, "RateLimit", "Rate limit is exceeded.")
    (tmp_path / "address").mkdir()
    with server(tmp_path / "address", {"access": {"address_burst": 1, "address_rate_per_min": 1}}) as (azure, _):
        azure("GET", f"{V1}/verificationProfiles")
        assert azure("GET", v3(f"{TIV3}/profiles")).error == (429, "RateLimit", "Rate limit is exceeded.")


def test_a_server_full_of_sessions(tmp_path: Path) -> None:
    with server(tmp_path, {"access": {"sessions_per_key": 1}}) as (azure, watched):
        bob = watched.store.profiles.get("bob").id
        identify = f"{V1}/identify?identificationProfileIds={bob}"
        statuses = {azure("POST", identify, minutes()).status for _ in range(6)}
        assert statuses <= {202, 429}
        assert 202 in statuses


def test_the_same_person_under_two_uses(tmp_path: Path) -> None:
    with server(tmp_path) as (azure, watched):
        bob = watched.store.profiles.get("bob").id
        for base in (TIV3, TII3):
            assert bob in [each["profileId"] for each in azure("GET", v3(f"{base}/profiles")).json["value"]]
