"""One server process for all tests of the API, and profiles that are enrolled through it once."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.azure.rig import TII3, TIV3, V1, Client, Home, make_home, serve, speech, v3


@dataclass(frozen=True)
class Enrolled:
    """Ids of enrolled profiles, all but the last of the voice awb."""

    phrase: str
    verification: str
    identification: str
    other: str


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("azure") / "home")


@pytest.fixture(scope="session")
def azure(home: Home) -> Iterator[Client]:
    # these tests fail on purpose far more often than people do; the limits have a test of their own
    free = {"ATTEMPTS_FREE_FAILURES": "1000", "ATTEMPTS_LOCK_AFTER": "10000", "AZURE_FREE_FAILURES": "1000"}
    with serve(home, **free) as client:
        yield client


@pytest.fixture(scope="session")
def enrolled(azure: Client) -> Enrolled:
    phrase = azure("POST", f"{V1}/verificationProfiles", {"locale": "en-us"}).json["verificationProfileId"]
    for number in (1, 2, 3):
        reply = azure("POST", f"{V1}/verificationProfiles/{phrase}/enroll", speech("awb", f"taken-{number}"))
        assert reply.status == 200, reply.body

    def make(base: str, voice: str) -> str:
        profile = azure("POST", v3(f"{base}/profiles"), {"locale": "en-us"}).json["profileId"]
        reply = azure("POST", v3(f"{base}/profiles/{profile}/enrollments"), speech(voice, "long-1"))
        assert reply.status == 201, reply.body
        return str(profile)

    return Enrolled(phrase, make(TIV3, "awb"), make(TII3, "awb"), make(TII3, "slt"))
