"""What tests of the PAM module share: builds of it, a daemon that follows a script, pamtester in its wrapper."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

SOURCES = Path(__file__).resolve().parents[2] / "packaging" / "pam"
WRAPPER = "libpam_wrapper.so"
PASSWORD = "correct horse"

SUCCESS = "successfully authenticated"
AUTH_ERR = "Authentication failure"
UNAVAILABLE = "Authentication service cannot retrieve authentication info"
MAXTRIES = "Have exhausted maximum number of retries for service"
NOT_TRIED = "Permission denied"

Answer = dict[str, Any] | bytes
Step = Callable[[dict[str, Any]], Sequence[Answer]]


def build(out: Path, *targets: str, defines: Sequence[str] = ()) -> Path:
    """Build targets of the module's Makefile into a folder."""
    command = ["make", "-s", "-C", str(SOURCES), f"OUT={out}", "DEFINES=" + " ".join(defines)]
    subprocess.run([*command, *(str(out / target) for target in targets)], check=True, timeout=120)
    return out


def missing() -> list[str]:
    """The programs that these tests need and this machine lacks."""
    tools = [tool for tool in ("make", "cc", "pamtester", "valgrind") if shutil.which(tool) is None]
    headers = [] if Path("/usr/include/security/pam_modules.h").exists() else ["libpam0g-dev"]
    wrappers = list(Path("/usr/lib").glob(f"*/{WRAPPER}"))
    return tools + headers + ([] if wrappers else ["libpam-wrapper"])


def _line(lines: BinaryIO) -> bytes:
    try:
        return lines.readline(2000)
    except ConnectionResetError:  # it left without reading what it was sent
        return b""


class ScriptedDaemon:
    """Answers each line by the next step of a script; hangs up at its end.

    Attributes:
        path: Of its socket.
        heard: Every request.
        hung_up: Set once the module closed the connection.
    """

    def __init__(self, folder: Path, *steps: Step, linger: bool = False) -> None:
        folder.mkdir(mode=0o755, exist_ok=True)
        self.path = folder / "login.sock"
        self.heard: list[dict[str, Any]] = []
        self.hung_up = threading.Event()
        self._steps = steps
        self._linger = linger
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(1)
        self._listener.settimeout(10)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "ScriptedDaemon":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._listener.close()
        self._thread.join(timeout=15)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.settimeout(10)
        with connection, connection.makefile("rb") as lines:
            for step in self._steps:
                line = _line(lines)
                if not line:
                    self.hung_up.set()
                    return
                request = json.loads(line)
                self.heard.append(request)
                try:
                    for answer in step(request):
                        connection.sendall(answer if isinstance(answer, bytes) else line_of(answer))
                except (BrokenPipeError, ConnectionResetError):
                    self.hung_up.set()
                    return
            if self._linger and not _line(lines):
                self.hung_up.set()


def line_of(answer: dict[str, Any]) -> bytes:
    """An answer as it goes over the socket."""
    return json.dumps(answer).encode() + b"\n"


@dataclass
class Login:
    """One run of pamtester.

    Attributes:
        text: What it printed, prompts included.
        wall_s: How long it took.
    """

    text: str
    wall_s: float


@dataclass
class Pam:
    """Runs pamtester against services of a private folder.

    Attributes:
        folder: Holds services, sockets and users.
        module: The module under test.
    """

    folder: Path
    module: Path
    wrapper: Sequence[str] = field(default_factory=tuple)

    def service(self, name: str, *lines: str) -> None:
        """Write a service."""
        services = self.folder / "pam.d"
        services.mkdir(exist_ok=True)
        (services / name).write_text("".join(f"auth {line}\n" for line in lines))

    def login(self, service: str, *typed: str, user: str = "ada", items: Sequence[str] = ()) -> Login:
        """Authenticate, with the lines that a person types."""
        environment = {
            **os.environ,
            "LD_PRELOAD": WRAPPER,
            "PAM_WRAPPER": "1",
            "PAM_WRAPPER_SERVICE_DIR": str(self.folder / "pam.d"),
        }
        options = [f"-I{item}" for item in items]
        began = time.monotonic()
        ended = subprocess.run(
            [*self.wrapper, "pamtester", *options, service, user, "authenticate"],
            input="".join(f"{line}\n" for line in typed),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return Login(ended.stdout, time.monotonic() - began)


def prompt(request: dict[str, Any], say: str = "4 7 1 9", **more: Any) -> list[Answer]:
    """The daemon lets the person try."""
    return [{"type": "prompt", "id": request["id"], "say": say, "after_phrase": False, "v": 1, **more}]


def verdict(verdict: str, **more: Any) -> Step:
    """The daemon listens and decides."""
    return lambda request: [
        {"type": "listening", "id": request["id"]},
        {"type": "verdict", "id": request["id"], "verdict": verdict, **more},
    ]


def refused(code: str, message: str = "") -> Step:
    """The daemon refuses."""
    return lambda request: [{"type": "refused", "id": request["id"], "code": code, "message": message}]
