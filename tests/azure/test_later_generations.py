"""The contract of v2.0 and 2021-09-05, over HTTP with a server process."""

import re
from uuid import uuid4

import numpy as np
import pytest

from tests.azure.conftest import Enrolled
from tests.azure.later import Base, every, words
from tests.azure.rig import (
    GUID,
    NOBODY,
    TD2,
    TD3,
    TII2,
    TII3,
    TIV2,
    TIV3,
    Client,
    Reply,
    samples,
    silence,
    speech,
    v3,
    wav,
)
from tests.azure.test_first_generation import PHRASES

ACTIVATION = "I'll talk for a few seconds so you can recognize my voice in the future."


def fields(base: Base) -> set[str]:
    names = {
        *("profileId", "locale", "enrollmentStatus", "createdDateTime", "lastUpdatedDateTime", "enrollmentsCount"),
        *("modelVersion", f"enrollmentsLength{base.unit}", f"enrollmentsSpeechLength{base.unit}"),
    }
    names |= {"remainingEnrollmentsCount"} if base.words else {f"remainingEnrollmentsSpeechLength{base.unit}"}
    if base.late and not base.words:
        names |= {"profileStatus"}
    return names | (set() if base.late else {"enrollmentSpeechLength"})


@every
def test_a_profile_from_its_making_to_its_end(azure: Client, base: Base) -> None:
    reply = azure("POST", base.url(), {"locale": "en-us"})
    profile = reply.json
    made = profile["profileId"]
    assert reply.status == 201
    assert GUID.fullmatch(made)
    assert set(profile) == fields(base)
    assert (profile["locale"], profile["enrollmentStatus"], profile["enrollmentsCount"]) == ("en-US", "Enrolling", 0)
    assert (profile["modelVersion"], profile["lastUpdatedDateTime"]) == (None, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", profile["createdDateTime"])
    if base.words:
        assert profile["remainingEnrollmentsCount"] == 3
    else:
        assert profile[f"remainingEnrollmentsSpeechLength{base.unit}"] == 20
    location = reply.headers["location"]
    path = location.removeprefix(f"http://{azure.host}")
    for address in (path, base.url(f"/{made}"), base.url(f"/{made.replace('-', '').upper()}")):
        assert (azure("GET", address).status, azure("GET", address).json) == (200, profile)
    listed = azure("GET", base.url()).json
    everyone = listed["value" if base.late else "profiles"]
    assert profile in everyone
    assert [each["profileId"] for each in everyone] == sorted(each["profileId"] for each in everyone)
    reset = azure("POST", base.url(f"/{made}:reset"))
    if base.late:
        assert (reset.status, reset.json["profileId"], reset.json["enrollmentStatus"]) == (200, made, "Enrolling")
        assert reset.headers["location"] == location
        assert reset.json["lastUpdatedDateTime"] is not None
    else:
        assert (reset.status, reset.body) == (204, b"")
    gone = azure("DELETE", base.url(f"/{made}"))
    assert (gone.status, gone.body) == (204, b"")
    assert azure("GET", base.url(f"/{made}")).error == (404, "Not Found", "Requested profile doesn't exist")


@every
def test_unknown_profiles(azure: Client, base: Base) -> None:
    missing = (404, "Not Found", "Requested profile doesn't exist")
    for unknown in (str(uuid4()), "x"):
        actions = [("GET", ""), ("POST", ":reset"), ("POST", "/enrollments")]
        actions += [] if "identification" in base.path else [("POST", ":verify")]
        for method, rest in actions:
            assert azure(method, base.url(f"/{unknown}{rest}")).error == missing
        gone = azure("DELETE", base.url(f"/{unknown}"))
        assert gone.status == (404 if base.late else 204)


@every
def test_bodies_that_make_no_profile(azure: Client, base: Base) -> None:
    def refused(body: str, kind: str | None = "application/json") -> tuple[int, str, str]:
        return azure("POST", base.url(), body, kind).error

    assert refused("") == (400, "InvalidRequest", "Request body is missing.")
    for wrong in ("{", "[]", "locale", '{"locale": "en-us"', "[" * 9000):
        assert refused(wrong) == (400, "InvalidRequest", "Invalid JSON format.")
    for without in ("{}", '{"locale": ""}', '{"locale": 5}'):
        assert refused(without) == (400, "InvalidRequest", "Locale parameter is missing.")
    status, code, message = refused('{"locale": "xx-XX"}')
    assert (status, code) == (400, "InvalidArgument")
    assert re.fullmatch(r"Invalid locale value\. Supported locales are ([a-z]{2}-[A-Z]{2}(, )?)+\.", message)
    assert refused('{"locale": "en-us"}', "text/plain") == (
        *(415, "UnsupportedMediaType", "Unsupported media type. Only 'application/JSON' is accepted."),
    )


@pytest.mark.parametrize(
    ("base", "locales"),
    [
        (Base(TD3), "en-US"),
        (Base(TD2), "en-US"),
        (Base(TIV3), "en-US es-ES fr-FR zh-CN"),
        (Base(TII3), "en-US es-ES fr-FR zh-CN"),
        (Base(TII2), "en-US es-ES fr-FR zh-CN de-DE en-GB en-AU en-CA fr-CA it-IT es-MX ja-JP pt-BR en-IN"),
    ],
)
def test_locales(azure: Client, base: Base, locales: str) -> None:
    for locale in locales.split():
        made = base.create(azure, locale.lower())
        assert azure("GET", base.url(f"/{made}")).json["locale"] == locale
        azure("DELETE", base.url(f"/{made}"))
    assert azure("POST", base.url(), {"locale": "sv-SE"}).error[1] == "InvalidArgument"
    made = base.create(azure, "enUS")
    assert azure("GET", base.url(f"/{made}")).json["locale"] == "en-US"
    azure("DELETE", base.url(f"/{made}"))


@every
def test_paging(azure: Client, base: Base) -> None:
    made = sorted(base.create(azure) for _ in range(5))
    size, name, link = ("maxpagesize", "value", "nextLink") if base.late else ("$top", "profiles", "@nextLink")
    address, seen, pages = base.url("", **{size: "2"}), list[str](), 0
    while address:
        page = azure("GET", address)
        assert page.status == 200
        assert len(page.json[name]) <= 2
        seen += [each["profileId"] for each in page.json[name]]
        address = page.json.get(link, "").removeprefix(f"http://{azure.host}")
        pages += 1
    assert seen == sorted(seen)
    assert set(made) <= set(seen)
    assert pages == (len(seen) + 1) // 2
    for wrong in ("0", "501", "x", "-1", "1.5", "99999999999"):
        assert azure("GET", base.url("", **{size: wrong})).error == (
            *(400, "InvalidArgument"),
            f"Invalid {size} parameter value. Value should be positive integer in the range [1, 500].",
        )
    assert azure("GET", base.url("", **{size: "500"})).status == 200
    if not base.late:
        for query in ("$continuationToken", "$filter", "$skip", "$orderBy", "$delta"):
            assert azure("GET", base.url("", **{query: "x"})).error[:2] == (400, "InvalidArgument")
    for each in made:
        azure("DELETE", base.url(f"/{each}"))


@every
def test_phrases(azure: Client, base: Base) -> None:
    texts = PHRASES if base.words else [ACTIVATION]
    for locale in ("en-US", "en-us"):
        address = f"{base.path}/phrases/{locale}"
        reply = azure("GET", v3(address) if base.late else address)
        name = "passPhrase" if base.words else "activationPhrase"
        assert reply.status == 200
        assert reply.json == ({"value": [{name: text} for text in texts]} if base.late else texts)
    address = f"{base.path}/phrases/xx-xx"
    assert azure("GET", v3(address) if base.late else address).error[:2] == (400, "InvalidArgument")


@words
@pytest.mark.parametrize(
    ("voice", "name", "result", "high"),
    [("awb", "taken-4", "accept", True), ("slt", "taken-1", "reject", False), ("awb", "toothpaste", "reject", True)],
)
def test_verification_with_a_phrase(
    azure: Client, enrolled: Enrolled, base: Base, voice: str, name: str, result: str, high: bool
) -> None:
    reply = azure("POST", base.url(f"/{enrolled.phrase}:verify", ignoreMinLength="true"), speech(voice, name))
    assert reply.status == 200
    assert set(reply.json) == {"recognitionResult", "score"}
    assert reply.json["recognitionResult"] == (result if base.late else result.title())
    assert 0 <= reply.json["score"] <= 1
    assert (reply.json["score"] >= 0.5) == high


@pytest.mark.parametrize("base", [Base(TIV2), Base(TIV3)], ids=["v2", "v3"])
def test_verification_by_free_speech(azure: Client, enrolled: Enrolled, base: Base) -> None:
    verify = base.url(f"/{enrolled.verification}:verify")
    for voice, result in (("awb", "accept"), ("slt", "reject")):
        reply = azure("POST", verify, speech(voice, "long-2"))
        assert reply.status == 200
        assert reply.json["recognitionResult"] == (result if base.late else result.title())
        assert (reply.json["score"] >= 0.5) == (result == "accept")
    short = speech("awb", "long-2", seconds=4)
    least = "Invalid audio length. Minimum allowed length is 4 second(s)."
    assert azure("POST", verify, short).error == (400, "InvalidRequest", least)
    flagged = base.url(f"/{enrolled.verification}:verify", ignoreMinLength="True")
    assert azure("POST", flagged, short).status == 200
    fresh = base.create(azure)
    not_enrolled = (400, "InvalidRequest", "Profile is not enrolled.")
    assert azure("POST", base.url(f"/{fresh}:verify"), short).error == not_enrolled
    azure("DELETE", base.url(f"/{fresh}"))


@pytest.mark.parametrize("base", [Base(TII2), Base(TII3)], ids=["v2", "v3"])
def test_identification(azure: Client, enrolled: Enrolled, base: Base) -> None:
    group = (enrolled.identification, enrolled.other)

    def identify(voice: str, **query: str) -> Reply:
        wanted = {"profileIds": "%2C".join(group)} | query
        return azure("POST", base.url(":identifySingleSpeaker", **wanted), speech(voice, "long-2"))

    for voice, who in (("awb", group[0]), ("slt", group[1]), ("kal16", NOBODY)):
        reply = identify(voice)
        assert reply.status == 200
        assert set(reply.json) == {"identifiedProfile", "profilesRanking"}
        found, ranking = reply.json["identifiedProfile"], reply.json["profilesRanking"]
        assert found["profileId"] == who
        assert {each["profileId"] for each in ranking} == set(group)
        assert [each["score"] for each in ranking] == sorted((each["score"] for each in ranking), reverse=True)
        assert found["score"] == ranking[0]["score"]
        assert (found["score"] >= 0.5) == (who != NOBODY)
    fresh, abroad = base.create(azure), base.create(azure, "fr-FR")
    for wanted, status, code, message in (
        ("", 400, "InvalidRequest", "profileIds parameter is missing."),
        ("x%20y", 400, "InvalidArgument", None),
        (str(uuid4()), 404, "Not Found", "Requested profile doesn't exist"),
        (fresh, 400, "InvalidRequest", "Profile is not enrolled."),
        (",".join(group * 26), 400, "InvalidArgument", "Maximum number of profiles allowed per request is 50."),
        (
            *(f"{group[0]},{abroad}", 400, "InvalidArgument"),
            "Invalid group of profiles. Profiles must have the same locale.",
        ),
    ):
        error = identify("awb", profileIds=wanted).error
        assert error[:2] == (status, code)
        assert message in (None, error[2])
    for each in (fresh, abroad):
        azure("DELETE", base.url(f"/{each}"))


def test_the_ranking_holds_the_best_five(azure: Client, enrolled: Enrolled) -> None:
    base = Base(TII3)
    more = [base.create(azure) for _ in range(4)]
    for made in more:
        short = speech("rms", "long-2", seconds=6)
        assert azure("POST", base.url(f"/{made}/enrollments", ignoreMinLength="true"), short).status == 201
    group = [enrolled.other, *more, enrolled.identification]
    address = base.url(":identifySingleSpeaker", profileIds=",".join(group))
    reply = azure("POST", address, speech("awb", "long-2")).json
    assert len(reply["profilesRanking"]) == 5
    assert reply["identifiedProfile"]["profileId"] == enrolled.identification
    for made in more:
        azure("DELETE", base.url(f"/{made}"))


@every
def test_audio_that_cannot_be_used(azure: Client, enrolled: Enrolled, base: Base) -> None:
    made = base.create(azure)
    enroll = base.url(f"/{made}/enrollments")

    def refused(body: bytes, kind: str = "audio/wav; codecs=audio/pcm") -> tuple[int, str, str]:
        return azure("POST", enroll, body, kind).error

    length = "Invalid audio length. M{}imum allowed length is {}."
    most_s = 10 if base.words else 120
    assert refused(silence(0.9)) == (400, "InvalidRequest", length.format("in", "1 second(s)"))
    assert refused(silence(most_s + 0.1)) == (400, "InvalidRequest", length.format("ax", f"{most_s} seconds"))
    assert refused(b"hello") == (400, "InvalidRequest", length.format("in", "1 second(s)"))
    format_error = (400, "InvalidRequest", "Invalid audio format. Supported format is 16Khz 16bit Mono PCM.")
    stereo, narrow = samples("awb", "taken-1"), samples("awb", "taken-1")[::2]
    for wrong in (b"x" * 99_999, wav(stereo, channels=2), wav(narrow, 8000), b"RIFF" + bytes(99_999)):
        assert refused(wrong) == format_error
    assert refused(b"x" * 99_999, "text/plain") == (
        *(415, "UnsupportedMediaType", "Unsupported media type. Only 'audio/wav; codecs=audio/pcm' is accepted."),
    )
    for much in (5 * 2**20 + 1, 20_000_000):
        assert refused(bytes(much))[:2] == (413, "RequestEntityTooLarge")
    unknown = azure("POST", base.url(f"/{uuid4()}/enrollments"), bytes(4_000_000))
    assert unknown.error[0] == 404
    noise = np.random.default_rng(5).normal(size=stereo.size) * 1500
    noisy = np.clip(stereo * 0.5 + noise, -32_768, 32_767).astype(np.int16)
    assert refused(wav(noisy)) == (400, "InvalidRequest", "Audio is too noisy.")
    azure("DELETE", base.url(f"/{made}"))


def test_the_version_has_to_be_named(azure: Client) -> None:
    for query in ("", "?api-version=2020-01-01"):
        assert azure("GET", f"{TD3}/profiles{query}").error[:2] == (400, "InvalidArgument")


def test_addresses_that_are_not_there(azure: Client) -> None:
    for method, path in (
        *(("GET", f"{TD2}/nothing"), ("PUT", f"{TD2}/profiles"), ("POST", v3(f"{TII3}/profiles/{uuid4()}:verify"))),
        *(("POST", v3(f"{TIV3}/profiles:identifySingleSpeaker")), ("POST", v3(f"{TD3}/profiles/{uuid4()}:delete"))),
        ("GET", "/speaker/identification/v2.0/text-dependent/profiles"),
    ):
        assert azure(method, path).error == (404, "404", "Resource not found")
