"""`streamauth login`, against a daemon in a thread."""

import contextlib
import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamauth.cli.main import run
from tests.fakes import pause, pcm, say
from tests.login.rig import OTHER, OWNER, PHRASE, Rig, free_speech, me, running, spoken

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="enrollment is for root")


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.delenv("SUDO_USER", raising=False)
    with running(tmp_path) as made:
        yield made


def login(rig: Rig, *arguments: str) -> int:
    return run(["login", *arguments, "--socket", str(rig.path)])


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_status(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert login(rig, "status") == 0
    assert "free speech" in capsys.readouterr().out
    assert login(rig, "status", "--json") == 0
    assert printed(capsys)["services"] == ["sudo"]


@needs_root
def test_setup_checks_the_level_and_enrolls(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.voices.forget(me())
    rig.microphone.audio = pcm(pause(0.5)) + free_speech()
    assert login(rig, "setup") == 0
    told = capsys.readouterr()
    assert "Microphone: fake. It is the only one." in told.err
    assert "Good: speech" in told.err
    assert "read aloud" in told.err
    assert "is enrolled" in told.out
    assert rig.microphone.opened == 2


@pytest.mark.system
@needs_root
@pytest.mark.parametrize("columns", [40, 80])
def test_setup_on_a_terminal(rig: Rig, columns: int) -> None:
    """No line is too wide, and the level is drawn over itself."""
    rig.voices.forget(me())
    rig.microphone.audio = pcm(pause(0.5)) + free_speech()
    ours, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "streamauth", "login", "setup", "--socket", str(rig.path)]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    process = subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while got := os.read(ours, 4096):
            shown += got
    os.close(ours)
    assert process.wait(30) == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= columns
    assert any(line.startswith("level   ▮") for line in lines)
    assert b"\x1b[2K" in shown  # a line is erased before it is drawn anew


@needs_root
def test_setup_with_a_phrase_again(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert login(rig, "setup", "--phrase", PHRASE) == 2  # enrolled already
    capsys.readouterr()
    rig.microphone.audio = spoken(PHRASE) * 3
    assert login(rig, "setup", "--again", "--phrase", PHRASE, "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {"user": me().name, "enrolled": True}
    assert "three times" in told.err
    assert rig.voices.standing(me()).with_phrase


@needs_root
def test_setup_stops_at_a_bad_level(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.microphone.audio = pcm(pause(1.0), say("open the front door please", 1, level=0.002))
    assert login(rig, "setup", "--again") == 2
    assert "Too quiet" in capsys.readouterr().err


@needs_root
def test_setup_with_a_muted_microphone(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.microphone.audio = bytes(64_000)
    assert login(rig, "setup", "--again") == 2
    assert "microphone_muted" in capsys.readouterr().err


@needs_root
def test_setup_with_a_microphone_that_is_not_there(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert login(rig, "setup", "--device", "other") == 2
    assert "microphone_absent" in capsys.readouterr().err
    rig.microphone.audio = bytes(64_000)
    assert login(rig, "setup", "--again", "--device", "fake") == 2
    assert rig.state.device == "fake"


def test_trying_out(rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from streamauth.login.client import LoginClient

    asked, voices = LoginClient.ask, [OTHER, OWNER]

    def answered(self: LoginClient, *args: str, **kwargs: bool) -> object:
        offer = asked(self, *args, **kwargs)  # type: ignore[arg-type]
        rig.microphone.audio = spoken(offer.say, voices.pop())
        return offer

    monkeypatch.setattr(LoginClient, "ask", answered)
    assert [login(rig, "test", "--json") for _ in range(2)] == [0, 1]
    told = capsys.readouterr()
    assert [json.loads(line)["verdict"] for line in told.out.splitlines()] == ["accept", "reject"]
    assert "Say:" in told.err


@needs_root
def test_forget_and_unlock(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert login(rig, "unlock") == 0
    assert login(rig, "forget") == 0
    assert login(rig, "forget") == 2
    assert "unknown_profile" in capsys.readouterr().err


def test_whose_login_it_is(rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whoever had root's rights given to them, by sudo or by polkit."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name, value in (("SUDO_USER", me().name), ("PKEXEC_UID", str(me().uid))):
        monkeypatch.setenv(name, value)
        assert login(rig, "status", "--json") == 0
        assert printed(capsys)["enrolled"] is True
        monkeypatch.delenv(name)
    monkeypatch.setenv("SUDO_USER", "nobody-of-this-name")
    assert login(rig, "status") == 2
    assert "unknown_user" in capsys.readouterr().err


def test_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["login", "status", "--socket", str(tmp_path / "none")]) == 4
    assert "login_daemon_absent" in capsys.readouterr().err
    assert run(["login", "doctor", "--json", "--socket", str(tmp_path / "none")]) == 4
    checks = printed(capsys)["checks"]
    assert isinstance(checks, list)
    assert checks[0]["name"] == "daemon"
    assert not checks[0]["ok"]


def test_doctor_tells_of_the_keyring(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert login(rig, "doctor") in (0, 4)
    out = capsys.readouterr().out
    assert "voice: enrolled" in out
    assert "keyring" in out
