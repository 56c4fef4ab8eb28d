"""The life of the server: address, start, shutdown."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from streamauth.errors import CannotListen, ModelMissing
from streamauth.protocol.messages import is_loopback, url_of
from streamauth.server.hosting import serve, serve_until
from streamauth.store.api_keys import Scope
from streamauth.store.store import Store
from tests.fakes import FakeEncoder
from tests.server.rig import ADA, AUDIO, BOB, PHRASE, Peer, application, settings, spoken
from tests.serving import serving


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_addresses_are_allowed(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "192.168.1.5", "8.8.8.8", "localhost.example.org", "::ffff:10.0.0.1"],  # noqa: S104
)
def test_other_addresses_need_an_api_key(tmp_path: Path, host: str) -> None:
    assert not is_loopback(host)
    with application(tmp_path, settings(host=host)) as watched:
        refused = pytest.raises(CannotListen, match="no API key")
        with refused, serving(watched, watched.settings):
            pytest.fail("it listens")
        # one that is revoked lets nobody in
        revoked, _ = watched.store.api_keys.create("backend", [Scope.VERIFY])
        watched.store.api_keys.revoke(revoked.id)
        with refused, serving(watched, watched.settings):
            pytest.fail("it listens")


def test_with_an_api_key_other_addresses_are_listened_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with application(tmp_path, settings(host="0.0.0.0")) as watched:  # noqa: S104
        _, key = watched.store.api_keys.create("backend", [Scope.VERIFY])
        with serving(watched, watched.settings) as url:
            assert "without TLS" in caplog.text
            with Peer(url, additional_headers={"Authorization": f"Bearer {key}"}) as peer:
                peer.start()
            with Peer(url) as peer:
                peer.say(type="start", version=1, mode="verify", name="ada", audio=AUDIO)
                assert peer.last() == ("unauthorized", 4401)


@pytest.mark.parametrize("host", ["localhost.example.org", ""])
def test_a_host_name_is_not_looked_up(tmp_path: Path, host: str) -> None:
    with application(tmp_path, settings(host=host)) as watched:
        watched.store.api_keys.create("backend", [Scope.VERIFY])
        refused = pytest.raises(CannotListen, match="IP address")
        with refused, serving(watched, watched.settings):
            pytest.fail("it listens")


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"tls_certificate": "missing.pem"}, "certificate"), ({"trusted_proxies": "10.0.0.1, nginx"}, "addresses")],
)
def test_settings_that_cannot_be_used(tmp_path: Path, setting: dict[str, str], message: str) -> None:
    with application(tmp_path, settings(**setting)) as watched:
        refused = pytest.raises(CannotListen, match=message)
        with refused, serving(watched, watched.settings):
            pytest.fail("it listens")


def test_the_url_of_an_address() -> None:
    assert url_of("127.0.0.1", 7) == "ws://127.0.0.1:7/v1/stream"
    assert url_of("::1", 7, secure=True) == "wss://[::1]:7/v1/stream"


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with application(tmp_path, settings(port=port)) as watched:
            refused = pytest.raises(CannotListen)
            with refused, serving(watched, watched.settings):
                pytest.fail("it listens")


def test_models_are_loaded_before_the_first_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with application(tmp_path) as watched:
        with serving(watched, watched.settings):
            assert watched.engines.loads > 0  # type: ignore[attr-defined]

        def missing(*, with_words: bool) -> None:
            raise ModelMissing

        monkeypatch.setattr(watched.engines, "models", missing)
        with pytest.raises(ModelMissing), serving(watched, watched.settings):
            pytest.fail("it listens")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("streamauth-")]


def test_sessions_leave_no_task(tmp_path: Path) -> None:
    async def check() -> None:
        stop = asyncio.Event()
        urls: asyncio.Queue[str] = asyncio.Queue()
        with application(tmp_path) as watched:
            running = asyncio.create_task(serve_until(stop, watched, watched.settings, urls.put_nowait))
            url = await urls.get()
            before = asyncio.all_tasks()
            start = json.dumps(
                {
                    "type": "start",
                    "version": 1,
                    "mode": "verify",
                    "name": "ada",
                    "audio": {"rate": 16_000, "channels": 1, "encoding": "s16le"},
                }
            )
            end = '{"type":"end"}'
            states: list[list[str | bytes]] = [[], [start], [start, bytes(3200)], [start, end], ["nonsense"]]
            for messages in states:
                for politely in (True, False):
                    socket = await connect(url, proxy=None)
                    for message in messages:
                        await socket.send(message)
                    if politely:
                        await socket.close()
                    else:
                        socket.transport.abort()
            deadline = time.monotonic() + 60
            while asyncio.all_tasks() != before or watched.unclosed:
                assert time.monotonic() < deadline, asyncio.all_tasks() - before
                await asyncio.sleep(0.01)
            stop.set()
            await running

    asyncio.run(check())


def test_running_sessions_may_end_within_the_grace(tmp_path: Path) -> None:
    with application(tmp_path, settings(shutdown_grace_s=5)) as watched:
        ends: list[tuple[str, int | None]] = []

        def go_on() -> None:
            peer.send(spoken(PHRASE, ADA)[16_000:])
            ends.append(peer.last())

        with serving(watched, watched.settings) as url:
            peer = Peer(url)
            peer.start()
            peer.send(spoken(PHRASE, ADA)[:16_000])
            late = threading.Timer(0.2, go_on)
            late.start()
        late.join()
        assert ends == [("accept", 1000)]
        with pytest.raises(OSError, match="refused"):
            Peer(url)


def test_sessions_that_do_not_end_are_told(tmp_path: Path) -> None:
    with application(tmp_path, settings(shutdown_grace_s=0.1)) as watched:
        with serving(watched, watched.settings) as url:
            waiting, started = Peer(url), Peer(url)
            started.start()
        assert waiting.last() == ("server_stopping", 1001)
        assert started.last() == ("server_stopping", 1001)
        assert not watched.unclosed


def test_an_interrupt_stops_the_server_and_nothing_else(tmp_path: Path) -> None:
    former = signal.getsignal(signal.SIGINT)
    told: list[tuple[str, int | None]] = []

    def interrupt(url: str) -> None:
        with Peer(url) as peer:
            peer.start()
            os.kill(os.getpid(), signal.SIGINT)
            told.append(peer.last())

    with application(tmp_path, settings(shutdown_grace_s=0)) as watched:
        clients: list[threading.Thread] = []

        def ready(url: str) -> None:
            clients.append(threading.Thread(target=interrupt, args=(url,)))
            clients[0].start()

        serve(watched, watched.settings, ready)
        clients[0].join()
    assert told == [("server_stopping", 1001)]
    assert signal.getsignal(signal.SIGINT) is former


SCRIPT = """
import sys
from pathlib import Path
from streamauth.server.hosting import serve
from tests.server.rig import BOB, HangingEncoder, application, settings
with application(Path(sys.argv[1]), settings(shutdown_grace_s=0.1), HangingEncoder(BOB)) as watched:
    serve(watched, watched.settings, lambda url: print(url, flush=True))
    print("stopped", flush=True)
