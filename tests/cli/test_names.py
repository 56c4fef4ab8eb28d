"""A pass phrase with a name that no dictionary has, from the first look at it to the decision."""

from pathlib import Path

import pytest

from tests.cli.rig import Shell

PHRASE = "my friend kelvandro opens the door"
FOLDER = Path(__file__).parent.parent / "data" / "names"


def saying(name: str) -> Path:
    return FOLDER / f"{name}.ogg"


def enroll(shell: Shell, *names: str) -> tuple[str, list[str]]:
    outcome = shell.json("enroll", "ada", *map(saying, names), "--phrase", PHRASE)
    return outcome.data["status"], outcome.data["problems"]


def test_it_is_told_how_the_name_is_expected(shell: Shell) -> None:
    outcome = shell.json("phrase", PHRASE)
    assert outcome.code == 0
    assert outcome.data["usable"] is True
    assert list(outcome.data["proposed"]) == ["kelvandro"]
    assert "K EH L V AA N D R OW" in outcome.data["proposed"]["kelvandro"]
    assert "“kelvandro” is not in the dictionary." in " ".join(shell("phrase", PHRASE).out.split())
    assert shell.json("phrase", "please open the door").data["proposed"] == {}


def test_files_are_told_apart_by_the_name(shell: Shell) -> None:
    files = [saying("slt-kelvandro-2"), saying("awb-kelvandro-1")]
    assert shell("phrase", PHRASE, *files).code == 0
    assert shell("phrase", PHRASE.replace("kelvandro", "brillowen"), *files).code == 1


def test_who_says_it_as_it_is_spelled_is_enrolled_and_verified(shell: Shell) -> None:
    shown = shell("enroll", "ada", saying("slt-kelvandro-1"), "--phrase", PHRASE)
    assert "is not in the dictionary" in " ".join(shown.err.split())
    assert enroll(shell, "slt-kelvandro-2", "slt-kelvandro-3") == ("enrolled", [])
    accepted = shell.json("verify", "ada", saying("slt-kelvandro-4"))
    assert accepted.code == 0
    assert accepted.data["reasons"] == ["voice_match", "phrase_match"]
    assert shell.json("verify", "ada", saying("awb-kelvandro-1")).data["decision"] == "reject"
    other = shell.json("verify", "ada", FOLDER.parent / "azure" / "slt-taken-1.ogg")
    assert "phrase_mismatch" in other.data["reasons"]


@pytest.mark.parametrize("voice", ["slt", "awb"])
def test_who_says_it_otherwise_is_told_so_and_not_enrolled(shell: Shell, voice: str) -> None:
    assert enroll(shell, f"{voice}-otherwise") == ("failed", ["pronunciation_mismatch"])


def test_another_phrase_is_no_other_pronunciation(shell: Shell) -> None:
    other = FOLDER.parent / "azure" / "awb-taken-1.ogg"
    outcome = shell.json("enroll", "ada", other, "--phrase", PHRASE)
    assert outcome.data["problems"] == ["phrase_mismatch"]


def test_proposals_can_be_turned_off(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_PHRASE_PROPOSE_SOUNDS", "false")
    for command in (("phrase", PHRASE), ("enroll", "ada", saying("slt-kelvandro-1"), "--phrase", PHRASE)):
        outcome = shell.json(*command)
        assert (outcome.code, outcome.error) == (2, "unknown_word")
        assert "kelvandro" in outcome.data["error"]["message"]
