"""The main job through the command line, with the embedded models and synthetic voices."""

import io
import json
import sys
from pathlib import Path

import pytest
import soundfile

from tests.cli.rig import PHRASE, Shell, enroll, voice


def test_enroll(shell: Shell) -> None:
    enrolled = enroll(shell, "alice", "slt")
    assert enrolled.code == 0
    speech_s = enrolled.data.pop("speech_s")
    assert speech_s > 3
    assert enrolled.data | {"speech_s": 0} == {
        "name": "alice",
        "status": "enrolled",
        "utterances": 3,
        "needed": 0,
        "phrase": PHRASE,
        "alike": [],
        "speech_s": 0,
        "problems": [],
    }


def test_verify(enrolled: Shell) -> None:
    shell = enrolled
    accepted = shell.json("verify", "alice", voice("slt", "door-4"))
    assert accepted.code == 0
    assert set(accepted.data) == {"decision", "reasons", "llr", "score", "phrase", "speech_s", "decided_at_s"}
    assert accepted.data["decision"] == "accept"
    assert accepted.data["reasons"] == ["voice_match", "phrase_match"]
    assert accepted.data["phrase"] == {"expected": PHRASE, "heard": PHRASE, "matched": True}


def test_verify_rejects_other_voices_and_other_words(enrolled: Shell) -> None:
    shell = enrolled
    impostor = shell.json("verify", "alice", voice("awb", "door-4"))
    assert (impostor.code, impostor.data["decision"], impostor.data["reasons"][0]) == (1, "reject", "voice_mismatch")
    wrong = shell.json("verify", "alice", voice("slt", "coffee"))
    assert (wrong.code, wrong.data["decision"], wrong.data["reasons"][0]) == (1, "reject", "phrase_mismatch")
    half = shell.json("verify", "alice", voice("slt", "door-half"))
    assert (half.code, half.data["reasons"][0]) == (1, "phrase_incomplete")
    near = shell.json("verify", "alice", voice("slt", "window"))
    assert (near.code, near.data["reasons"][0]) == (1, "phrase_mismatch")


def test_identify(enrolled: Shell) -> None:
    shell = enrolled
    named = shell.json("identify", voice("rms", "long-2"))
    assert (named.code, named.data["decision"], named.data["name"]) == (0, "accept", "bob")
    assert set(named.data) == {"decision", "name", "ranking", "reasons", "speech_s"}
    assert [place["name"] for place in named.data["ranking"]] == ["bob", "alice"]
    stranger = shell.json("identify", voice("kal16", "long-2"))
    assert (stranger.code, stranger.data["name"], stranger.data["reasons"]) == (1, None, ["nobody"])
    among = shell.json("identify", voice("rms", "long-2"), "--among", "alice")
    assert (among.code, among.data["name"]) == (1, None)


def test_text_independent_enrollment(shell: Shell) -> None:
    enrolled = shell.json("enroll", "carol", voice("slt", "long-1"), "--text-independent")
    assert (enrolled.code, enrolled.data["status"]) == (0, "enrolled")
    assert enrolled.data["speech_s"] >= 20
    assert shell.json("verify", "carol", voice("slt", "long-2")).code == 0
    other = shell.json("verify", "carol", voice("awb", "long-2"))
    assert (other.code, other.data["phrase"]) == (1, None)
    again = shell("enroll", "dora", voice("slt", "long-1"), "--text-independent")
    assert again.out.startswith("dora is enrolled: 1 utterance, ")


def test_without_a_phrase_the_first_utterance_sets_it(shell: Shell) -> None:
    enrolled = shell.json("enroll", "alice", *(voice("slt", f"door-{n}") for n in (1, 2, 3)))
    assert enrolled.data["status"] == "enrolled"
    # the words are those that the decoder wrote down, right or wrong
    assert shell.json("profiles", "show", "alice").data["phrase"].startswith("please open the door and let me")


def test_enrollment_in_steps_and_its_problems(shell: Shell) -> None:
    first = shell.json("enroll", "alice", voice("slt", "door-1"), "--phrase", PHRASE)
    assert (first.code, first.data["status"], first.data["needed"]) == (5, "enrolling", 2)
    early = shell.json("verify", "alice", voice("slt", "door-4"))
    assert (early.code, early.error) == (2, "profile_not_enrolled")
    mixed = shell.json("enroll", "alice", voice("slt", "door-2"), voice("slt", "coffee"), voice("awb", "door-3"))
    assert (mixed.code, mixed.data["status"], mixed.data["needed"]) == (5, "enrolling", 1)
    assert mixed.data["problems"] == ["phrase_mismatch", "other_voice"]
    failed = shell.json("enroll", "dave", voice("slt", "coffee"), "--phrase", PHRASE)
    assert (failed.code, failed.data["status"], failed.data["utterances"]) == (2, "failed", 0)
    assert shell.json("profiles", "show", "dave").error == "unknown_profile"


def test_profiles(shell: Shell) -> None:
    assert shell.json("profiles", "list").data == {"profiles": []}
    assert "No profiles" in shell("profiles", "list").out
    enroll(shell, "alice", "slt")
    (listed,) = shell.json("profiles", "list").data["profiles"]
    shown = shell.json("profiles", "show", "alice").data
    assert listed == shown
    assert (shown["status"], shown["utterances"], shown["locked"]) == ("enrolled", 3, False)
    assert "alice" in shell("profiles", "list").out
    assert "enrolled" in shell("profiles", "show", "alice").out
    shell.json("verify", "alice", voice("awb", "door-4"))
    assert shell.json("profiles", "show", "alice").data["failures"] == 1
    assert shell.json("profiles", "unlock", "alice").code == 0
    assert shell.json("profiles", "show", "alice").data["failures"] == 0
    assert shell.json("profiles", "reset", "alice").code == 0
    assert shell.json("profiles", "show", "alice").data["status"] == "enrolling"
    deleted = shell.json("profiles", "delete", "alice").data
    assert (deleted["name"], deleted["deleted"]) == ("alice", True)
    assert shell.json("profiles", "delete", "alice").error == "unknown_profile"


