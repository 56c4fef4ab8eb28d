"""Debian's own sudo and su, with the module in their stack, the daemon beside them, and audio at real-time pace."""

import subprocess

import pytest

from tests.login.machine import PASSWORD, Machine
from tests.login.rig import OTHER, PHRASE

pytestmark = pytest.mark.pam

SUDO = ("sudo", "id", "-u")
ROOT = "0\n"


def test_the_right_voice_and_digits(daemon: Machine) -> None:
    outcome = daemon.login(*SUDO)
    assert (outcome.code, outcome.text[-2:]) == (0, ROOT)
    assert "assword" not in outcome.text
    assert daemon.failures() == 0


def test_it_opens_soon_after_the_last_word(daemon: Machine) -> None:
    """Generous here, where many things run at once; `python -m scripts.measure.login` measures."""
    outcome = daemon.login(*SUDO)
    assert outcome.code == 0
    assert outcome.after_speech_s is not None
    assert outcome.after_speech_s < 8.0


def test_another_voice_then_the_password(daemon: Machine) -> None:
    outcome = daemon.login(*SUDO, speaker=OTHER, then=[PASSWORD])
    assert (outcome.code, outcome.text[-2:]) == (0, ROOT)
    assert daemon.failures() == 1


def test_another_voice_and_a_wrong_password(daemon: Machine) -> None:
    outcome = daemon.login(*SUDO, speaker=OTHER, then=["battery staple"])
    assert outcome.code != 0
    assert not outcome.text.endswith(ROOT)
    assert daemon.failures() == 1


def test_wrong_digits_then_the_password(daemon: Machine) -> None:
    outcome = daemon.login(*SUDO, say="1 1 1 1 1", then=[PASSWORD])
    assert outcome.code == 0
    assert daemon.failures() == 1


def test_a_recording_of_an_earlier_login(daemon: Machine) -> None:
    """The same audio again: other digits are asked for."""
    terminal = daemon.terminal(*SUDO)
    first = terminal.wait_for(r"say: ([0-9 ]+)")[1].strip()
    daemon.say(first)
    terminal.type("")
    assert terminal.end().code == 0
    while True:
        terminal = daemon.terminal(*SUDO)
        if terminal.wait_for(r"say: ([0-9 ]+)")[1].strip() != first:
            break
        terminal.type(PASSWORD)
        terminal.end()
    terminal.text = ""
    terminal.type("")
    terminal.wait_for("assword")
    terminal.type("battery staple")
    assert terminal.end().code != 0
    assert daemon.failures() == 1


def test_silence_then_the_password(daemon: Machine) -> None:
    outcome = daemon.login(*SUDO, say="", then=[PASSWORD])
    assert outcome.code == 0
    assert daemon.failures() == 0


def test_the_password_typed_instead(daemon: Machine) -> None:
    daemon.microphone(error="InternalError")  # nobody may listen
    terminal = daemon.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    terminal.text = ""
    terminal.type(PASSWORD)
    outcome = terminal.end()
    assert (outcome.code, outcome.text[-2:]) == (0, ROOT)
    assert "assword" not in outcome.text
    assert daemon.failures() == 0


def test_a_wrong_password_typed_instead(daemon: Machine) -> None:
    terminal = daemon.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    terminal.type("battery staple")
    assert terminal.end().code != 0


def test_a_pipe_into_sudo(daemon: Machine) -> None:
    """The question goes to the terminal, the pipe to the command."""
    outcome = daemon.login("sh", "-c", "echo from-the-pipe | sudo cat")
    assert outcome.code == 0
    assert outcome.text.endswith("from-the-pipe\n")


def test_sudo_that_reads_the_password_from_a_pipe(daemon: Machine) -> None:
    printed = daemon.run("runuser", "-u", "ada", "--", "sh", "-c", f"echo '{PASSWORD}' | sudo -S id -u")
    assert printed.endswith(ROOT)


def test_su_asks_for_the_voice_of_whom_it_becomes(daemon: Machine) -> None:
    outcome = daemon.login("su", "bob", "-c", "id -u", speaker=OTHER)
    assert (outcome.code, outcome.text[-5:]) == (0, "4002\n")
    outcome = daemon.login("su", "bob", "-c", "id -u", then=["battery staple"])
    assert outcome.code != 0


def test_su_to_somebody_without_a_voice_asks_for_the_password(daemon: Machine) -> None:
    terminal = daemon.terminal("su", "root", "-c", "id -u")
    terminal.wait_for("assword")
    assert "press Enter" not in terminal.text
    terminal.type("x")
    assert terminal.end().code != 0


def test_over_ssh_the_password_is_asked_for(daemon: Machine) -> None:
    """Somebody far away must not have the microphone of this room opened."""
    folder = daemon.folder
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    home = "/run/home/ada/.ssh"
    daemon.run("runuser", "-u", "ada", "--", "mkdir", "-m", "700", home)
    daemon.run("sh", "-c", f"cp {folder}/client.pub {home}/authorized_keys; chown -R ada {home}; chmod 600 {home}/*")
    (folder / "sshd.conf").write_text(
        f"HostKey {folder}/host\nUsePAM yes\nListenAddress 127.0.0.1\nPort 22622\nPidFile none\nStrictModes no\n"
    )
    server = subprocess.Popen(daemon.inside("/usr/sbin/sshd", "-D", "-f", str(folder / "sshd.conf")))
    try:
        remote = ("ssh", "-tt", "-p", "22622", "-i", str(folder / "client"), "-o", "StrictHostKeyChecking=no")
        options = ("-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectionAttempts=20")
        terminal = daemon.terminal(*remote, *options, "ada@127.0.0.1", "sudo id -u", user="root")
        terminal.wait_for("assword")
        assert "press Enter" not in terminal.text
        terminal.type(PASSWORD)
        outcome = terminal.end()
        assert (outcome.code, outcome.text[-2:]) == (0, ROOT)
    finally:
        server.terminate()
        server.wait(10)


def test_the_pass_phrase_and_digits(box: Machine) -> None:
    box.use_daemon("phrase")
    terminal = box.terminal(*SUDO)
    digits = terminal.wait_for(r"say: your pass phrase, then ([0-9 ]+)")[1].strip()
    box.say(f"{PHRASE} {digits}")
    terminal.type("")
    assert terminal.end().code == 0
