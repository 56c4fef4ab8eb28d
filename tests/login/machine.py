"""A machine of its own for logins: namespaces of mounts and processes with private users, PAM files and /run.

Nothing outside is changed: what is written to /etc/pam.d and the like is written to copies that end with the namespace.
"""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamauth.login.pam_switch import PROFILE
from tests.login.pam_rig import build
from tests.login.rig import OTHER, OWNER, spoken

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse"
LOGIN = (sys.executable, "-m", "streamauth", "login")
USERS = {"ada": (4001, OWNER), "bob": (4002, OTHER)}
"""Name, number, voice."""

_SETUP = """
set -e
private={folder}/private
mkdir -p $private
for dir in /etc/pam.d /var/lib/pam /var/cache/debconf /usr/share/pam-configs {security}; do
  copy=$private/$(echo $dir | tr / _)
  cp -a $dir $copy
  mount --bind $copy $dir
done
for file in passwd shadow group gshadow sudoers; do
  cp -a /etc/$file $private/$file
  mount --bind $private/$file /etc/$file
done
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/sshd
{users}
echo 'ada ALL=(ALL) ALL' >> /etc/sudoers
echo 'Defaults timestamp_timeout=0, !lecture, passwd_tries=1' >> /etc/sudoers
cp {module} {security}/pam_streamauth.so
chmod 644 {security}/pam_streamauth.so
echo ready > {folder}/ready
exec sleep infinity
"""
_USER = """
echo '{name}:x:{uid}:{uid}::{home}:/bin/bash' >> /etc/passwd
echo '{name}:x:{uid}:' >> /etc/group
echo '{name}:{password}:19000:0:99999:7:::' >> /etc/shadow
mkdir -p {home}
chown {uid}:{uid} {home}
"""


def missing() -> list[str]:
    """What these tests need and this machine lacks."""
    tools = ("make", "cc", "sudo", "su", "unshare", "nsenter", "setsid", "openssl", "pam-auth-update", "ssh", "sshd")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    lacking = [tool for tool in tools if shutil.which(tool, path=path) is None]
    return lacking if os.geteuid() == 0 else [*lacking, "root"]


