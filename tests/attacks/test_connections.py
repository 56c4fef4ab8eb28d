"""Attack: connections that are opened and left, to keep others out or to fill the log."""

import logging
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.attacks.rig import asked, attacked, connected, place_of
from tests.server.rig import until
from tests.server.test_tls import certificate as certificate
from tests.server.test_tls import make_certificate


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


def is_closed(peer: socket.socket) -> bool:
    peer.setblocking(False)
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_flood_of_tls_handshakes_keeps_nobody_out(
    tmp_path: Path, certificate: Path, trusting: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with attacked(tmp_path, {"server": {"tls_certificate": str(certificate)}}) as (url, _), ExitStack() as stack:
        for number in range(1150):
            with suppress(OSError):
                stack.enter_context(connected(url, f"127.0.0.{2 + number % 5}"))
        for source in ("127.0.0.2", "127.0.0.9"):
            status, headers, _ = asked(url, "GET", "/healthz", source=source, tls=trusting)
            assert status == 200
            assert headers["strict-transport-security"] == "max-age=31536000"
    assert len(caplog.text) < 20_000
    assert len([line for line in caplog.text.splitlines() if "no room" in line]) <= 1


def test_a_handshake_that_does_not_go_on_is_ended(tmp_path: Path, certificate: Path) -> None:
    server = {"tls_certificate": str(certificate), "tls_handshake_s": 0.5}
    with attacked(tmp_path, {"server": server}) as (url, _), connected(url) as peer:
        peer.sendall(b"\x16\x03\x01")
        until(lambda: is_closed(peer))


def test_one_address_has_its_share_of_connections(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, _), ExitStack() as stack:
        peers = [stack.enter_context(connected(url, "127.0.0.2")) for _ in range(200)]
        until(lambda: sum(map(is_closed, peers)) >= 200 - 128)
        assert not any(map(is_closed, peers[-100:]))  # the oldest gave way
        assert asked(url, "GET", "/healthz", source="127.0.0.2")[0] == 200


@pytest.mark.system
def test_without_descriptors_the_server_rests_and_says_so_once(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from streamauth.server.hosting import serve
from streamauth.settings import Settings
from tests.server.rig import application
import logging
logging.basicConfig(level=logging.INFO)
settings = Settings().with_values({"server": {"port": 0}}, "attack")
with application(Path(sys.argv[1]), settings) as watched:
    def ready(url):
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        print(url, flush=True)
    serve(watched, settings, ready)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(connected(url))
        time.sleep(1.0)
    until(lambda: asked(url, "GET", "/healthz")[0] == 200, 60)
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=60)
    assert 1 <= log.count("no room") <= 2
    assert "Traceback" not in log


@pytest.fixture
def served_over_tls(tmp_path: Path) -> Iterator[tuple[str, Path, subprocess.Popen[str]]]:
    path = tmp_path / "server.pem"
    make_certificate(path)
    code = """
import sys
from pathlib import Path
from streamauth.server.hosting import serve
from streamauth.settings import Settings
from tests.server.rig import application
settings = Settings().with_values({"server": {"port": 0, "tls_certificate": sys.argv[2]}}, "attack")
with application(Path(sys.argv[1]), settings) as watched:
    serve(watched, settings, lambda url: print(url, flush=True))
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip(), path, process
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.mark.system
def test_a_hangup_reads_the_certificate_again(served_over_tls: tuple[str, Path, subprocess.Popen[str]]) -> None:
    url, path, process = served_over_tls

    def shown() -> str:
        return ssl.get_server_certificate(place_of(url))

    first = shown()
    path.write_text("no certificate")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert shown() == first  # what cannot be read changes nothing
    make_certificate(path)
    process.send_signal(signal.SIGHUP)
    until(lambda: shown() != first)
