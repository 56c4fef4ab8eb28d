"""Who counts as remote: made-up process lists and logind files."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.pam
HERE, REMOTE = "here", "remote"


class Machine:
    """A made-up /proc and /run/systemd/sessions."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.proc, self.sessions = folder / "proc", folder / "sessions"
        self._program = program
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self" / "cgroup").write_text("0::/user.slice/user-1000.slice/session-3.scope\n")

    def process(self, pid: str, name: str, parent: int, exe: str | None = None) -> None:
        folder = self.proc / pid
        folder.mkdir(exist_ok=True)
        (folder / "stat").write_text(f"{pid if pid != 'self' else 900} ({name}) S {parent} 1 1 0")
        if exe is not None:
            (folder / "exe").symlink_to(exe)

    def session(self, number: str, **values: str) -> None:
        self.sessions.mkdir(exist_ok=True)
        (self.sessions / number).write_text("# made up\n" + "".join(f"{n}={v}\n" for n, v in values.items()))

    def cgroup(self, path: str) -> None:
        (self.proc / "self" / "cgroup").write_text(f"0::{path}\n")

    def seen(self) -> str:
        command = [str(self._program), str(self.proc), str(self.sessions)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return ended.stdout.strip()


@pytest.fixture
def machine(pam_tools: Path, tmp_path: Path) -> Machine:
    made = Machine(tmp_path, pam_tools / "whereabouts")
    made.process("self", "sudo", 40)
    made.process("40", "bash", 30)
    made.process("30", "login", 1)
    made.process("1", "systemd", 0)
    return made


def test_a_console(machine: Machine) -> None:
    assert machine.seen() == HERE


@pytest.mark.parametrize(
    "name", ["sshd", "sshd-session", "dropbear", "mosh-server", "xrdp-sesman", "in.telnetd", "sshd: ada"]
)
def test_a_server_among_the_ancestors(machine: Machine, name: str) -> None:
    machine.process("30", name, 1)
    assert machine.seen() == REMOTE


@pytest.mark.parametrize("exe", ["/usr/sbin/sshd", "/usr/sbin/sshd (deleted)", "/usr/lib/openssh/sshd-session"])
def test_a_server_that_renamed_itself(machine: Machine, exe: str) -> None:
    machine.process("30", "innocent", 1, exe)
    assert machine.seen() == REMOTE


@pytest.mark.parametrize("name", ["sshd-helper-of-mine", "xsshd", "ssh-agent", ") sshd"])
def test_names_that_only_look_like_one(machine: Machine, name: str) -> None:
    machine.process("30", name, 1)
    assert machine.seen() == HERE


def test_brackets_in_a_name_hide_no_parent(machine: Machine) -> None:
    machine.process("40", "x) S 1 (y", 30)
    machine.process("30", "sshd", 1)
    assert machine.seen() == REMOTE


def test_an_unknown_ancestor_is_remote(machine: Machine) -> None:
    machine.process("40", "bash", 31)
    assert machine.seen() == REMOTE


def test_a_circle_ends(machine: Machine) -> None:
    machine.process("30", "bash", 40)
    assert machine.seen() == REMOTE


@pytest.mark.parametrize("text", ["", "900", "900 (sudo", "900 sudo) S 40", "900 (sudo) S", "x" * 9000])
def test_an_unreadable_process_is_remote(machine: Machine, text: str) -> None:
    (machine.proc / "self" / "stat").write_text(text)
    assert machine.seen() == REMOTE


def test_sessions_of_logind(machine: Machine) -> None:
    machine.session("3", UID="1000", REMOTE="0", ACTIVE="1")
    assert machine.seen() == HERE
    machine.session("3", UID="1000", REMOTE="1", ACTIVE="1", SERVICE="sshd")
    assert machine.seen() == REMOTE


def test_a_session_that_is_over_is_remote(machine: Machine) -> None:
    """As that of a terminal multiplexer begun over a network."""
    machine.session("4", UID="1000", REMOTE="0", ACTIVE="1")
    assert machine.seen() == REMOTE


def test_a_session_without_a_word_on_it_is_remote(machine: Machine) -> None:
    machine.session("3", UID="1000", ACTIVE="1")
    assert machine.seen() == REMOTE


def test_programs_of_the_user_manager(machine: Machine) -> None:
    machine.cgroup("/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope")
    machine.session("3", UID="1000", REMOTE="1", ACTIVE="1")
    machine.session("4", UID="1001", REMOTE="0", ACTIVE="1")
    machine.session("5", UID="1000", REMOTE="0", ACTIVE="0")
    assert machine.seen() == REMOTE
    machine.session("6", UID="1000", REMOTE="0", ACTIVE="1")
    assert machine.seen() == HERE


def test_services_have_no_session(machine: Machine) -> None:
    machine.cgroup("/system.slice/gdm.service")
    machine.session("3", UID="1000", REMOTE="1", ACTIVE="1")
    assert machine.seen() == HERE


def test_no_cgroup_although_there_is_logind(machine: Machine) -> None:
    machine.session("3", UID="1000", REMOTE="0", ACTIVE="1")
    (machine.proc / "self" / "cgroup").unlink()
    assert machine.seen() == REMOTE


@pytest.mark.parametrize("host", ["example.org", "10.1.2.3", "127.0.0.1.example.org", "::2", "LOCALHOST "])
def test_other_hosts(pam_tools: Path, host: str) -> None:
    assert _asked(pam_tools, "host", host) == REMOTE


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "::1"])
def test_this_host(pam_tools: Path, host: str) -> None:
    assert _asked(pam_tools, "host", host) == HERE


@pytest.mark.parametrize(
    ("terminal", "where"),
    [
        *[("ssh", REMOTE), ("desk:0", REMOTE), (":0", HERE), ("unix:0", HERE)],
        *[("/dev/tty1", HERE), ("", HERE), ("cron", HERE)],
    ],
)
def test_terminals(pam_tools: Path, terminal: str, where: str) -> None:
    assert _asked(pam_tools, "terminal", terminal) == where


def _asked(pam_tools: Path, kind: str, name: str) -> str:
    command = [str(pam_tools / "whereabouts"), kind, name]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
