"""What real clients send, and what all generations have in common, over HTTP with a server process."""

import http.client
from collections.abc import Iterator

import numpy as np
import pytest

from tests.azure.conftest import Enrolled
from tests.azure.rig import TD2, TD3, TII2, TII3, TIV3, V1, Client, Home, samples, speech, v3, wav

DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)


def verify_url(enrolled: Enrolled) -> str:
    return f"{V1}/verify?verificationProfileId={enrolled.phrase}"


def pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), 7001):
        yield data[at : at + 7001]


@pytest.mark.parametrize("key", [None, "", "wrong", "sa_00000000_0000000000000000000000000000", "\xff\xfe"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{V1}/verificationProfiles", None),
        ("POST", f"{V1}/verificationProfiles", b"no json"),
        ("GET", f"{V1}/operations/x", None),
        ("POST", f"{V1}/verify", b"no audio"),
        ("GET", f"{V1}/nothing", None),
        ("POST", f"{TD2}/profiles/x/enrollments?ignoreMinLength=perhaps", b"no audio"),
        ("GET", f"{TII2}/profiles?$top=none", None),
        ("DELETE", f"{TD3}/profiles/x", None),
        ("PUT", f"{TIV3}/profiles", b"{"),
    ],
)
def test_the_key_comes_before_any_other_check(
    azure: Client, key: str | None, method: str, path: str, body: bytes | None
) -> None:
    assert azure.of(key)(method, path, body).error == (401, "401", DENIED)


def test_chunked_bodies(azure: Client, enrolled: Enrolled) -> None:
    reply = azure("POST", verify_url(enrolled), pieces(speech("awb", "taken-4")), "application/octet-stream")
    assert reply.json["result"] == "Accept"


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "audio/wav",
        "audio/wave",
        "audio/wav; codecs=audio/pcm",
        "audio/wav; codecs=audio/pcm; samplerate=16000",
        "application/json",
        "application/octet-stream",
        "multipart/form-data",
        "text/plain",
        "nonsense",
    ],
)
def test_a_wav_file_is_one_whatever_its_type_says(azure: Client, enrolled: Enrolled, kind: str | None) -> None:
    reply = azure("POST", f"{TD2}/profiles/{enrolled.phrase}/verify", speech("awb", "taken-4"), kind)
    assert reply.json["recognitionResult"] == "Accept"


@pytest.mark.parametrize("name", ["Data", "enrollmentData", "verificationData", "identificationData", "file"])
@pytest.mark.parametrize("quoted", [True, False])
def test_parts_of_a_form(azure: Client, enrolled: Enrolled, name: str, quoted: bool) -> None:
    head = f'Content-Disposition: form-data; name="{name}"; filename="x.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    body = b"--Upload--X\r\n" + head.encode() + speech("awb", "taken-4") + b"\r\n--Upload--X--\r\n"
    boundary = '"Upload--X"' if quoted else "Upload--X"
    reply = azure("POST", verify_url(enrolled), body, f"multipart/form-data; boundary={boundary}")
    assert reply.json["result"] == "Accept"


def test_bare_samples_where_the_type_says_so(azure: Client, enrolled: Enrolled) -> None:
    bare = samples("awb", "long-2").tobytes()
    kind = "audio/wav; codecs=audio/pcm; samplerate=16000"
    reply = azure("POST", f"{TII2}/profiles/identifySingleSpeaker?profileIds={enrolled.identification}", bare, kind)
    assert reply.json["identifiedProfile"]["profileId"] == enrolled.identification


def test_wav_files_with_further_chunks_and_other_rates(azure: Client, enrolled: Enrolled) -> None:
    plain = speech("awb", "taken-4")
    extra = plain[:36] + b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT" + bytes(18) + plain[36:]
    assert azure("POST", verify_url(enrolled), extra).json["result"] == "Accept"
    source = samples("awb", "taken-4")
    for rate_hz in (44_100, 48_000):
        at = np.arange(source.size * rate_hz // 16_000) * 16_000 / rate_hz
        file = wav(np.interp(at, np.arange(source.size), source).astype(np.int16), rate_hz)
        assert azure("POST", verify_url(enrolled), file).json["result"] == "Accept"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"locale":"en-us",}', "application/json"),
        ("{'locale':'en-us'}", "application/json"),
        ("{'locale':'en-us',}", None),
        ('{"Locale" : "EN-US"}', "application/json; charset=utf-8"),
        ("\ufeff{}".replace("{}", '{"locale":"en-us"}'), "application/json"),
    ],
)
def test_sloppy_json(azure: Client, body: str, kind: str | None) -> None:
    for base, status in ((f"{V1}/verificationProfiles", 200), (f"{TD2}/profiles", 201)):
        reply = azure("POST", base, body.encode(), kind)
        assert reply.status == status, reply.body
        made = reply.json.get("profileId") or reply.json["verificationProfileId"]
        azure("DELETE", f"{TD2}/profiles/{made}")


def test_forms_that_make_a_profile(azure: Client) -> None:
    reply = azure("POST", f"{V1}/identificationProfiles", "locale=en-us", "application/x-www-form-urlencoded")
    assert reply.status == 200
    azure("DELETE", f"{V1}/identificationProfiles/{reply.json['identificationProfileId']}")


