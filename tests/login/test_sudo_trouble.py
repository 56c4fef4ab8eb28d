"""Debian's own sudo where the microphone or the daemon fails, or a voice is locked: the password goes on to work."""

import signal
import time

import pytest

from tests.login.machine import PASSWORD, Machine
from tests.login.rig import OTHER

pytestmark = pytest.mark.pam

SUDO = ("sudo", "id", "-u")
ROOT = "0\n"


@pytest.mark.parametrize("error", ["MicrophoneAbsent", "MicrophoneBusy"])
def test_no_microphone(daemon: Machine, error: str) -> None:
    terminal = daemon.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    daemon.microphone(error=error)
    terminal.text = ""
    terminal.type("")
    began_s = time.monotonic()
    terminal.wait_for("assword")
    assert time.monotonic() - began_s < 5.0
    assert ("Another program uses" if error == "MicrophoneBusy" else "no such microphone") in terminal.text
    terminal.type(PASSWORD)
    assert terminal.end().code == 0
    assert daemon.failures() == 0


def test_a_microphone_unplugged_in_the_middle(daemon: Machine) -> None:
    terminal = daemon.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    daemon.microphone(die_after_s=0.3)
    terminal.text = ""
    terminal.type("")
    terminal.wait_for("unplugged")
    terminal.wait_for("assword")
    terminal.type(PASSWORD)
    assert terminal.end().code == 0


def test_locked(box: Machine) -> None:
    box.use_daemon("lock")
    for _ in range(2):
        assert box.login(*SUDO, speaker=OTHER, then=[PASSWORD]).code == 0
    terminal = box.terminal(*SUDO)
    terminal.wait_for("locked after too many failed attempts")
    terminal.wait_for("password for")
    assert "press Enter" not in terminal.text
    terminal.type(PASSWORD)
    assert terminal.end().code == 0


def test_without_the_daemon(box: Machine) -> None:
    box.stop_daemon()
    terminal = box.terminal(*SUDO)
    terminal.wait_for("assword")
    assert "press Enter" not in terminal.text
    terminal.type(PASSWORD)
    assert terminal.end().code == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_goes_in_the_middle(box: Machine, number: signal.Signals) -> None:
    box.use_daemon()
    terminal = box.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    terminal.text = ""
    terminal.type("")
    time.sleep(0.3)
    began_s = time.monotonic()
    box.stop_daemon(number)
    terminal.wait_for("assword")
    assert time.monotonic() - began_s < 10.0
    terminal.type(PASSWORD)
    assert terminal.end().code == 0
