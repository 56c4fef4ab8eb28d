import pytest

from tests.cli.rig import PHRASE, Shell, voice


def test_files_are_told_apart_by_what_is_said_in_them(shell: Shell) -> None:
    files = [voice("slt", "door-2"), voice("awb", "door-3"), voice("slt", "coffee")]
    outcome = shell.json("phrase", PHRASE, *files)
    assert outcome.code == 1
    assert outcome.data["phrase"] == PHRASE
    results = outcome.data["results"]
    assert [result["file"] for result in results] == [str(file) for file in files]
    assert [result["matched"] for result in results] == [True, True, False]
    assert results[0]["heard"] == PHRASE
    assert min(results[0]["llr"], results[1]["llr"]) > 0 > results[2]["llr"]
    assert results[0]["evidence"].keys() == {"alignment", "weakest", "mean", "end", "lead", "margin"}
    assert results[0]["evidence"]["alignment"] > 0 > results[2]["evidence"]["alignment"]


def test_exit_code_is_zero_where_all_files_hold_the_phrase(shell: Shell) -> None:
    outcome = shell("phrase", PHRASE, voice("rms", "door-1"))
    assert outcome.code == 0
    assert "said (LLR +" in outcome.out
    assert "evidence, in nats: alignment +" in outcome.out


def test_wrong_words_are_told(shell: Shell) -> None:
    outcome = shell("phrase", "my voice is my passport verify me", voice("rms", "door-1"))
    assert outcome.code == 1
    assert "not said; heard “please open the door and let me come in”" in " ".join(outcome.out.split())


def test_without_files_the_phrase_is_rated(shell: Shell) -> None:
    outcome = shell.json("phrase", "Seven green apples, please!")
    assert outcome.code == 0
    assert outcome.data["phrase"] == "seven green apples please"
    assert outcome.data["usable"] is True
    assert outcome.data["reason"] is None
    assert outcome.data["strength"]["level"] == "fair"
    assert 40 < outcome.data["strength"]["bits"] < 48


@pytest.mark.parametrize("text", ["hi", "good morning", "one two three"])
def test_a_weak_phrase_is_told_and_not_enrolled(shell: Shell, text: str) -> None:
    outcome = shell.json("phrase", text)
    assert outcome.code == 0
    assert outcome.data["usable"] is False
    assert "Choose" in outcome.data["reason"]
    assert "cannot be a pass phrase" in " ".join(shell("phrase", text).out.split())
    refused = shell.json("enroll", "alice", voice("slt", "door-1"), "--phrase", text)
    assert refused.code == 2
    assert refused.error == "weak_phrase"


def test_unknown_words_are_named(shell: Shell) -> None:
    outcome = shell.json("phrase", "open the xyzzyq")
    assert outcome.code == 2
    assert outcome.error == "unknown_word"
    assert "xyzzyq" in outcome.data["error"]["message"]


def test_phrase_without_words_is_refused(shell: Shell) -> None:
    assert shell.json("phrase", "...").error == "bad_phrase"
