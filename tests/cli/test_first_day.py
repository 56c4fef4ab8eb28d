"""What a newcomer does first: settings, microphones, files and streams of other programs, names, phrases."""

import os
import struct
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from streamauth.errors import BadSetting
from streamauth.settings import load_settings
from tests.cli.rig import PHRASE, Shell, enroll, voice
from tests.sources.test_microphone import FakeSoundDevice

# --- settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STREAMAUTH_OPERATINGPOINT", "STREAMAUTH_DECISION_OPERATING_POINT"),
        ("STREAMAUTH_DECISION_OPERATINGPOINT", "STREAMAUTH_DECISION_OPERATING_POINT"),
        ("STREAMAUTH_SERVER_PROT", "STREAMAUTH_SERVER_PORT"),
        ("STREAMAUTH_NONSENSE_OF_A_KIND", ""),
        ("streamauth_decision_operating_point", "STREAMAUTH_DECISION_OPERATING_POINT"),
        ("STREAM_AUTH_DECISION_OPERATING_POINT", "STREAMAUTH_DECISION_OPERATING_POINT"),
        ("STREAMAUTHDECISION_OPERATING_POINT", "STREAMAUTH_DECISION_OPERATING_POINT"),
        ("STREMAUTH_DECISION_OPERATINGPOINT", "STREAMAUTH_DECISION_OPERATING_POINT"),
    ],
)
def test_a_misspelled_variable_is_an_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "strict")
    outcome = shell("profiles", "list")
    assert outcome.code == 2
    assert f"{name}: there is no such setting." in outcome.err
    assert ("Did you mean" in outcome.err) is bool(meant)
    assert meant in outcome.err


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    others = {f"STREAMAUTH_{name}": "x" for name in ("HOME", "MODELS", "API_KEY", "SEALING_KEY", "URL")}
    foreign = ("PATH", "AUTH_SERVER_PORT", "STREAM_SERVER_PORT", "STREAM_AUTHOR", "_STREAMAUTH_COMPLETE", "SERVER_HOST")
    assert load_settings(tmp_path, others | dict.fromkeys(foreign, "x")) == load_settings(tmp_path, {})
    with pytest.raises(BadSetting):
        load_settings(tmp_path, {"STREAMAUTH_": "x"})


def test_config_tells_each_setting_and_where_it_comes_from(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.home.mkdir()
    (shell.home / "config.toml").write_text('[decision]\noperating_point = "strict"\n[server]\nport = 9000\n')
    monkeypatch.setenv("STREAMAUTH_SERVER_PORT", "9001")
    rows = {row["setting"]: row for row in shell.json("config", "show").data["settings"]}
    assert (rows["decision.operating_point"]["value"], rows["decision.operating_point"]["origin"]) == (
        "strict",
        "config.toml",
    )
    assert (rows["server.port"]["value"], rows["server.port"]["origin"]) == (9001, "STREAMAUTH_SERVER_PORT")
    assert rows["server.host"]["origin"] == "default"
    shown = shell("config", "show", "--changed").out
    assert "decision.operating_point" in shown
    assert "server.host" not in shown
    # and those that the tests themselves set for every test
    checked = shell.json("config", "check").data
    assert checked["ok"] is True
    assert checked["changed"] == sum(row["origin"] != "default" for row in rows.values())
    (shell.home / "config.toml").write_text("[server]\nprot = 9000\n")
    assert shell("config", "check").code == 2


# --- what libraries print -------------------------------------------------------------------------------------


@pytest.mark.system
def test_lines_of_libraries_stay_off_the_screen() -> None:
    code = (
        "import os, streamauth.cli.main as m, streamauth.cli.output as output\n"
        "def run(arguments):\n"
        "    os.write(2, b'ALSA lib pcm.c: Unknown PCM\\n')\n"
        "    output.report_error('code', 'our own words', False)\n"
        "    return 3\n"
        "m.run = run; m.main([])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "streamauth: our own words [code]\n"


# --- files and streams ----------------------------------------------------------------------------------------


def test_errors_name_the_file(shell: Shell, tmp_path: Path) -> None:
    good, bad = voice("slt", "door-1"), tmp_path / "holiday.txt"
    bad.write_text("no audio")
    outcome = shell("enroll", "alice", good, bad, "--phrase", PHRASE)
    assert outcome.code == 2
    assert f"{bad}: This is no audio file" in outcome.err
    assert shell.json("verify", "alice", tmp_path / "none.wav").data["error"]["message"].startswith(str(tmp_path))


@pytest.mark.parametrize(("encoding", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW"), ("s16le", "PCM_16")])
def test_a_telephone_call_on_the_standard_input(
    enrolled: Shell, monkeypatch: pytest.MonkeyPatch, encoding: str, subtype: str
) -> None:
    samples, rate = soundfile.read(voice("slt", "door-4"), dtype="float32")
    assert rate == 16_000
    narrow = samples[::2]
    raw = BytesIO()
    soundfile.write(raw, np.stack([np.zeros_like(narrow), narrow], 1), 8_000, subtype, format="RAW")
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(raw.getvalue())))
    options = ("--rate", "8000", "--encoding", encoding, "--channels", "2", "--channel", "2")
    assert enrolled.json("verify", "alice", "-", *options).data["decision"] == "accept"


def test_a_file_tells_its_own_format(enrolled: Shell) -> None:
    outcome = enrolled.json("verify", "alice", voice("slt", "door-4"), "--rate", "8000")
    assert (outcome.code, outcome.error) == (2, "bad_input")


def test_a_length_that_is_a_little_too_long_costs_nothing(enrolled: Shell, tmp_path: Path) -> None:
    samples, rate_hz = soundfile.read(voice("slt", "door-4"), dtype="int16")
    file, pcm = tmp_path / "long.wav", samples.tobytes()
    head = struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    data = b"fmt " + head + b"data" + struct.pack("<I", len(pcm) + 44) + pcm
    file.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(data) + 44) + b"WAVE" + data)
    assert enrolled.json("verify", "alice", file).data["decision"] == "accept"


