"""Anything at all at the API's addresses: an answer in its shape, and never a failure of the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.azure.rig import TD2, TD3, TII2, TII3, TIV2, TIV3, V1, Client
from tests.azure.test_limits import audio, server
from tests.server.rig import ADA, PHRASE

METHODS = st.sampled_from(["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"])
ODD = ["", "x", "..", "%00", "%ff", "%2F", ":", "::verify", "1" * 300, "0" * 32, "en-us", "ada"]


@pytest.fixture(scope="module")
def ids() -> list[str]:
    return []


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    free = {"key_burst": 1_000_000, "address_burst": 1_000_000}
    with server(folder, {"access": free, "azure": {"free_failures": 1000}}) as (client, watched):
        ids += [watched.store.profiles.get(name).id for name in ("ada", "bob")]
        yield client


def paths(ids: list[str]) -> st.SearchStrategy[str]:
    item = st.sampled_from([*ids, *ODD])
    verb = st.sampled_from(["", ":verify", ":reset", "/verify", "/reset", "/enrollments", "/enroll", ":x", "/"])
    first = st.sampled_from(["verificationProfiles", "identificationProfiles", "operations", "verify", "identify", ""])
    base = st.sampled_from([TD2, TIV2, TII2, TD3, TIV3, TII3])
    group = st.sampled_from(["profiles", "profiles:identifySingleSpeaker", "profiles/identifySingleSpeaker", "phrases"])
    return st.one_of(
        st.builds("{}/{}/{}{}".format, st.just(V1), first, item, verb),
        st.builds("{}/{}/{}{}".format, base, group, item, verb),
        st.builds("{}/{}".format, base, group),
        st.builds("{}/{}".format, st.just(V1), first),
    )


def queries(ids: list[str]) -> st.SearchStrategy[str]:
    names = "api-version profileIds identificationProfileIds verificationProfileId ignoreMinLength shortAudio $top"
    name = st.sampled_from([*names.split(), "maxpagesize", "$continuationToken", "locale", "$filter", "%ff"])
    value = st.sampled_from(["2021-09-05", "true", "True", "1", "-1", "%00", "%ff%fe", ",", ",".join(ids), *ids, *ODD])
    pair = st.builds("{}={}".format, name, value)
    return st.lists(pair, max_size=3).map(lambda pairs: "&".join(["api-version=2021-09-05", *pairs]))


KINDS = st.sampled_from(
    [
        *(None, "", "application/json", "audio/wav", "multipart/form-data", "multipart/form-data; boundary=x"),
        *("text/plain", "audio/wav; samplerate=16000", "audio/wav; samplerate=99999", "\xff"),
        "application/x-www-form-urlencoded",
    ]
)
SPEECH = audio(PHRASE, ADA)
CUT = [SPEECH, SPEECH[:-1], SPEECH[:40], SPEECH[:44], b"RIFF", b"RIFF\0\0\0\0WAVE"]
TEXT = [b'{"locale":"en-us"}', b'{"locale":1e999}', b'{"locale":"\\ud800"}', b"{" * 50_000, b"--x\r\n\r\nRIFF\r\n--x--"]
BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([*CUT, *TEXT, b"\xff" * 99]),
    st.binary(max_size=64).map(lambda junk: SPEECH[:20] + junk + SPEECH[20 + len(junk) :]),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_sent_is_answered(azure: Client, ids: list[str], data: st.DataObject) -> None:
    method, path, query = data.draw(METHODS), data.draw(paths(ids)), data.draw(queries(ids))
    body, kind = data.draw(BODIES) if method == "POST" else None, data.draw(KINDS)
    reply = azure(method, f"{path}?{query}", body, kind)
    assert reply.status < 500, (method, path, query, reply.body)
    if reply.status >= 400 and method != "HEAD":
        assert reply.error[0] == reply.status