def test_addresses_as_they_are_written(azure: Client, enrolled: Enrolled) -> None:
    found = azure("GET", f"{TII2}/profiles/{enrolled.identification}").json
    for path in (
        f"//speaker//identification/v2.0/text-independent/profiles//{enrolled.identification}/",
        f"/Speaker/Identification/V2.0/Text-Independent/Profiles/{enrolled.identification.upper()}?",
    ):
        assert azure("GET", path, None, "multipart/form-data").json == found
    audio = speech("awb", "long-2")
    query = f"ignoreMinLength=True&profileIds={enrolled.identification}"
    doubled = azure("POST", f"{TII2}/profiles//identifySingleSpeaker?{query}", audio)
    assert doubled.json["identifiedProfile"]["profileId"] == enrolled.identification
    late = azure("POST", f"{TII3}/profiles:identifySingleSpeaker?{query}&api-version=2021-09-05", audio)
    assert late.json == doubled.json
    escaped = azure("POST", v3(f"{TII3}/profiles%3AidentifySingleSpeaker", profileIds=enrolled.identification), audio)
    assert escaped.json == doubled.json
    made = azure("POST", f"{TII2}/profiles/", {"locale": "en-us"})
    assert made.status == 201
    assert azure("POST", f"{TII2}/profiles/{made.json['profileId']}/reset?").status == 204
    assert azure("DELETE", f"{TII2}/profiles/{made.json['profileId']}", None, "multipart/form-data").status == 204


def test_connections_are_kept(azure: Client, enrolled: Enrolled) -> None:
    assert azure.key is not None
    connection = http.client.HTTPConnection(azure.host, timeout=30)
    headers = {"Ocp-Apim-Subscription-Key": azure.key}
    for path in (f"{V1}/verificationProfiles", f"{TD2}/profiles", v3(f"{TD3}/profiles"), f"{V1}/nothing"):
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        reply.read()
        assert reply.getheader("connection") != "close"
    connection.close()


def test_tenants_never_meet(azure: Client, home: Home, enrolled: Enrolled) -> None:
    theirs, audio = azure.of(home.other_key), speech("awb", "long-2")
    for path in (f"{V1}/verificationProfiles", f"{V1}/identificationProfiles"):
        assert theirs("GET", path).json == []
    assert theirs("GET", v3(f"{TIV3}/profiles")).json == {"value": []}
    for path in (
        f"{V1}/verificationProfiles/{enrolled.phrase}",
        f"{TII2}/profiles/{enrolled.identification}",
        v3(f"{TIV3}/profiles/{enrolled.verification}"),
    ):
        assert theirs("GET", path).status == 404
    assert theirs("DELETE", f"{TII2}/profiles/{enrolled.identification}").status == 204
    assert theirs("DELETE", f"{V1}/verificationProfiles/{enrolled.phrase}").status == 404
    assert theirs("POST", f"{V1}/verify?verificationProfileId={enrolled.phrase}", audio).status == 404
    assert theirs("POST", f"{TII2}/profiles/{enrolled.identification}/enrollments", audio).status == 404
    assert theirs("POST", f"{V1}/identificationProfiles/{enrolled.identification}/reset").status == 404
    for url in (
        f"{V1}/identify?shortAudio=true&identificationProfileIds={enrolled.identification}",
        f"{TII2}/profiles/identifySingleSpeaker?profileIds={enrolled.identification}",
    ):
        assert theirs("POST", url, audio).status == 404
    mine = azure("POST", f"{V1}/identify?shortAudio=true&identificationProfileIds={enrolled.identification}", audio)
    operation = mine.headers["operation-location"].removeprefix(f"http://{azure.host}")
    assert theirs("GET", operation).error == (404, "NotFound", "No operation id found")
    assert azure.finished(mine)["status"] == "succeeded"
    assert azure("GET", f"{TII2}/profiles/{enrolled.identification}").status == 200


def test_profiles_are_the_same_in_all_generations(azure: Client, enrolled: Enrolled) -> None:
    first = azure("GET", f"{V1}/verificationProfiles/{enrolled.phrase}").json
    second = azure("GET", f"{TD2}/profiles/{enrolled.phrase}").json
    third = azure("GET", v3(f"{TD3}/profiles/{enrolled.phrase}")).json
    assert first["enrollmentsCount"] == second["enrollmentsCount"] == third["enrollmentsCount"] == 3
    assert {each["enrollmentStatus"] for each in (first, second, third)} == {"Enrolled"}
    assert second["createdDateTime"] == third["createdDateTime"] == first["createdDateTime"]
    # a phrase is not what an identification compares, and the other way round
    assert azure("GET", f"{TII2}/profiles/{enrolled.phrase}").status == 404
    assert azure("GET", f"{TD2}/profiles/{enrolled.identification}").status == 404
    # each use lists what was made for it
    both = [[p["profileId"] for p in azure("GET", v3(f"{base}/profiles")).json["value"]] for base in (TIV3, TII3)]
    assert enrolled.verification in both[0]
    assert enrolled.identification in both[1]
    assert not set(both[0]) & set(both[1])