@dataclass
class Outcome:
    """How a command ended.

    Attributes:
        code: Its exit code.
        text: What the terminal showed.
        after_speech_s: From the end of the words to the end of the command; None if nothing was said.
    """

    code: int
    text: str
    after_speech_s: float | None = None


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command: Sequence[str]) -> None:
        self._master, slave = os.openpty()
        # setsid makes the terminal its controlling one, which sudo reads passwords from
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command], stdin=slave, stdout=slave, stderr=slave, close_fds=True
        )
        os.close(slave)
        self.text = ""

    def wait_for(self, pattern: str, seconds: float = 20.0) -> re.Match[str]:
        """Read until something is shown."""
        deadline_s = time.monotonic() + seconds
        while (found := re.search(pattern, self.text)) is None:
            if not self._read(deadline_s):
                raise AssertionError(f"{pattern!r} was not shown but: {self.text!r}")
        return found

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        os.write(self._master, line.encode() + b"\n")

    def end(self, seconds: float = 30.0) -> Outcome:
        """Read until it ends."""
        deadline_s = time.monotonic() + seconds
        while self._read(deadline_s):
            pass
        try:
            code = self._process.wait(max(0.5, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
            os.close(self._master)
            raise AssertionError(f"it did not end but showed: {self.text!r}") from None
        os.close(self._master)
        return Outcome(code, self.text.replace("\r", ""))

    def _read(self, deadline_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            return False
        try:
            got = os.read(self._master, 4096)
        except OSError:  # the other end is closed
            return False
        self.text += got.decode(errors="replace")
        return bool(got)


@dataclass
class Machine:
    """The machine.

    Attributes:
        folder: Its files.
        holder: The process that holds its namespaces.
    """

    folder: Path
    holder: int
    _entered: "subprocess.Popen[bytes] | None" = None
    _daemon: int = 0
    _options: tuple[str, ...] | None = None

    def inside(self, *command: str) -> list[str]:
        """A command, to be run inside as root."""
        return ["nsenter", "-t", str(self.holder), "-m", "-p", f"--wd={ROOT}", "--", *command]

    def run(self, *command: str, check: bool = True, timeout: float = 60) -> str:
        """Run a command inside as root; what it prints."""
        ended = subprocess.run(
            self.inside(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout
        )
        assert not check or ended.returncode == 0, ended.stdout
        return ended.stdout

    def terminal(self, *command: str, user: str = "ada") -> Terminal:
        """Run a command inside on a terminal, as a user."""
        return Terminal(self.inside("runuser", "-u", user, "--", *command))

    def microphone(self, **control: object) -> None:
        """What the microphone does at its next openings; see ``tests.login.sudo_daemon``."""
        fresh = self.folder / "control.new"
        fresh.write_text(json.dumps(control))
        fresh.replace(self.folder / "control.json")

    def say(self, text: str, speaker: int = OWNER, **control: object) -> float:
        """Have the microphone hear words; how long they take, in seconds."""
        audio = spoken(text, speaker)
        (self.folder / "next.pcm").write_bytes(audio)
        self.microphone(pcm=str(self.folder / "next.pcm"), **control)
        return len(audio) / 32_000

    def login(
        self, *command: str, say: str | None = None, speaker: int = OWNER, then: Sequence[str] = (), user: str = "ada"
    ) -> Outcome:
        """Run a command that asks for a voice, say the digits, and type what is asked for afterwards."""
        terminal = self.terminal(*command, user=user)
        asked = terminal.wait_for(r"press Enter and say: (?:your pass phrase)?([0-9 ]*)")[1].strip()
        self.say(say if say is not None else asked, speaker)
        # the last word ends before the pause that follows it
        spoken_s = (0.4 + 0.42 * len((say or asked).split())) if (say or asked) else 0.0
        terminal.text = ""
        terminal.type("")
        began_s = time.monotonic()
        for line in then:
            terminal.wait_for(r"[Pp]assword")
            terminal.text = ""
            terminal.type(line)
        outcome = terminal.end()
        outcome.after_speech_s = time.monotonic() - began_s - spoken_s
        return outcome

    def failures(self, user: str = "ada") -> int:
        """Failed attempts that the daemon counts."""
        printed = self.run(*LOGIN, "status", "--json", "--user", user)
        failures: int = json.loads(printed.splitlines()[-1])["failures"]
        return failures

    def use_daemon(self, *options: str) -> int:
        """Have a daemon run, the one that runs where it was started with the same options; its process."""
        if self._options == options:
            return self._daemon
        self.microphone()
        self.use_command(sys.executable, "-m", "tests.login.sudo_daemon", str(self.folder), *options)
        self._options = options
        return self._daemon

    def use_command(self, *command: str) -> None:
        """Have another daemon run."""
        self.stop_daemon()
        log = self.folder / "daemon.log"
        with log.open("ab") as file:
            self._entered = subprocess.Popen(self.inside(*command), cwd=ROOT, stdout=file, stderr=file)
        deadline_s = time.monotonic() + 60
        while "services" not in self.run(*LOGIN, "status", "--user", "ada", check=False):
            assert self._entered.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        self._daemon = _only_child(self._entered.pid)

    def stop_daemon(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the daemon that runs, if one does."""
        if self._entered is not None:
            if self._entered.poll() is None:
                os.kill(self._daemon, number)
            self._entered.wait(20)
        self._entered, self._options = None, None


def _only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextmanager
def machine(folder: Path, *, in_stack: bool = True) -> Iterator[Machine]:
    """A machine with the users of USERS and the module, by default in the stack of all services."""
    folder.chmod(0o755)
    module = build(folder / "build", "pam_streamauth.so") / "pam_streamauth.so"
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True
    ).stdout.strip()
    users = "".join(
        _USER.format(name=name, uid=uid, password=hashed, home=f"/run/home/{name}") for name, (uid, _) in USERS.items()
    )
    security = next(iter(sorted(Path("/usr/lib").glob("*/security/pam_unix.so")))).parent
    script = folder / "setup.sh"
    script.write_text(_SETUP.format(folder=folder, security=security, users=users, module=module))
    holder = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", str(script)],
        stdin=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + 30
        while not (folder / "ready").exists():
            assert holder.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        made = Machine(folder, _only_child(holder.pid))
        if in_stack:
            made.run("sh", "-c", f"cat > /usr/share/pam-configs/streamauth <<'E'\n{PROFILE}E")
            made.run("env", "DEBIAN_FRONTEND=noninteractive", "pam-auth-update", "--package", "--enable", "streamauth")
        try:
            yield made
        finally:
            made.stop_daemon()
    finally:
        holder.kill()  # its child, the first process inside, goes with it
        holder.wait(10)
