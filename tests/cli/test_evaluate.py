"""``streamauth evaluate`` on synthetic voices, with the product's own models."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

from tests.cli.rig import PHRASE, Shell, voice, wav

PEOPLE = ("slt", "rms", "awb")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one test has worked out, the next one need not."""
    return tmp_path_factory.mktemp("work")


def voxceleb(folder: Path) -> Path:
    lines = [
        f"{int(who == claimed)} {voice(claimed, 'door-1')} {voice(who, 'door-4')}"
        for claimed in PEOPLE
        for who in PEOPLE
    ]
    (folder / "trials.txt").write_text("\n".join(lines))
    return folder / "trials.txt"


def with_phrases(folder: Path, *kinds: str, people: tuple[str, ...] = ("slt", "rms")) -> Path:
    """Trials of these people, of all kinds if none is named."""
    lines = []
    other = "kal16"
    for claimed in people:
        enrolled = ",".join(str(voice(claimed, f"door-{n}")) for n in (1, 2, 3))
        for kind, who, what in (
            ("TC", claimed, "door-4"),
            ("TW", claimed, "coffee"),
            ("IC", other, "door-4"),
            ("IW", other, "coffee"),
        ):
            if kind in kinds or not kinds:
                lines.append(f"{kind} {enrolled} {voice(who, what)} {PHRASE}")
    (folder / "phrases.txt").write_text("\n".join(lines))
    return folder / "phrases.txt"


def test_a_list_without_phrases(shell: Shell, tmp_path: Path, work: Path) -> None:
    outcome = shell.json("evaluate", voxceleb(tmp_path), "--jobs", "1", "--work", work)
    assert outcome.code == 0
    data = outcome.data
    assert (data["n_target"], data["n_nontarget"], data["n_files"]) == (3, 6, 6)
    assert data["encoder"].startswith("ge2e")
    assert data["eer"] == 0
    assert data["decision"]["frr"] == 0
    assert 0.8 <= data["decision"]["median_speech_s_target"] < 10
    text = shell("evaluate", voxceleb(tmp_path), "--jobs", "1", "--work", work).out
    assert "3 target and 6 non-target trials over 6 files" in text
    assert "EER                       0.00%" in text


def test_a_list_with_phrases(shell: Shell, tmp_path: Path) -> None:
    data = shell.json("evaluate", with_phrases(tmp_path, people=("slt",)), "--jobs", "1").data
    assert (data["n_target"], data["n_nontarget"]) == (1, 3)
    assert data["by_class"].keys() == {"TW", "IC", "IW"}
    assert {each["far"] for each in data["by_class"].values()} == {0.0}
    assert data["eer"] == 0
    assert data["decision"]["frr"] == 0


def test_processes_come_to_the_same_result(shell: Shell, tmp_path: Path, work: Path) -> None:
    path = voxceleb(tmp_path)
    one = shell.json("evaluate", path, "--jobs", "1", "--work", work).data
    assert one == shell.json("evaluate", path, "--jobs", "2").data


def test_plain_scoring(shell: Shell, tmp_path: Path, work: Path) -> None:
    plain = ("--scoring", "plain", "--jobs", "1", "--work", work)
    data = shell.json("evaluate", voxceleb(tmp_path), *plain, "--report", tmp_path / "r").data
    assert data["scoring"] == "plain"
    assert data["decision"] is data["cllr"] is data["actdcf"] is None
    assert data["eer"] == 0
    assert {file.name for file in (tmp_path / "r").iterdir()} == {
        *("report.html", "figures.json", "det.png", "det.svg", "scores.png", "scores.svg")
    }


