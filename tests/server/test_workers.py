"""Several server processes on one address, and their supervisor."""

import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from streamauth.errors import CannotListen, ModelMissing
from streamauth.server.hosting import listen
from streamauth.server.place import Board, Place
from streamauth.server.workers import serve_by_workers
from tests.server.rig import ADA, PHRASE, Peer, application, settings, spoken, until
from tests.server.test_tls import make_certificate
from tests.server.web import Web

pytestmark = pytest.mark.system

SCRIPT = """
import logging, sys
from pathlib import Path
from streamauth.server.hosting import listen, serve
from streamauth.server.workers import serve_by_workers
from tests.server.rig import Watched, settings
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
home, certificate = Path(sys.argv[1]), sys.argv[2]
configured = settings(workers=2, tls_certificate=certificate, shutdown_grace_s=20)
def work(place):
    watched = Watched(home, configured)
    serve(watched, configured, place.ready, place=place)
    watched.close()
serve_by_workers(configured.server, listen(configured.server), work, lambda url: print(url, flush=True))
print("stopped", flush=True)
"""
ROOT = Path(__file__).resolve().parents[2]


class Served:
    """A server of two workers."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.web = Web(url)
        self._log = log

    @property
    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(child) for child in children.split()}

    @property
    def log(self) -> str:
        return self._log.read_text()

    def figure(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.web("GET", "/metrics").body.decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0


@contextmanager
def served(folder: Path, certificate: Path | None = None) -> Iterator[Served]:
    with application(folder):
        pass
    command = [sys.executable, "-c", SCRIPT, str(folder / "home"), str(certificate or "")]
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    log = folder / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=environment
        ) as process,
    ):
        assert process.stdout is not None
        running = Served(process, process.stdout.readline().strip(), log)
        try:
            assert running.url, running.log
            yield running
        finally:
            workers = running.workers if process.poll() is None else set()
            process.kill()
            for worker in workers:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)


def test_workers_share_the_work_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        before = running.workers
        assert len(before) == 2
        with Peer(running.url) as one, Peer(running.url) as other:
            for peer in (one, other):
                peer.start()
                peer.send(spoken(PHRASE, ADA)[:32_000])
            # whichever worker is asked, it tells of both
            until(lambda: running.figure("streamauth_sessions") == 2)
            os.kill(min(before), signal.SIGKILL)
            # they were shared out: one is lost, the other goes on to its accept
            for peer in (one, other):
                peer.send(spoken(PHRASE, ADA)[32_000:])
            assert sorted([str(one.last()[1]), str(other.last()[1])]) == ["1000", "1006"]
        until(lambda: len(running.workers) == 2 and min(before) not in running.workers)
        until(lambda: running.web("GET", "/readyz").json["missing_workers"] == 0)
        with Peer(running.url) as one, Peer(running.url) as other:
            for peer in (one, other):
                peer.start()
                peer.send(spoken(PHRASE, ADA))
                assert peer.last() == ("accept", 1000)
        # the sums of both, and of the one that is gone
        assert running.figure('streamauth_sessions_ended_total{mode="verify",outcome="accept"}') == 3
        until(lambda: running.figure("streamauth_sessions") == 0)
        assert "ended (-9); a new one is started" in running.log


def test_a_stop_lets_sessions_of_all_workers_end(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        with Peer(running.url) as one, Peer(running.url) as other:
            for peer in (one, other):
                peer.start()
                peer.send(spoken(PHRASE, ADA)[:32_000])
            running.process.send_signal(signal.SIGTERM)
            until(lambda: running.log.count("stopping with 1 sessions") == 2)
            with pytest.raises(OSError, match="refused"):
                Peer(running.url)
            for peer in (one, other):
                peer.send(spoken(PHRASE, ADA)[32_000:])
                assert peer.last() == ("accept", 1000)
        assert running.process.wait(60) == 0
        assert running.process.stdout is not None
        assert running.process.stdout.read() == "stopped\n"


def test_a_hangup_renews_the_certificate_of_all_workers_and_none_outlives_the_supervisor(tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    make_certificate(path)
    with served(tmp_path, path) as running:
        host, port = "127.0.0.1", int(running.url.rpartition(":")[2].partition("/")[0])
        old = ssl.get_server_certificate((host, port))
        make_certificate(path)
        running.process.send_signal(signal.SIGHUP)
        until(lambda: running.log.count("the certificate was read again") == 2)
        assert old not in {ssl.get_server_certificate((host, port)) for _ in range(4)}
        workers = running.workers
        running.process.kill()
        for worker in workers:
            until(lambda worker=worker: not Path(f"/proc/{worker}").exists() or _is_dead(worker))  # type: ignore[misc]


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_what_keeps_workers_from_starting_is_told() -> None:
    limits = settings(workers=2).server

    def work(place: Place) -> None:
        raise ModelMissing

    with pytest.raises(ModelMissing):
        serve_by_workers(limits, listen(limits), work, lambda url: pytest.fail("it serves"))


def test_several_workers_need_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    limits = settings(workers=2).server
    with listen(limits) as listening, pytest.raises(CannotListen, match="Linux"):
        serve_by_workers(limits, listening, lambda place: None, lambda url: None)


def test_the_worker_with_the_fewest_connections_is_next() -> None:
    board = Board(3)
    for number in (0, 1):
        board.begin(number)
    board.note(0, 2)
    assert [board.is_least(1, load) for load in (1, 2, 3)] == [True, True, False]
    assert board.is_least(0, 0)
    assert board.serving() == 2
    board.clear(0)
    assert board.is_least(1, 50), "nobody else serves"
    assert board.silent_s(0) == 0
    assert board.silent_s(1) < 3600