"""


@contextmanager
def process_of_its_own(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server in another process, its URL and the process."""
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


@pytest.mark.system
def test_a_signal_ends_the_process_even_where_an_engine_hangs(tmp_path: Path) -> None:
    with process_of_its_own(tmp_path) as (url, process):
        with Peer(url) as peer:
            peer.start(name="bob")
            peer.send(spoken(PHRASE, BOB))
            while peer.hear()["type"] != "speech_started":
                pass
            process.send_signal(signal.SIGTERM)
            assert peer.last() == ("server_stopping", 1001)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(60) == 0


@pytest.mark.system
def test_a_killed_server_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    with process_of_its_own(tmp_path) as (url, process), Peer(url) as enrolling, Peer(url) as verifying:
        enrolling.start("enroll", name="eve", phrase=PHRASE)
        enrolling.send(spoken(PHRASE, ADA))
        enrolling.say(type="end_utterance")
        while enrolling.hear()["type"] != "utterance_taken":
            pass
        enrolling.send(spoken(PHRASE, ADA)[:32_000])
        verifying.start(name="ada")
        verifying.send(spoken(PHRASE, ADA)[:60_000])
        while verifying.hear()["type"] != "score":
            pass
        process.kill()
        assert [enrolling.last()[1], verifying.last()[1]] == [1006, 1006]
    with closing(Store.open(tmp_path / "home", settings().store, {})) as store:
        eve = store.profiles.get("eve")
        assert eve.phrase == PHRASE
        assert len(store.enrollments.of(eve.id, FakeEncoder.id)) == 1
        assert store.profiles.summaries(name="ada")[0].failures == 1
