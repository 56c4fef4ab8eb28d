"""The contract of v1.0, over HTTP with a server process."""

import re
from datetime import datetime
from uuid import uuid4

import pytest

from tests.azure.conftest import Enrolled
from tests.azure.rig import ENROLLED, GUID, NOBODY, OTHER, V1, Client, silence, speech

WHICH = ("verification", "identification")
PHRASES = [
    "i am going to make him an offer he cannot refuse",
    "houston we have had a problem",
    "my voice is my passport verify me",
    "apple juice tastes funny after toothpaste",
    "you can get in without your password",
    "you can activate security system now",
    "my voice is stronger than passwords",
    "my password is not your business",
    "my name is unknown to you",
    "be yourself everyone else is already taken",
]
REMAINING = {
    "verification": ("remainingEnrollmentsCount", 3),
    "identification": ("remainingEnrollmentSpeechTime", 30.0),
}
COUNT = {"verification": ("enrollmentsCount", 0), "identification": ("enrollmentSpeechTime", 0.0)}


def create(azure: Client, which: str, locale: str = "en-us") -> str:
    reply = azure("POST", f"{V1}/{which}Profiles", {"locale": locale})
    assert reply.status == 200
    assert list(reply.json) == [f"{which}ProfileId"]
    made = str(reply.json[f"{which}ProfileId"])
    assert GUID.fullmatch(made)
    return made


