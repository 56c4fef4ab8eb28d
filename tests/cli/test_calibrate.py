from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from streamauth.catalog.registry import Catalog
from tests.cli.rig import Shell, voice

# played faster or slower, a voice becomes another person's; ten are the fewest that calibration takes
PEOPLE = [(voice, speed) for voice in ("awb", "kal16", "rms", "slt") for speed in (0.8, 1.0, 1.25)][:10]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    for name, speed in PEOPLE:
        person = folder / f"{name}-{speed}"
        person.mkdir()
        for number, utterance in enumerate(("door-1", "coffee")):
            audio, rate = soundfile.read(voice(name, utterance), dtype="float32")
            soundfile.write(person / f"{number}.wav", soxr.resample(audio[: 3 * rate], rate * speed, rate), rate)
    return folder


@pytest.fixture(autouse=True)
def few_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two show what nine do, in a fifth of the time."""
    monkeypatch.setattr("streamauth.evaluation.recalibration.EVALUATED", ("clean", "pink-10"))


def test_it_tells_what_it_would_do_and_changes_nothing(shell: Shell, recordings: Path) -> None:
    outcome = shell.json("calibrate", recordings, "--dry-run", "--force")
    assert outcome.code == 0
    data = outcome.data
    assert (data["people"], data["probes"], data["enough"], data["saved"]) == (10, 10, False, False)
    for rates in (data["before"], data["after"]):
        assert 0 <= rates["eer"] <= 0.5
        assert rates["min_cllr"] <= rates["cllr"]
    assert not Catalog().calibrations.exists()


def test_the_new_calibration_is_used_from_then_on(shell: Shell, recordings: Path) -> None:
    shell("enroll", "alice", voice("slt", "long-1"), "--text-independent")
    before = shell.json("verify", "alice", voice("slt", "long-2")).data
    outcome = shell("calibrate", recordings, "--force")
    assert outcome.code == 0
    assert "The new calibration is in use from now on." in outcome.out
    assert "too few to rely on" in outcome.out
    after = shell.json("verify", "alice", voice("slt", "long-2")).data
    assert after["llr"] != before["llr"]
    assert after["decision"] == before["decision"] == "accept"


def test_a_new_one_that_is_no_better_is_not_used(
    shell: Shell, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamauth.evaluation.recalibration import Recalibration

    monkeypatch.setattr(Recalibration, "better", False)
    outcome = shell("calibrate", recordings)
    assert "Nothing was changed. The new one is no better; --force uses it." in outcome.out
    assert not Catalog().calibrations.exists()


def test_too_few_people_are_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "people" / "somebody").mkdir(parents=True)
    for folder in (tmp_path / "people", tmp_path / "nowhere"):
        outcome = shell.json("calibrate", folder)
        assert (outcome.code, outcome.error) == (2, "too_few_recordings")


def test_recordings_that_cannot_be_used_are_told_and_left_out(shell: Shell, recordings: Path, tmp_path: Path) -> None:
    import shutil

    people = tmp_path / "people"
    shutil.copytree(recordings, people)
    (people / "awb-1.0" / "2.wav").write_bytes(b"no audio")
    soundfile.write(people / "rms-1.0" / "2.wav", np.zeros(32_000), 16_000)
    outcome = shell.json("calibrate", people, "--dry-run")
    assert outcome.data["probes"] == 10
    assert {Path(path).parent.name for path in outcome.data["skipped"]} == {"awb-1.0", "rms-1.0"}
