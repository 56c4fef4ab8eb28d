"""Each kind of bad input has its own code and sentence, and leaves the store as it was."""

import shutil
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.catalog.registry import models_folder
from streamauth.settings import Settings
from tests.cli.rig import Shell, enroll, voice, wav

RNG = np.random.default_rng(5)

ENCODER = Settings().voice.encoder


def speech() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(soundfile.read(voice("slt", "door-4"))[0])


def text(folder: Path) -> Path:
    (folder / "a.wav").write_text("this is no audio, whatever its name says")
    return folder / "a.wav"


def nothing(folder: Path) -> Path:
    (folder / "a.wav").write_bytes(b"")
    return folder / "a.wav"


def no_samples(folder: Path) -> Path:
    return wav(folder / "a.wav", np.zeros(0))


def truncated(folder: Path) -> Path:
    path = wav(folder / "a.wav", speech())
    path.write_bytes(path.read_bytes()[:-5000])
    return path


def nan(folder: Path) -> Path:
    samples = speech()
    samples[5000] = np.nan
    return wav(folder / "a.wav", samples, subtype="FLOAT")


def header(folder: Path, **changes: int) -> Path:
    """A WAV file whose header is what a person would not expect."""
    path = wav(folder / "a.wav", speech())
    data = bytearray(path.read_bytes())
    for name, value in changes.items():
        where, code = {"rate": (24, "<I"), "byte_rate": (28, "<I"), "data_bytes": (40, "<I")}[name]
        data[where : where + 4] = struct.pack(code, value)
    path.write_bytes(data)
    return path


def ten_hours(folder: Path) -> Path:
    with wave.open(str(folder / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    with open(folder / "a.wav", "r+b") as sparse:
        size = 10 * 3600 * 8000 * 2
        sparse.truncate(44 + size)
        sparse.seek(4)
        sparse.write(struct.pack("<I", 36 + size))
        sparse.seek(40)
        sparse.write(struct.pack("<I", size))
    return folder / "a.wav"


def high_rate(folder: Path) -> Path:
    return wav(folder / "a.wav", speech(), rate=384_000)


def many_channels(folder: Path) -> Path:
    return wav(folder / "a.wav", np.stack([speech()] * 17, axis=1))


def missing(folder: Path) -> Path:
    return folder / "no-such-file.wav"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (missing, "file_missing"),
        (text, "not_audio"),
        (nothing, "empty_audio"),
        (no_samples, "empty_audio"),
        (truncated, "truncated_audio"),
        (nan, "audio_not_finite"),
        (ten_hours, "audio_too_long"),
        (high_rate, "unsupported_sample_rate"),
        (many_channels, "unsupported_audio_format"),
    ],
)
def test_files_that_cannot_be_used(enrolled: Shell, tmp_path: Path, make: Callable[[Path], Path], code: str) -> None:
    shell, path = enrolled, make(tmp_path)
    for outcome in (
        shell.json("verify", "alice", path),
        shell.json("identify", path),
        shell.json("enroll", "carl", path, "--text-independent"),
    ):
        assert (outcome.code, outcome.error) == (2, code)
        assert path.name in outcome.data["error"]["message"]
    # the store has survived, nobody was added, and the bad file was no failed attempt
    listed = shell.json("profiles", "list").data["profiles"]
    assert [(profile["name"], profile["failures"]) for profile in listed] == [("alice", 0), ("bob", 0)]


def digital_silence(folder: Path) -> Path:
    return wav(folder / "a.wav", np.zeros(48_000))


def room(folder: Path) -> Path:
    return wav(folder / "a.wav", 1e-4 * RNG.standard_normal(48_000))


def clipped(folder: Path) -> Path:
    return wav(folder / "a.wav", np.clip(20 * speech(), -1, 1))


def offset(folder: Path) -> Path:
    return wav(folder / "a.wav", np.clip(0.5 * speech() + 0.45, -1, 1))


def noisy(folder: Path) -> Path:
    return wav(folder / "a.wav", 0.3 * speech() + 0.03 * RNG.standard_normal(speech().size))


def quiet(folder: Path) -> Path:
    return wav(folder / "a.wav", 0.01 * speech(), subtype="FLOAT")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (digital_silence, "digital_silence"),
        (room, "no_speech"),
        (clipped, "clipped"),
        (offset, "dc_offset"),
        (noisy, "too_noisy"),
        (quiet, "too_quiet"),
    ],
)
def test_recordings_that_do_not_enroll(shell: Shell, tmp_path: Path, make: Callable[[Path], Path], reason: str) -> None:
    outcome = shell.json("enroll", "alice", make(tmp_path))
    assert (outcome.code, outcome.data["status"]) == (2, "failed")
    assert reason in outcome.data["problems"]
    told = shell("enroll", "alice", tmp_path / "a.wav").err
    assert "not taken" in told