def test_deletion_asks_a_person_first(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.json("enroll", "alice", voice("slt", "door-1"), "--phrase", PHRASE)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert shell("profiles", "delete", "alice").code == 2
    assert shell.json("profiles", "show", "alice").code == 0
    assert shell("profiles", "delete", "alice", "--yes").code == 0


def test_another_store(enrolled: Shell, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    assert enrolled.json("profiles", "list", "--store", url).data == {"profiles": []}
    assert enrolled.json("verify", "alice", voice("slt", "door-4"), "--store", url).error == "unknown_profile"


def test_key_rotation_keeps_everything_readable(enrolled: Shell) -> None:
    shell = enrolled
    before = (shell.home / "sealing.key").read_bytes()
    assert shell.json("key", "rotate").data == {"rotated": True}
    assert (shell.home / "sealing.key").read_bytes() != before
    assert shell.json("verify", "alice", voice("slt", "door-4")).code == 0


def test_the_attempt_limit_reaches_the_command_line(enrolled: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = enrolled
    monkeypatch.setenv("STREAMAUTH_ATTEMPTS_FREE_FAILURES", "1")
    monkeypatch.setenv("STREAMAUTH_ATTEMPTS_LOCK_AFTER", "2")
    monkeypatch.setenv("STREAMAUTH_ATTEMPTS_BASE_DELAY_S", "0")
    for _ in range(2):
        assert shell.json("verify", "alice", voice("awb", "door-4")).code == 1
    locked = shell.json("verify", "alice", voice("slt", "door-4"))
    assert (locked.code, locked.error) == (1, "profile_locked")
    assert shell("profiles", "unlock", "alice").code == 0
    assert shell.json("verify", "alice", voice("slt", "door-4")).code == 0


def test_raw_pcm_on_the_standard_input(enrolled: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = enrolled
    samples, _ = soundfile.read(voice("slt", "door-4"), dtype="int16")

    class Pipe:
        buffer = io.BytesIO(samples.tobytes())

    monkeypatch.setattr(sys, "stdin", Pipe())
    assert shell.json("verify", "alice", "-").code == 0


def test_doctor(shell: Shell) -> None:
    outcome = shell.json("doctor")
    assert outcome.code == 0
    assert outcome.data["ready"] is True
    checks = {check["name"]: check for check in outcome.data["checks"]}
    assert checks["speaker encoder"]["ok"]
    assert checks["store"]["found"] == "0 profiles"
    text = shell("doctor").out
    assert "Ready." in text


def test_doctor_tells_what_to_mend(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STREAMAUTH_MODELS", str(tmp_path / "nowhere"))
    outcome = shell.json("doctor")
    assert outcome.code == 4
    (encoder,) = [check for check in outcome.data["checks"] if check["name"] == "speaker encoder"]
    assert (encoder["ok"], encoder["found"]) == (False, "model_missing")
    assert encoder["advice"]


def test_people_get_sentences_and_programs_get_one_object(shell: Shell) -> None:
    for_people = shell("verify", "nobody", voice("slt", "door-4"))
    assert for_people.out == ""
    assert "[unknown_profile]" in for_people.err
    for_programs = shell("verify", "nobody", voice("slt", "door-4"), "--json")
    assert json.loads(for_programs.out)["error"]["code"] == "unknown_profile"
    assert for_programs.err == ""


def test_accept_is_told_to_people_too(enrolled: Shell) -> None:
    shell = enrolled
    outcome = shell("verify", "alice", voice("slt", "door-4"))
    assert outcome.code == 0
    assert "ACCEPT" in outcome.out
    assert "The pass phrase was said." in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "alice"],
        ["verify", "alice", "x.wav", "--mic"],
        ["verify", "alice", "x.wav", "--no-such-option"],
        ["enroll", "alice"],
        ["enroll", "alice", "x.wav", "--phrase", "open", "--text-independent"],
        ["no-such-command"],
    ],
)
def test_misuse_has_exit_code_2_and_a_sentence(shell: Shell, arguments: list[str]) -> None:
    outcome = shell.json(*arguments)
    assert outcome.code == 2
    assert outcome.data["error"]["message"]


def test_version_and_help(shell: Shell) -> None:
    assert shell("--version").out.startswith("streamauth ")
    assert shell("--help").code == 0
    assert "verify" in shell("--help").out


def test_a_key_from_the_environment_is_rotated_to_another_one(enrolled: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (enrolled.home / "sealing.key").read_text().strip(), "7" * 64
    (enrolled.home / "sealing.key").unlink()
    monkeypatch.setenv("STREAMAUTH_SEALING_KEY", first)
    assert enrolled.json("key", "rotate").error == "bad_input"
    assert enrolled.json("key", "rotate", "--new-key-from", "NEXT_KEY").error == "bad_input"
    monkeypatch.setenv("NEXT_KEY", second)
    assert enrolled.json("key", "rotate", "--new-key-from", "NEXT_KEY").data == {"rotated": True}
    assert enrolled.json("profiles", "show", "alice").error == "key_wrong"
    monkeypatch.setenv("STREAMAUTH_SEALING_KEY", second)
    assert enrolled.json("profiles", "show", "alice").data["status"] == "enrolled"