@pytest.mark.parametrize(
    ("kind", "subtype", "rate_hz"),
    [
        ("WAV", "ULAW", 8_000),
        ("WAV", "ALAW", 8_000),
        ("WAV", "IMA_ADPCM", 8_000),
        ("WAV", "GSM610", 8_000),
        ("AIFF", "PCM_16", 16_000),
        ("CAF", "PCM_16", 16_000),
    ],
)
def test_a_file_of_a_telephone_or_a_studio_is_known(
    enrolled: Shell, tmp_path: Path, kind: str, subtype: str, rate_hz: int
) -> None:
    samples, own_hz = soundfile.read(voice("slt", "door-4"), dtype="float32")
    file = tmp_path / f"file.{kind.lower()}"
    soundfile.write(file, np.clip(soxr.resample(samples, own_hz, rate_hz), -1, 1), rate_hz, subtype, format=kind)
    assert enrolled.json("verify", "alice", file).data["decision"] == "accept"


# --- people and phrases ---------------------------------------------------------------------------------------


def test_the_same_recording_three_times_is_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_REPLAY_REFUSE", "true")
    file = voice("awb", "door-1")
    outcome = shell("enroll", "ada", file, file, file, "--phrase", PHRASE)
    assert outcome.code == 5
    assert outcome.err.count("This recording was heard before") == 2
    assert "2 more to go" in " ".join(outcome.out.split())
    assert shell.json("profiles", "show", "ada").data["utterances"] == 1


def test_an_enrollment_that_needs_more_has_its_own_exit_code(shell: Shell) -> None:
    outcome = shell.json("enroll", "ada", voice("awb", "door-1"), "--phrase", PHRASE)
    assert (outcome.code, outcome.data["status"], outcome.data["needed"]) == (5, "enrolling", 2)
    rest = shell.json("enroll", "ada", voice("awb", "door-2"), voice("awb", "door-3"))
    assert (rest.code, rest.data["status"]) == (0, "enrolled")


def test_a_phrase_that_was_heard_is_shown(shell: Shell) -> None:
    outcome = shell("enroll", "ada", *(voice("awb", f"door-{n}") for n in (1, 2, 3)))
    stored = shell.json("profiles", "show", "ada").data["phrase"]
    assert f"The pass phrase is “{stored}”." in " ".join(outcome.out.split())
    assert "enroll with --phrase" in " ".join(outcome.out.split())


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_a_phrase_that_was_heard_is_confirmed(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer)
    outcome = shell("enroll", "ada", *(voice("awb", f"door-{n}") for n in (1, 2, 3)))
    assert outcome.code == (0 if answer else 2)
    assert shell.json("profiles", "show", "ada").data["status"] == ("enrolled" if answer else "enrolling")


@pytest.mark.parametrize("written", ["alice ", " alice", "alice\u00a0", "alice\u3000"])
def test_blanks_around_a_name_are_no_other_name(enrolled: Shell, written: str) -> None:
    assert enrolled.json("verify", written, voice("slt", "door-4")).data["decision"] == "accept"
    assert enrolled.json("enroll", written, voice("awb", "door-1"), "--phrase", PHRASE).error == "profile_exists"


@pytest.mark.parametrize("written", ["café open the green door please", "cafe\u0301 open the green door please"])
def test_accents_that_the_dictionary_does_not_have(shell: Shell, written: str) -> None:
    assert shell.json("phrase", written).data == shell.json("phrase", "cafe open the green door please").data