def test_the_report_holds_the_figures(shell: Shell, tmp_path: Path, work: Path) -> None:
    report = tmp_path / "new" / "report"
    outcome = shell.json("evaluate", voxceleb(tmp_path), "--report", report, "--jobs", "1", "--work", work)
    assert json.loads((report / "figures.json").read_text()) == outcome.data
    for name in ("det", "calibration", "time"):
        assert (report / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert ElementTree.parse(report / f"{name}.svg").getroot().tag.endswith("svg")  # noqa: S314 - of our own
    page = (report / "report.html").read_text("utf-8")
    assert page.count("<svg") == 3
    assert not re.search("<!-- [a-z]", page)
    assert "src=" not in page
    assert "prefers-color-scheme: dark" in page
    for text in (f"{outcome.data['decision']['far']:.2%}", f"{outcome.data['cllr']:.4f}", outcome.data["encoder"]):
        assert text in page
    for name in ("eer", "mindcf_01", "actdcf", "min_cllr"):
        value = outcome.data[name]
        assert (f"{value:.2%}" if name == "eer" else f"{value:.4f}") in page


def test_without_matplotlib_the_report_has_no_plots_and_says_how_to_get_them(
    shell: Shell, tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    hidden = lambda name, *more: None if name == "matplotlib" else find(name, *more)  # noqa: E731
    monkeypatch.setattr("streamauth.evaluation.report.find_spec", hidden)
    report = tmp_path / "r"
    outcome = shell("evaluate", voxceleb(tmp_path), "--report", report, "--jobs", "1", "--work", work)
    assert outcome.code == 0
    told = " ".join(outcome.err.split())
    assert "no plots" in told
    assert "pip install '.[evaluate]'" in told
    assert sorted(path.name for path in report.iterdir()) == ["figures.json", "report.html"]
    page = (report / "report.html").read_text("utf-8")
    assert "<svg" not in page
    assert "streamauth[evaluate]" in page
    assert not re.search("<!-- [a-z]", page)


def listed(folder: Path, text: str) -> Path:
    (folder / "list.txt").write_text(text)
    return folder / "list.txt"


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("1 a.wav b.wav\n0 a.wav\n", "bad_trial_list", "Line 2"),
        ("1 a.wav b.wav\n0 a.wav c.wav\n", "file_missing", "3 of the 3 audio files are missing"),
        ("", "bad_trial_list", "at least one target"),
    ],
)
def test_bad_lists(shell: Shell, tmp_path: Path, text: str, code: str, told: str) -> None:
    outcome = shell.json("evaluate", listed(tmp_path, text))
    assert (outcome.code, outcome.error) == (2, code)
    assert told in outcome.data["error"]["message"]


def test_no_list(shell: Shell, tmp_path: Path) -> None:
    assert shell.json("evaluate", tmp_path / "no.txt").error == "file_missing"


def test_unreadable_audio_and_unknown_words(shell: Shell, tmp_path: Path) -> None:
    good = voice("slt", "door-1")
    (tmp_path / "bad.wav").write_text("no audio")
    outcome = shell.json("evaluate", listed(tmp_path, f"1 {good} {good}\n0 {good} bad.wav"))
    assert (outcome.code, outcome.error) == (2, "not_audio")
    assert "bad.wav" in outcome.data["error"]["message"]
    truncated = wav(tmp_path / "cut.wav", [0.1] * 16_000)
    truncated.write_bytes(truncated.read_bytes()[:-5000])
    outcome = shell.json("evaluate", listed(tmp_path, f"1 {good} {good}\n0 {good} cut.wav"), "--jobs", "1")
    assert outcome.error == "truncated_audio"
    assert "cut.wav" in outcome.data["error"]["message"]
    path = listed(tmp_path, f"TC {good} {good} open the xyzzyq\nIC {good} {good} open the door")
    outcome = shell.json("evaluate", path)
    assert (outcome.code, outcome.error) == (2, "bad_trial_list")
    assert "xyzzyq" in outcome.data["error"]["message"]


def test_bad_audio_in_another_process_is_told_alike(shell: Shell, tmp_path: Path) -> None:
    samples = [0.1] * 16_000
    samples[8000] = float("nan")
    wav(tmp_path / "nan.wav", samples, subtype="FLOAT")
    good = voice("slt", "long-2")
    outcome = shell.json("evaluate", listed(tmp_path, f"1 {good} {good}\n0 {good} nan.wav"), "--jobs", "2")
    assert (outcome.code, outcome.error) == (2, "audio_not_finite")
    assert "nan.wav" in outcome.data["error"]["message"]


def kept(work: Path, kind: str) -> dict[str, float]:
    folder = work / "streamauth-evaluation"
    return {file.name: file.stat().st_mtime_ns for file in folder.glob(f"{kind}-*")} if folder.is_dir() else {}


@pytest.mark.system
def test_a_killed_run_goes_on_where_it_stopped(shell: Shell, tmp_path: Path) -> None:
    path, work = with_phrases(tmp_path, "TC", "IW"), tmp_path / "work"
    command = [sys.executable, "-m", "streamauth", "evaluate", str(path), "--work", str(work), "--jobs", "2"]
    environment = os.environ | {"STREAMAUTH_HOME": str(shell.home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        limit = time.monotonic() + 300
        while not kept(work, "enrolled") and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    before = kept(work, "enrolled")
    assert process.returncode == -signal.SIGKILL
    assert before
    assert not kept(work, "trials") or len(kept(work, "trials")) < 3
    # nobody goes on working for a run that is gone
    assert not psutil.wait_procs(children, timeout=30)[1]
    resumed: Any = shell.json("evaluate", path, "--work", work, "--jobs", "1").data
    after = kept(work, "enrolled")
    assert len(after) == 2
    assert before.items() <= after.items()
    assert resumed == shell.json("evaluate", path, "--jobs", "1").data