@pytest.mark.parametrize("which", WHICH)
def test_a_profile_from_its_making_to_its_end(azure: Client, which: str) -> None:
    made = create(azure, which)
    reply = azure("GET", f"{V1}/{which}Profiles/{made}")
    profile = reply.json
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert set(profile) == {
        *(f"{which}ProfileId", "locale", "createdDateTime", "lastActionDateTime", "enrollmentStatus"),
        *(REMAINING[which][0], COUNT[which][0]),
    }
    assert profile[f"{which}ProfileId"] == made
    assert (profile["locale"], profile["enrollmentStatus"]) == ("en-us", "Enrolling")
    assert profile["createdDateTime"] == profile["lastActionDateTime"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", profile["createdDateTime"])
    for name, value in (REMAINING[which], COUNT[which]):
        assert (profile[name], type(profile[name])) == (value, type(value))
    listed = azure("GET", f"{V1}/{which}Profiles").json
    assert profile in listed
    for method, path in (("POST", f"{made}/reset"), ("DELETE", made)):
        reply = azure(method, f"{V1}/{which}Profiles/{path}")
        assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")
    assert azure("GET", f"{V1}/{which}Profiles/{made}").error[:2] == (404, "NotFound")


def test_phrases(azure: Client) -> None:
    for locale in ("en-US", "en-us"):
        assert azure("GET", f"{V1}/verificationPhrases?locale={locale}").json == [{"phrase": each} for each in PHRASES]
    assert azure("GET", f"{V1}/verificationPhrases?locale=zh-CN").error[:2] == (400, "BadRequest")


def test_locales(azure: Client) -> None:
    made = create(azure, "identification", "zh-CN")
    assert azure("GET", f"{V1}/identificationProfiles/{made}").json["locale"] == "zh-cn"
    azure("DELETE", f"{V1}/identificationProfiles/{made}")
    for which, locale in (("verification", "zh-CN"), ("identification", "fr-FR"), ("identification", "x")):
        assert azure("POST", f"{V1}/{which}Profiles", {"locale": locale}).error[:2] == (400, "BadRequest")


def test_enrollment_of_a_phrase(azure: Client) -> None:
    made = create(azure, "verification")
    path = f"{V1}/verificationProfiles/{made}"
    assert azure("POST", f"{V1}/verify?verificationProfileId={made}", speech("awb", "taken-4")).status == 400
    for count, status in ((1, "Enrolling"), (2, "Enrolling"), (3, "Enrolled")):
        reply = azure("POST", f"{path}/enroll", speech("awb", f"taken-{count}"), "application/octet-stream")
        assert reply.status == 200
        assert reply.json == {
            "enrollmentStatus": status,
            "enrollmentsCount": count,
            "remainingEnrollments": 3 - count,
            "phrase": ENROLLED,
        }
        if count == 1:
            other = azure("POST", f"{path}/enroll", speech("awb", "toothpaste"))
            assert other.error == (400, "BadRequest", "InvalidPhrase")
    assert azure("GET", path).json["remainingEnrollmentsCount"] == 0
    assert azure("POST", f"{path}/reset").status == 200
    fresh = azure("GET", path).json
    assert (fresh["enrollmentsCount"], fresh["remainingEnrollmentsCount"]) == (0, 3)
    assert fresh["enrollmentStatus"] == "Enrolling"
    # the phrase is forgotten, too
    assert azure("POST", f"{path}/enroll", speech("awb", "toothpaste")).json["phrase"] == OTHER
    azure("DELETE", path)


@pytest.mark.parametrize(
    ("voice", "name", "expected"),
    [
        ("awb", "taken-4", {"result": "Accept", "confidence": "High", "phrase": ENROLLED}),
        ("slt", "taken-1", {"result": "Reject", "confidence": "Low", "phrase": ENROLLED}),
        ("awb", "toothpaste", {"result": "Reject", "confidence": "High", "phrase": OTHER}),
    ],
)
def test_verification(azure: Client, enrolled: Enrolled, voice: str, name: str, expected: dict[str, str]) -> None:
    reply = azure("POST", f"{V1}/verify?verificationProfileId={enrolled.phrase}", speech(voice, name))
    assert (reply.status, reply.json) == (200, expected)


def test_speech_that_is_no_phrase(azure: Client, enrolled: Enrolled) -> None:
    fresh = create(azure, "verification")
    for path in (f"verify?verificationProfileId={enrolled.phrase}", f"verificationProfiles/{fresh}/enroll"):
        assert azure("POST", f"{V1}/{path}", speech("awb", "coffee")).error == (400, "BadRequest", "InvalidPhrase")
        assert azure("POST", f"{V1}/{path}", silence(3)).error == (400, "BadRequest", "SpeechNotRecognized")
    azure("DELETE", f"{V1}/verificationProfiles/{fresh}")


@pytest.mark.parametrize(("seconds", "taken"), [(0.9, False), (15.1, False), (15.0, True), (1.0, True)])
def test_limits_of_verification(azure: Client, enrolled: Enrolled, seconds: float, taken: bool) -> None:
    reply = azure("POST", f"{V1}/verify?verificationProfileId={enrolled.phrase}", silence(seconds))
    assert reply.error[:2] == (400, "BadRequest")
    assert (reply.error[2] == "SpeechNotRecognized") == taken


def test_enrollment_by_free_speech(azure: Client) -> None:
    made = create(azure, "identification")
    path = f"{V1}/identificationProfiles/{made}"
    first = azure.finished(azure("POST", f"{path}/enroll", speech("awb", "long-2"), "application/octet-stream"))
    assert list(first) == ["status", "createdDateTime", "lastActionDateTime", "processingResult"]
    assert first["status"] == "succeeded"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", first["createdDateTime"])
    assert datetime.fromisoformat(first["lastActionDateTime"]) >= datetime.fromisoformat(first["createdDateTime"])
    result = first["processingResult"]
    assert set(result) == {
        *("enrollmentStatus", "remainingEnrollmentSpeechTime", "speechTime", "enrollmentSpeechTime"),
    }
    assert result["enrollmentStatus"] == "Enrolling"
    assert result["speechTime"] == result["enrollmentSpeechTime"] > 5
    assert result["remainingEnrollmentSpeechTime"] == pytest.approx(30 - result["speechTime"], abs=0.02)
    second = azure.finished(azure("POST", f"{path}/enroll", speech("awb", "long-1")))["processingResult"]
    assert second["enrollmentStatus"] == "Enrolled"
    assert second["remainingEnrollmentSpeechTime"] == 0.0
    total = result["speechTime"] + second["speechTime"]
    assert second["enrollmentSpeechTime"] == pytest.approx(total, abs=0.02)
    profile = azure("GET", path).json
    assert (profile["enrollmentStatus"], profile["remainingEnrollmentSpeechTime"]) == ("Enrolled", 0.0)
    azure("DELETE", path)


def test_short_audio_enrolls_at_once(azure: Client) -> None:
    made = create(azure, "identification")
    enroll = f"{V1}/identificationProfiles/{made}/enroll"
    short = speech("awb", "long-2", seconds=3)
    assert azure("POST", enroll, short).error[:2] == (400, "BadRequest")
    for value in ("maybe", "1"):
        assert azure("POST", f"{enroll}?shortAudio={value}", short).error[:2] == (400, "BadRequest")
    assert azure("POST", f"{enroll}?shortAudio=True", speech("awb", "long-2", seconds=0.9)).status == 400
    operation = azure.finished(azure("POST", f"{enroll}?shortAudio=True", short))
    assert operation["processingResult"]["enrollmentStatus"] == "Enrolled"
    azure("DELETE", f"{V1}/identificationProfiles/{made}")


@pytest.mark.parametrize(
    ("voice", "who", "confidence"), [("awb", 0, "High"), ("slt", 1, "High"), ("kal16", None, "Low")]
)
def test_identification(azure: Client, enrolled: Enrolled, voice: str, who: int | None, confidence: str) -> None:
    group = (enrolled.identification, enrolled.other)
    for query in (f"{group[0]},{group[1]}", f"{group[1]}%2C{group[0]}"):
        address = f"{V1}/identify?shortAudio=true&identificationProfileIds={query}"
        operation = azure.finished(azure("POST", address, speech(voice, "long-2")))
        assert operation["status"] == "succeeded"
        assert operation["processingResult"] == {
            "identifiedProfileId": NOBODY if who is None else group[who],
            "confidence": confidence,
        }


def test_an_identification_that_cannot_be_done_fails_as_an_operation(azure: Client, enrolled: Enrolled) -> None:
    address = f"{V1}/identify?identificationProfileIds={enrolled.identification}&shortAudio=true"
    operation = azure.finished(azure("POST", address, silence(3)))
    assert (operation["status"], operation["message"]) == ("failed", "SpeechNotRecognized")
    assert "processingResult" not in operation


def test_refused_identifications(azure: Client, enrolled: Enrolled) -> None:
    eleven = ",".join([enrolled.identification] * 11)
    fresh = create(azure, "identification")
    for wanted, status in ((eleven, 400), ("", 400), ("x,y", 400), (str(uuid4()), 404), (fresh, 400)):
        reply = azure("POST", f"{V1}/identify?identificationProfileIds={wanted}", speech("awb", "long-2"))
        assert reply.error[:2] == (status, "BadRequest" if status == 400 else "NotFound")
    azure("DELETE", f"{V1}/identificationProfiles/{fresh}")


def test_unknown_operations(azure: Client) -> None:
    for wanted in (str(uuid4()), "x"):
        assert azure("GET", f"{V1}/operations/{wanted}").error == (404, "NotFound", "No operation id found")


def test_unusable_requests(azure: Client, enrolled: Enrolled) -> None:
    verify = f"{V1}/verify?verificationProfileId={enrolled.phrase}"
    riff = "Invalid Audio Format: Not a WAVE file - no RIFF header"
    assert azure("POST", verify, b"no wave" * 9000, "audio/wav").error == (400, "BadRequest", riff)
    mixed = azure("POST", verify, b"--x\r\n\r\nno wave", "multipart/form-data")
    assert mixed.error == (400, "BadRequest", "Invalid Http Request")
    assert azure("POST", f"{V1}/verify", speech("awb", "taken-4")).error[:2] == (400, "BadRequest")
    assert azure("POST", f"{V1}/verify?verificationProfileId={uuid4()}", b"").error[:2] == (404, "NotFound")


def test_addresses_that_are_not_there(azure: Client) -> None:
    for method, path in (
        *(("GET", "/nothing"), ("PUT", "/verificationProfiles"), ("GET", "/verify"), ("GET", "")),
        ("POST", f"/verificationProfiles/{uuid4()}/unknown"),
    ):
        assert azure(method, f"{V1}{path}").error == (404, "404", "Resource not found")