def test_one_voice_under_two_names_is_told_to_the_operator(enrolled: Shell) -> None:
    outcome = enrolled("enroll", "mallory", *(voice("slt", f"door-{n}") for n in (1, 2, 3)), "--phrase", PHRASE)
    assert "the voice of another profile: alice." in " ".join(outcome.err.split())
    found = enrolled("identify", voice("slt", "long-2"))
    assert "Nearly as likely:" in found.err
    assert "Nearly as likely:" not in enrolled("identify", voice("rms", "long-2")).err
    other = enrolled.json("enroll", "carol", *(voice("awb", f"door-{n}") for n in (1, 2, 3)), "--phrase", PHRASE)
    assert other.data["alike"] == []


def test_who_is_enrolled_is_told_how_to_enroll_anew(enrolled: Shell) -> None:
    """The advice after an enrollment leads nowhere else than here."""
    again = enrolled("enroll", "alice", voice("slt", "door-4"))
    assert again.code == 2
    assert "`streamauth profiles reset alice`" in again.err
    assert enrolled("profiles", "reset", "alice", "--yes").code == 0
    files = [voice("slt", f"door-{n}") for n in (1, 2, 3)]
    assert enrolled("enroll", "alice", *files, "--phrase", PHRASE).code == 0


def test_a_missing_command_leads_to_those_that_there_are(shell: Shell) -> None:
    assert "`streamauth microphones --help`" in shell("microphones").err
    assert "`streamauth profiles show --help`" in shell("profiles", "show").err


def test_an_enrollment_that_was_begun_with_another_voice_offers_its_reset(shell: Shell) -> None:
    shell("enroll", "ada", voice("slt", "door-1"), "--phrase", PHRASE)
    outcome = shell("enroll", "ada", voice("awb", "door-2"), voice("awb", "door-3"))
    assert "`streamauth profiles reset ada`" in " ".join(outcome.err.split())


# --- microphones ----------------------------------------------------------------------------------------------


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    made = FakeSoundDevice()
    made.add("Headset", 1, 48_000.0)
    made.blocks = 12
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def test_microphones_are_listed(shell: Shell, card: FakeSoundDevice) -> None:
    rows = shell.json("microphones", "list").data["microphones"]
    assert rows
    assert all(str(row["number"]) in shell("microphones", "list").out for row in rows)


def test_a_microphone_is_tried_out(shell: Shell, card: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    number = shell.json("microphones", "list").data["microphones"][0]["number"]
    monkeypatch.setenv("STREAMAUTH_MICROPHONE_DEVICE", str(number))
    outcome = shell.json("microphones", "test", "--seconds", "1")
    assert (outcome.code, outcome.data["ok"], outcome.data["microphone"]) == (0, True, "Headset")
    card.muted = True
    outcome = shell("microphones", "test", "--seconds", "1")
    assert outcome.code == 1
    assert "Nothing but zeros" in outcome.out


@pytest.mark.system
def test_completion_of_the_shell(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "_STREAMAUTH_COMPLETE": "complete_bash",
        "COMP_WORDS": "streamauth prof",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "streamauth"], env=environment, capture_output=True, text=True, check=False
    )
    assert "profiles" in done.stdout


def test_the_server_tells_what_to_open(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(authenticator: Any, settings: Any, ready: Any, mounts: Any) -> None:
        ready("ws://127.0.0.1:8765/v1/stream")

    monkeypatch.setattr("streamauth.server.hosting.serve", run)
    assert "Open http://127.0.0.1:8765 in a browser." in shell("serve").out.replace("\n", " ")
    assert shell.json("serve").data["page"] == "http://127.0.0.1:8765"


def test_models_fit_into_80_columns(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = [model["name"] for model in shell.json("models", "list").data["models"]]
    shown = shell("models", "list").out
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert all(name in shown for name in names)


def test_no_table_cuts_off_what_one_copies_from_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "somebody of a rather long name, " * 4
    enroll(shell, name.strip(), "slt")
    key = shell.json("keys", "create", "the desk beside the front door", "--scope", "admin", "--scope", "verify").data
    told = {command: shell(command, "list").out for command in ("profiles", "keys", "audit")}
    assert key["id"] in told["keys"]
    for text in told.values():
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= 80
    row = shell.json("audit", "list").data["entries"][0]
    assert row["subject"][:8] in told["audit"]


def test_a_profile_is_shown_in_words(shell: Shell) -> None:
    enroll(shell, "alice", "slt")
    lines = dict(line.split(None, 1) for line in shell("profiles", "show", "alice").out.splitlines())
    assert lines["encoders"].startswith("ge2e-noise-int8:")
    assert (lines["locked"], lines["further_voiceprints"], lines["consent"]) == ("no", "none", "none")


def test_who_said_the_phrase_is_not_told_to_say_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_REPLAY_REFUSE", "true")
    files = [voice("slt", "door-1"), voice("slt", "door-1"), voice("slt", "coffee")]
    told = shell("enroll", "alice", *files, "--phrase", PHRASE).err
    assert "heard before" in told
    assert told.count("I heard") == 1
    assert "cup of coffee" in told