@pytest.mark.parametrize(("make", "reason"), [(digital_silence, "digital_silence"), (room, "no_speech")])
def test_silence_is_undecided(enrolled: Shell, tmp_path: Path, make: Callable[[Path], Path], reason: str) -> None:
    shell, path = enrolled, make(tmp_path)
    for outcome in (shell.json("verify", "alice", path), shell.json("identify", path)):
        assert (outcome.code, outcome.data["decision"]) == (3, "undecided")
        assert outcome.data["reasons"] == [reason]


def test_a_constant_offset_does_not_keep_the_right_person_out(enrolled: Shell, tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.clip(0.5 * speech() + 0.2, -1, 1))
    assert enrolled.json("verify", "alice", path).code == 0


def test_profiles_that_cannot_be_compared(shell: Shell) -> None:
    clip = voice("slt", "door-4")
    assert shell.json("identify", clip).error == "nobody_to_identify"
    assert shell.json("verify", "nobody", clip).error == "unknown_profile"
    assert shell.json("verify", "a\nb", clip).error == "bad_profile_name"
    shell.json("enroll", "alice", voice("slt", "door-1"))
    assert shell.json("verify", "alice", clip).error == "profile_not_enrolled"
    assert shell.json("enroll", "carl", clip, "--phrase", "open the qwzzx").error == "unknown_word"
    assert shell.json("enroll", "carl", clip, "--phrase", "?!").error == "bad_phrase"


def test_who_is_enrolled_cannot_be_enrolled_over(enrolled: Shell) -> None:
    assert enroll(enrolled, "bob", "rms").error == "profile_exists"


def copied_models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    models = folder / "models"
    shutil.copytree(models_folder(), models)
    monkeypatch.setenv("STREAMAUTH_MODELS", str(models))
    return models


def test_an_encoder_changed_since_enrollment(enrolled: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = enrolled
    models = copied_models(tmp_path, monkeypatch)
    registry = models / "registry.toml"
    registry.write_text(registry.read_text("utf-8").replace(f"[{ENCODER}]", "[other]"), "utf-8")
    calibration = (models / f"{ENCODER}.calibration.json").read_text("utf-8")
    (models / "other.calibration.json").write_text(calibration.replace(f'"{ENCODER}:', '"other:'), "utf-8")
    shutil.copy(models / f"{ENCODER}.cohort.npy", models / "other.cohort.npy")
    monkeypatch.setenv("STREAMAUTH_VOICE_ENCODER", "other")
    outcome = shell.json("verify", "alice", voice("slt", "door-4"))
    assert (outcome.code, outcome.error) == (2, "encoder_changed")
    doctor = shell.json("doctor").data["checks"][-1]
    assert "alice" in doctor["found"]


def test_a_corrupt_or_missing_model_file(enrolled: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = enrolled
    models = copied_models(tmp_path, monkeypatch)
    data = bytearray((models / f"{ENCODER}.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (models / f"{ENCODER}.onnx").write_bytes(data)
    outcome = shell.json("verify", "alice", voice("slt", "door-4"))
    assert (outcome.code, outcome.error) == (4, "model_corrupt")
    (models / f"{ENCODER}.onnx").unlink()
    assert shell.json("verify", "alice", voice("slt", "door-4")).error == "model_missing"


def test_a_corrupt_database(enrolled: Shell) -> None:
    shell = enrolled
    (shell.home / "streamauth.db").write_bytes(b"no database at all" * 999)
    outcome = shell.json("verify", "alice", voice("slt", "door-4"))
    assert (outcome.code, outcome.error) == (4, "store_corrupt")
    assert shell.json("profiles", "list").error == "store_corrupt"


def test_a_missing_key_is_never_replaced(enrolled: Shell) -> None:
    shell = enrolled
    (shell.home / "sealing.key").unlink()
    outcome = shell.json("verify", "alice", voice("slt", "door-4"))
    assert (outcome.code, outcome.error) == (4, "key_missing")
    assert not (shell.home / "sealing.key").exists()


def test_settings_that_cannot_be_used(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_DECISION_TARGET_FAR", "many")
    assert shell.json("profiles", "list").error == "bad_setting"
    monkeypatch.delenv("STREAMAUTH_DECISION_TARGET_FAR")
    shell.home.mkdir()
    for content in ("[decision]\ntarget_far = 7", "[decision]\nno_such = 1", "[nowhere]\na = 1", "no toml"):
        (shell.home / "config.toml").write_text(content)
        outcome = shell.json("profiles", "list")
        assert (outcome.code, outcome.error) == (2, "bad_setting")
