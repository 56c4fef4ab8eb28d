"""Other programs that ask PAM, each in its way: the console, lock screens, polkit's helper."""

import subprocess
from pathlib import Path

import pytest

from tests.login.machine import LOGIN, PASSWORD, Machine
from tests.login.pam_rig import SUCCESS
from tests.login.rig import PHRASE

pytestmark = pytest.mark.pam
HELPER = Path("/usr/lib/polkit-1/polkit-agent-helper-1")


def test_the_console(daemon: Machine) -> None:
    daemon.run(*_enable("login"))
    terminal = daemon.terminal("login", "ada", user="root")
    asked = terminal.wait_for(r"press Enter and say: ([0-9 ]+)")[1].strip()
    daemon.say(asked)
    terminal.text = ""
    terminal.type("")
    terminal.wait_for(r"\$ ")
    terminal.type("id -un; exit")
    assert "ada" in terminal.end().text
    assert "assword" not in terminal.text
    assert daemon.failures() == 0


def locker(box: Machine, service: str, asks: str = "ada", typed: str = "") -> str:
    """A lock screen runs PAM as its own user, who can read no file of secrets."""
    command = box.inside("runuser", "-u", asks, "--", "pamtester", service, "ada", "authenticate")
    done = subprocess.run(
        command, input=f"{typed}\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    return done.stdout


def test_a_lock_screen_that_shows_no_texts(box: Machine) -> None:
    box.use_daemon("phrase")
    box.run("sh", "-c", "echo 'auth include common-auth' > /etc/pam.d/swaylock")
    box.run(*_enable("swaylock", "--fixed"))
    box.say(PHRASE)
    assert SUCCESS in locker(box, "swaylock")
    assert SUCCESS in locker(box, "swaylock", typed=PASSWORD)


def test_a_second_stack_of_the_voice_alone(box: Machine) -> None:
    box.use_daemon("phrase")
    box.run("sh", "-c", "echo 'auth required pam_streamauth.so immediate' > /etc/pam.d/kde-fingerprint")
    box.run(*_enable("kde-fingerprint", "--fixed"))
    box.say(PHRASE)
    assert SUCCESS in locker(box, "kde-fingerprint")


def test_a_program_of_somebody_else_gets_no_answer(box: Machine) -> None:
    box.use_daemon("phrase")
    box.run("sh", "-c", "echo 'auth required pam_streamauth.so immediate' > /etc/pam.d/kde-fingerprint")
    box.run(*_enable("kde-fingerprint", "--fixed"))
    box.say(PHRASE)
    assert SUCCESS not in locker(box, "kde-fingerprint", asks="bob")


def test_the_helper_of_polkit_prints_nothing_that_polkit_does_not_read(daemon: Machine) -> None:
    if not HELPER.exists():
        pytest.skip("polkitd is not installed")
    daemon.run(*_enable("polkit-1"))
    daemon.say("1 1 1 1 1")  # wrong ones: the outcome is a failure with its sentence
    helper = subprocess.run(
        daemon.inside(str(HELPER), "ada"),
        input="cookie\n\nbattery staple\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = helper.stdout.splitlines()
    assert lines[0].startswith("PAM_PROMPT_ECHO_OFF Password, or press Enter and say: ")
    assert any(line.startswith("PAM_ERROR_MSG ") and "not accepted" in line for line in lines)
    assert [line for line in lines if not line.startswith(("PAM_", "FAILURE"))] == []
    assert "streamauth" not in helper.stderr


def _enable(service: str, *options: str) -> tuple[str, ...]:
    return (*LOGIN, "enable", service, *options)
