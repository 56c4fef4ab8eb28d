"""Every command and every program of the pages for the first day, run as it stands there."""

import asyncio
import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import typer.main

from streamauth.cli.app import parser
from streamauth.cli.main import run
from streamauth.demo_data import demo_utterances
from streamauth.service.authenticator import Authenticator
from streamauth.service.door_tables import TableKind, export_table
from streamauth.settings import Settings
from tests.serving import serving

pytestmark = pytest.mark.system

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """What stands between the fences of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's folder, with the recordings that the pages speak of, of one voice."""
    monkeypatch.setenv("STREAMAUTH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    long = {"talk.flac": "long-1", "who.ogg": "long-2"}
    for file, utterance in long.items():
        soundfile.write(tmp_path / file, *soundfile.read(demo_utterances()["rms", utterance].path, dtype="float32"))
    for number, letter in enumerate("abcd", 1):
        samples, rate_hz = soundfile.read(demo_utterances()["awb", f"door-{number}"].path, dtype="float32")
        soundfile.write(tmp_path / f"{letter}.wav", samples, rate_hz)
        narrow = np.clip(soxr.resample(samples, rate_hz, 8_000), -1, 1)
        soundfile.write(tmp_path / f"call-{number}.wav", narrow, 8_000, "ULAW")
    # the same voice on another day, of which there are no recordings; replays are not refused in tests
    soundfile.write(tmp_path / "call-5.ul", narrow, 8_000, "ULAW", format="RAW")
    for one, other in zip("dbc", "efg", strict=True):
        shutil.copy(tmp_path / f"{one}.wav", tmp_path / f"{other}.wav")
    return tmp_path


@pytest.fixture
def no_sound_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on every machine: a sound system without a microphone."""
    monkeypatch.setattr("streamauth.sources.microphone.list_devices", list)


@pytest.mark.usefixtures("no_sound_card")
@pytest.mark.parametrize("page", ["telephone.md", "webpage.md", "troubleshooting.md"])
def test_commands(folder: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]
    assert commands
    for line in commands:
        program, *arguments = shlex.split(line)
        assert program == "streamauth"
        if "<" in arguments:
            at = arguments.index("<")
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / arguments[at + 1]).read_bytes())))
            del arguments[at:]
        assert run(arguments) == 0, line


ELSEWHERE = {
    "pip install": "packages are built and installed by tests of their own",
    "streamauth listen": "needs a microphone",
    "streamauth models pull": "needs the network",
    "streamauth calibrate": "needs recordings of ten people",
}
"""What the first page names and is not run here."""


@pytest.mark.usefixtures("no_sound_card")
def test_the_first_page_in_its_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^## Use it\n\n```\n(.*?)^```", (DOCS.parent / "README.md").read_text("utf-8"), re.M | re.S)
    (folder / "trials.txt").write_text("1 a.wav,b.wav d.wav\n0 a.wav,b.wav who.ogg\n")
    for line in block.splitlines():
        if line.startswith(tuple(ELSEWHERE)):
            continue
        program, *arguments = shlex.split(line.partition(" #")[0])
        assert program == "streamauth"
        assert run(arguments) == 0, (line, capsys.readouterr().err)
    assert (folder / "out" / "report.html").is_file()


@pytest.mark.parametrize("page", ["README.md", "docs/telephone.md", "docs/door.md", "docs/python.md"])
def test_no_page_has_a_recording_heard_twice(page: str) -> None:
    """It would be refused: a recording is good for one attempt."""
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", (DOCS.parent / page).read_text("utf-8"), re.M | re.S)
    spoken = re.findall(r"[\w-]+\.(?:wav|flac|ogg|ul)\b", "\n".join(fenced))
    assert len(spoken) > 2
    assert len(set(spoken)) == len(spoken)


def test_the_door_is_set_up_as_it_stands_there(folder: Path) -> None:
    (program,) = blocks("door.md", "bash")
    shell = f'set -e; streamauth() {{ "{sys.executable}" -m streamauth "$@"; }}\n{program}'
    environment = os.environ | {"PYTHONPATH": str(DOCS.parent)}
    ran = subprocess.run(["bash", "-c", shell], cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    authenticator = Authenticator.open(folder / "home", Settings())
    try:
        assert authenticator.store.profiles.get("ada").name == "ada"
        people = export_table(authenticator.store.door_plan, TableKind.PEOPLE)
        assert "Ada,ada" in people
    finally:
        authenticator.close()


def named_commands(page: str) -> list[list[str]]:
    """What stands behind `streamauth` in the code of a page, fenced or in its lines."""
    text = (DOCS.parent / page).read_text("utf-8")
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = re.sub(r"(?m)^ *(from|import) .*", "", "\n".join([*fenced, *inline])).replace("\\\n", " ").splitlines()
    found = [re.search(r"(?:^|[\s=(])streamauth((?:\s+[^\s|>#;&`]+)+)", line.partition(" #")[0]) for line in lines]
    return [each[1].split() for each in found if each]


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))])
def test_every_command_and_option_that_is_named_exists(page: str) -> None:
    """Also what needs root, a microphone or a lock, and is run by tests of its own in other words."""
    unknown = []
    for words in named_commands(page):
        command: Any = typer.main.get_command(parser())
        while words and (below := getattr(command, "commands", None)) is not None and words[0][0].islower():
            first = words.pop(0).rstrip(",.:")
            if any(name not in below for name in first.split("|")):
                unknown.append(first)
                break
            command = below[first.split("|")[0]]
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
        given = [word.partition("=")[0].strip("[],.") for word in words if word.startswith("--") and len(word) > 2]
        unknown += [option for option in given if option not in options]
    assert unknown == []


def test_commands_are_found() -> None:
    pages = ("README.md", "docs/login.md", "docs/door.md", "docs/server.md")
    assert sum(len(named_commands(page)) for page in pages) > 30


def test_python(folder: Path) -> None:
    *local, network = blocks("python.md", "python")
    told = io.StringIO()
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(told):
        for program in local:
            exec(compile(program, "python.md", "exec"), names)  # noqa: S102 - the page's own
    assert told.getvalue().splitlines()[0] == "enrolled"
    assert "accept ['voice_match', 'phrase_match']" in told.getvalue()
    assert told.getvalue().splitlines()[-2:] == ["open", "ada"]
    settings = Settings().with_values({"server": {"port": 0}, "replay": {"refuse": False}}, "tests")
    authenticator = Authenticator.open(folder / "home", settings)
    try:
        with serving(authenticator, settings) as url, contextlib.redirect_stdout(told):
            names["url"] = url
            exec(compile(network, "python.md", "exec"), names)  # noqa: S102 - the page's own
            assert asyncio.run(names["verify"]()).value == "accept"
    finally:
        authenticator.close()
    assert told.getvalue().splitlines()[-1] == "accept"


@pytest.mark.parametrize(
    "page", ["telephone.md", "webpage.md", "troubleshooting.md", "python.md", "door.md", "login.md", "browser.md"]
)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (DOCS / page).read_text("utf-8")):
        assert (DOCS / target).exists(), target
