"""Started by systemd: the socket it listens on, readiness, watchdog, and a clean end."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streamauth.login.client import LoginClient

pytestmark = pytest.mark.system

# the first descriptor of systemd is 3
_PROGRAM = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid()); "
    "os.execv(sys.argv[2], sys.argv[2:])"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_of_systemd(tmp_path: Path, number: signal.Signals) -> None:
    path, notify_path = tmp_path / "login.sock", tmp_path / "notify"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
    ):
        notify.bind(str(notify_path))
        notify.settimeout(60)
        listener.bind(str(path))
        listener.listen(8)
        environment = os.environ | {
            "STREAMAUTH_HOME": str(tmp_path / "home"),
            "NOTIFY_SOCKET": str(notify_path),
            "LISTEN_FDS": "1",
            "WATCHDOG_USEC": "900000",
        }
        number_of = str(listener.fileno())
        command = [sys.executable, "-c", _PROGRAM, number_of, sys.executable, "-m", "streamauth", "login", "daemon"]
        process = subprocess.Popen(command, env=environment, pass_fds=(listener.fileno(),), stderr=subprocess.PIPE)
        try:
            assert notify.recv(100) == b"READY=1"
            assert notify.recv(100) == b"WATCHDOG=1"
            with LoginClient(path) as client:
                assert client.status(_me())["enrolled"] is False
            process.send_signal(number)
            while (told := notify.recv(100)) == b"WATCHDOG=1":
                pass
            assert told == b"STOPPING=1"
            _, errors = process.communicate(timeout=30)
            assert process.returncode == 0, errors
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
    assert path.exists()  # it is systemd's


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
