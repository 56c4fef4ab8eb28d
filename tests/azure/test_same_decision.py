"""The same speech through this API, our own REST and the command line: the same decision, on the same profile."""

import json
from pathlib import Path

import pytest

from streamauth.cli.main import run
from tests.azure.conftest import Enrolled
from tests.azure.rig import TD2, TD3, TII3, TIV3, V1, Client, Home, speech, v3


class Command:
    """Commands in this process, on the data folder of the server."""

    def __init__(self, home: Home, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        patch.setenv("STREAMAUTH_HOME", str(home.path))
        patch.setenv("STREAMAUTH_ATTEMPTS_FREE_FAILURES", "1000")
        patch.setenv("STREAMAUTH_ATTEMPTS_LOCK_AFTER", "10000")

    def __call__(self, *arguments: str) -> dict[str, object]:
        self._capsys.readouterr()
        run([*arguments, "--json"])
        data: dict[str, object] = json.loads(self._capsys.readouterr().out)
        return data


@pytest.fixture
def command(home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(home, capsys, monkeypatch)


def own(azure: Client, path: str, audio: bytes) -> dict[str, object]:
    reply = azure.of(None)("POST", path, audio, "audio/wav", Authorization=f"Bearer {azure.key}")
    assert reply.status == 200, reply.body
    data: dict[str, object] = reply.json
    return data


@pytest.mark.parametrize(
    ("voice", "name", "decision"),
    [("awb", "taken-4", "accept"), ("slt", "taken-1", "reject"), ("awb", "toothpaste", "reject")],
)
def test_with_a_phrase(
    azure: Client, command: Command, enrolled: Enrolled, tmp_path: Path, voice: str, name: str, decision: str
) -> None:
    audio = speech(voice, name)
    (tmp_path / "x.wav").write_bytes(audio)
    rest = own(azure, f"/v1/profiles/{enrolled.phrase}/verifications", audio)
    shell = command("verify", enrolled.phrase, str(tmp_path / "x.wav"))
    first = azure("POST", f"{V1}/verify?verificationProfileId={enrolled.phrase}", audio).json
    second = azure("POST", f"{TD2}/profiles/{enrolled.phrase}/verify", audio).json
    third = azure("POST", v3(f"{TD3}/profiles/{enrolled.phrase}:verify"), audio).json
    assert rest["decision"] == shell["decision"] == decision
    assert first["result"].lower() == second["recognitionResult"].lower() == third["recognitionResult"] == decision
    assert second["score"] == third["score"]
    assert rest["llr"] == shell["llr"]


@pytest.mark.parametrize(("voice", "decision"), [("awb", "accept"), ("slt", "reject")])
def test_without_one(
    azure: Client, command: Command, enrolled: Enrolled, tmp_path: Path, voice: str, decision: str
) -> None:
    audio, name = speech(voice, "long-2"), f"{enrolled.verification}-verification"
    (tmp_path / "x.wav").write_bytes(audio)
    rest = own(azure, f"/v1/profiles/{enrolled.verification}/verifications", audio)
    shell = command("verify", name, str(tmp_path / "x.wav"))
    third = azure("POST", v3(f"{TIV3}/profiles/{enrolled.verification}:verify"), audio).json
    assert rest["decision"] == shell["decision"] == third["recognitionResult"] == decision


@pytest.mark.parametrize(("voice", "who"), [("awb", 0), ("slt", 1), ("kal16", None)])
def test_identification(azure: Client, enrolled: Enrolled, voice: str, who: int | None) -> None:
    group, audio = (enrolled.identification, enrolled.other), speech(voice, "long-2")
    rest = own(azure, f"/v1/identifications?among={group[0]}&among={group[1]}", audio)
    third = azure("POST", v3(f"{TII3}/profiles:identifySingleSpeaker", profileIds=",".join(group)), audio).json
    assert rest["name"] == (None if who is None else group[who])
    assert third["identifiedProfile"]["profileId"] == (rest["name"] or "00000000-0000-0000-0000-000000000000")


def test_profiles_of_our_own_commands_can_be_used(azure: Client, command: Command, tmp_path: Path) -> None:
    files = []
    for number in (1, 2, 3, 4):
        files.append(tmp_path / f"{number}.wav")
        files[-1].write_bytes(speech("awb", f"door-{number}"))
    assert command("enroll", "ada", *map(str, files[:3]))["status"] == "enrolled"
    listed = azure("GET", f"{V1}/verificationProfiles").json
    shown = command("profiles", "show", "ada")
    profile = next(each for each in listed if each["verificationProfileId"] == shown["id"])
    assert (profile["enrollmentStatus"], profile["enrollmentsCount"]) == ("Enrolled", 3)
    verify = v3(f"{TD3}/profiles/{shown['id']}:verify")
    assert azure("POST", verify, files[3].read_bytes()).json["recognitionResult"] == "accept"
    assert azure("POST", verify, speech("slt", "door-4")).json["recognitionResult"] == "reject"
    assert azure("DELETE", v3(f"{TD3}/profiles/{shown['id']}")).status == 204
