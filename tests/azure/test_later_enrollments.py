"""Enrollment by v2.0 and 2021-09-05, over HTTP with a server process."""

import http.client
import re

import numpy as np
import pytest

from tests.azure.later import Base, every, free, words
from tests.azure.rig import (
    ENROLLED,
    TII3,
    TIV2,
    Client,
    samples,
    speech,
    wav,
)


@words
def test_enrollment_of_a_phrase(azure: Client, base: Base) -> None:
    made = base.create(azure)
    enroll = base.url(f"/{made}/enrollments", ignoreMinLength="true")
    not_enrolled = (400, "InvalidRequest", "Profile is not enrolled.")
    assert azure("POST", base.url(f"/{made}:verify"), speech("awb", "taken-4")).error == not_enrolled
    wrong = (400, "InvalidRequest", "Invalid passphrase.")
    assert azure("POST", enroll, speech("awb", "coffee")).error == wrong
    for count in (1, 2, 3, 4):
        reply = azure("POST", enroll, speech("awb", f"taken-{count}"))
        data = reply.json
        assert reply.status == 201
        assert set(data) == {
            *("profileId", "enrollmentStatus", "enrollmentsCount", "remainingEnrollmentsCount", "passPhrase"),
            *(f"{name}{base.unit}" for name in ("enrollmentsLength", "enrollmentsSpeechLength", "audioLength")),
            *(f"audioSpeechLength{base.unit}", *(() if base.late else ("enrollmentSpeechLength",))),
        }
        assert (data["profileId"], data["passPhrase"], data["enrollmentsCount"]) == (made, ENROLLED, count)
        assert data["remainingEnrollmentsCount"] == max(0, 3 - count)
        assert data["enrollmentStatus"] == ("Enrolling" if count < 3 else "Enrolled")
        duration_s = samples("awb", f"taken-{count}").size / 16_000
        assert data[f"audioLength{base.unit}"] == pytest.approx(duration_s, abs=0.01)
        if count == 1:
            assert data[f"enrollmentsLength{base.unit}"] == data[f"audioLength{base.unit}"]
            assert data[f"enrollmentsSpeechLength{base.unit}"] == data[f"audioSpeechLength{base.unit}"]
        assert 1 < data[f"audioSpeechLength{base.unit}"] < duration_s
        if count == 1:
            assert azure("POST", enroll, speech("awb", "toothpaste")).error == wrong
    profile = azure("GET", base.url(f"/{made}")).json
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", profile["modelVersion"])
    assert profile["lastUpdatedDateTime"] is not None
    azure("POST", base.url(f"/{made}:reset"))
    fresh = azure("GET", base.url(f"/{made}")).json
    assert (fresh["enrollmentsCount"], fresh["remainingEnrollmentsCount"], fresh["modelVersion"]) == (0, 3, None)
    assert fresh[f"enrollmentsLength{base.unit}"] == fresh[f"enrollmentsSpeechLength{base.unit}"] == 0
    azure("DELETE", base.url(f"/{made}"))


@pytest.mark.parametrize("base", [Base(TIV2), Base(TII3)], ids=["v2", "v3"])
def test_enrollment_by_free_speech(azure: Client, base: Base) -> None:
    made = base.create(azure)
    enroll = base.url(f"/{made}/enrollments")
    first, second = azure("POST", enroll, speech("awb", "long-2")), azure("POST", enroll, speech("awb", "long-1"))
    assert (first.status, second.status) == (201, 201)
    remaining, total = f"remainingEnrollmentsSpeechLength{base.unit}", f"enrollmentsSpeechLength{base.unit}"
    assert set(first.json) == {
        *("profileId", "enrollmentStatus", "enrollmentsCount", remaining, total, f"enrollmentsLength{base.unit}"),
        *(f"audioLength{base.unit}", f"audioSpeechLength{base.unit}"),
        *(() if base.late else ("enrollmentSpeechLength",)),
    }
    assert (first.json["enrollmentStatus"], second.json["enrollmentStatus"]) == ("Enrolling", "Enrolled")
    assert (first.json["enrollmentsCount"], second.json["enrollmentsCount"]) == (1, 2)
    assert first.json[remaining] == pytest.approx(20 - first.json[total], abs=0.02)
    assert second.json[remaining] == 0
    profile = azure("GET", base.url(f"/{made}")).json
    assert profile[total] == second.json[total]
    assert profile.get("profileStatus", "Active") == "Active"
    # what comes after the voiceprint is there improves it
    more = azure("POST", enroll, speech("awb", "long-2")).json
    assert (more["enrollmentsCount"], more["enrollmentStatus"]) == (3, "Enrolled")
    azure("DELETE", base.url(f"/{made}"))


@free
def test_ignored_minimum_length(azure: Client, base: Base) -> None:
    made = base.create(azure)
    enroll = base.url(f"/{made}/enrollments", ignoreMinLength="true")
    # 44.1 kHz, as in Microsoft's own test
    source = samples("awb", "long-1")[: 7 * 16_000]
    at = np.arange(7 * 44_100) * 16_000 / 44_100
    file = wav(np.interp(at, np.arange(source.size), source).astype(np.int16), 44_100)
    reply = azure("POST", enroll, file)
    assert (reply.status, reply.json["enrollmentStatus"], reply.json["enrollmentsCount"]) == (201, "Enrolled", 1)
    assert reply.json[f"remainingEnrollmentsSpeechLength{base.unit}"] == 0
    for rest in ("/enrollments", *(() if "identification" in base.path else (":verify",))):
        wrong = azure("POST", base.url(f"/{made}{rest}", ignoreMinLength="yes"), file)
        message = 'Invalid ignoreMinLength parameter value. Valid values are "true" and "false".'
        assert wrong.error == (400, "InvalidArgument", message)
    azure("DELETE", base.url(f"/{made}"))


@every
def test_one_enrollment_of_a_profile_at_a_time(azure: Client, base: Base) -> None:
    made = base.create(azure)
    enroll, file = base.url(f"/{made}/enrollments"), speech("awb", "taken-1")
    assert azure.key is not None
    slow = http.client.HTTPConnection(azure.host, timeout=30)
    slow.putrequest("POST", enroll)
    slow.putheader("Ocp-Apim-Subscription-Key", azure.key)
    slow.putheader("Content-Length", str(len(file)))
    slow.endheaders(file[:1000])
    message = "Sending concurrent requests on same profile is not allowed."
    deadline = 50
    while (error := azure("POST", enroll, b"").error)[0] != 409 and deadline:
        deadline -= 1
    assert error == (409, "Conflict", message)
    slow.send(file[1000:])
    assert slow.getresponse().status == 201
    slow.close()
    azure("DELETE", base.url(f"/{made}"))
