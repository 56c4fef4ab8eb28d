"""What the tests of the server share: a real application on fake engines, and peers that do as they like."""

import asyncio
import atexit
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Self, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.ports import PhraseRecognizer
from streamauth.core.sessions.base import Models
from streamauth.engines.loader import Engines
from streamauth.server import pool
from streamauth.server.access import Access
from streamauth.server.changes import Changes
from streamauth.server.context import Context
from streamauth.server.metrics import Metrics
from streamauth.server.pool import WorkerPool
from streamauth.server.sessions import Sessions
from streamauth.server.verdicts import Verdicts
from streamauth.service.authenticator import (
    Attempt,
    Authenticator,
    EnrollmentAttempt,
    IdentificationAttempt,
    VerificationAttempt,
)
from streamauth.settings import Settings
from streamauth.store.records import EnrollmentRecord, ProfileKind
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, fake_models, pause, pcm, say, voiceprint
from tests.serving import serving

PHRASE = "open the front door please"
OTHER_PHRASE = "close the window please"
UNUSUAL_PHRASE = "open the door kelvandro please"
FORMAT = AudioFormat(16_000)
AUDIO = {"rate": 16_000, "channels": 1, "encoding": "s16le"}
START: dict[str, Any] = {"type": "start", "version": 1, "mode": "verify", "name": "ada", "audio": AUDIO}
ADA, BOB, STRANGER = 1, 2, 5

AnyAttempt = TypeVar("AnyAttempt", bound=Attempt[Any])


def settings(**server: Any) -> Settings:
    """Settings for tests: a free port, no lock-out, everything told, and the given ones of the server."""
    access = {"disclosure": "number"} | server.pop("access", {})
    sections = {
        "server": {"port": 0, "call_timeout_s": 300.0, **server},
        "access": access,
        "attempts": {"free_failures": 1000, "lock_after": 10_000},
        "replay": {"refuse": False},
    }
    return Settings().with_values(sections, "tests")


def spoken(words: str, speaker: int) -> bytes:
    """Words with silence around them, 16-bit at 16 kHz."""
    return pcm(pause(0.4), say(words, speaker), pause(0.8))


class HangingEncoder(FakeEncoder):
    """Hangs on the voice of one speaker until it is let go."""

    def __init__(self, speaker: int) -> None:
        super().__init__()
        self._voice = voiceprint(speaker)
        self.hanging = threading.Semaphore(0)
        self.let_go = threading.Event()

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        embeddings = super().embed(windows)
        if float(embeddings[0] @ self._voice) > 0.9:
            self.hanging.release()
            self.let_go.wait()
        return embeddings


class NanEncoder(FakeEncoder):
    """Gives NaN for the voice of one speaker."""

    def __init__(self, speaker: int) -> None:
        super().__init__()
        self._voice = voiceprint(speaker)

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        embeddings = super().embed(windows)
        return embeddings * np.float32("nan") if float(embeddings[0] @ self._voice) > 0.9 else embeddings


class FakeEngines(Engines):
    """The engines, all fake."""

    def __init__(self, encoder: FakeEncoder | None = None) -> None:
        super().__init__(settings())
        self.fakes = fake_models(encoder)
        self.loads = 0

    def models(self, *, with_words: bool, locale: str | None = None) -> Models:
        self.loads += 1
        return self.fakes

    def recognizer(self, locale: str | None = None) -> PhraseRecognizer:
        assert self.fakes.recognizer is not None
        return self.fakes.recognizer


class Watched(Authenticator):
    """Keeps count of the attempts that are open."""

    def __init__(self, home: Path, configuration: Settings, encoder: FakeEncoder | None = None) -> None:
        super().__init__(Store.open(home, configuration.store, {}), FakeEngines(encoder), configuration)
        self.made: list[Attempt[Any]] = []
        self.unclosed: list[Attempt[Any]] = []

    def enroll(self, *args: Any, **kwargs: Any) -> EnrollmentAttempt:
        return self._watch(super().enroll(*args, **kwargs))

    def verify(self, *args: Any, **kwargs: Any) -> VerificationAttempt:
        return self._watch(super().verify(*args, **kwargs))

    def identify(self, *args: Any, **kwargs: Any) -> IdentificationAttempt:
        return self._watch(super().identify(*args, **kwargs))

    def failures(self, name: str) -> int:
        """Attempts that are charged to a profile."""
        return self.store.profiles.summaries(name=name)[0].failures

    def _watch(self, attempt: AnyAttempt) -> AnyAttempt:
        close = attempt.close

        def closing() -> None:
            close()
            with suppress(ValueError):
                self.unclosed.remove(attempt)

        attempt.close = closing  # type: ignore[method-assign]
        self.made.append(attempt)
        self.unclosed.append(attempt)
        return attempt


@cache
def _enrolled_home() -> Path:
    """A data folder that knows ada (with a phrase) and bob (without one); made once, copied for each test."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    home = Path(folder.name) / "home"
    store = Store.open(home, settings().store, {})
    for name, speaker, phrase in (("ada", ADA, PHRASE), ("bob", BOB, None)):
        kind = ProfileKind.TEXT_INDEPENDENT if phrase is None else ProfileKind.TEXT_DEPENDENT
        profile = store.profiles.create(name, kind, phrase=phrase)
        record = EnrollmentRecord(FakeEncoder.id, voiceprint(speaker)[None], 3.0, 4.0)
        store.enrollments.add(profile.id, record, phrase=phrase, voiceprint=record.voiceprint)
    store.close()
    return home


@contextmanager
def application(
    folder: Path, configuration: Settings | None = None, encoder: FakeEncoder | None = None
) -> Iterator[Watched]:
    """An application of its own that knows ada and bob."""
    home = shutil.copytree(_enrolled_home(), folder / "home")
    watched = Watched(home, configuration or settings(), encoder)
    try:
        yield watched
    finally:
        watched.close()


@contextmanager
def server(home: Path, encoder: FakeEncoder | None = None, **limits: Any) -> Iterator[tuple[str, Watched]]:
    """A running server, its URL and its application; in the end nothing of it may be left."""
    others = threading.enumerate()
    with application(home, settings(**limits), encoder) as watched:
        with serving(watched, watched.settings) as url:
            yield url, watched
            until(lambda: not watched.unclosed)
        left = set(threading.enumerate()).difference(others)
        assert not [thread for thread in left if thread.name.startswith("streamauth-")]


def making_late(patch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function by which every call of an engine that runs has taken too long, however slow the machine is."""
    passed_s = 0.0

    async def wait(futures: Any, **how: float) -> Any:
        return await asyncio.wait(futures, timeout=min(how["timeout"], 0.02))

    def late() -> None:
        nonlocal passed_s
        passed_s += 1000.0

    patch.setattr(pool, "asyncio", SimpleNamespace(**vars(asyncio) | {"wait": wait}))
    patch.setattr(pool, "monotonic", lambda: time.monotonic() + passed_s)
    return late


@contextmanager
def context(watched: Watched, configuration: Settings) -> Iterator[Context]:
    """What the sessions of a server share, without a server."""
    workers, store_pool = WorkerPool(1), WorkerPool(1, "store")
    verdicts = Verdicts(watched.store.signing_keys, configuration.access, time.time)
    access = Access(watched.store, store_pool, configuration, local=True)
    sessions = Sessions(configuration, watched.store, store_pool)
    metrics, changes = Metrics(lambda: 0), Changes(watched.store, store_pool)
    yield Context(watched, workers, store_pool, configuration, access, sessions, verdicts, metrics, changes, 0.0)
    workers.close(5)
    store_pool.close(5)


class Peer:
    """A client that does as it likes."""

    def __init__(self, url: str, **options: Any) -> None:
        # what is not read must not keep it from being closed
        self.socket = connect(url, compression=None, proxy=None, max_queue=None, **options).__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, **fields: Any) -> None:
        """Send a control message; of no effect where the server has closed."""
        with suppress(ConnectionClosed):
            self.socket.send(json.dumps(fields))

    def start(self, mode: str = "verify", **fields: Any) -> None:
        """Send a start message and wait for the server to be ready."""
        if mode != "identify":
            fields.setdefault("name", "ada")
        self.say(**{"type": "start", "version": 1, "mode": mode, "audio": AUDIO} | fields)
        assert self.hear()["type"] == "ready"

    def send(self, audio: bytes, chunk_bytes: int = 3200) -> None:
        """Send audio; stops where the server closes."""
        with suppress(ConnectionClosed):
            for at in range(0, len(audio), chunk_bytes):
                self.socket.send(audio[at : at + chunk_bytes])

    def hear(self) -> dict[str, Any]:
        """The next message."""
        message = json.loads(self.socket.recv(timeout=60))
        assert isinstance(message, dict)
        return message

    def rest(self) -> list[dict[str, Any]]:
        """All further messages, to the close."""
        heard = []
        with suppress(ConnectionClosed):
            while True:
                heard.append(self.hear())
        return heard

    def last(self) -> tuple[str, int | None]:
        """Kind of the last message, decision or error code, and the close code."""
        last = (self.rest() or [{"type": "nothing"}])[-1]
        return last.get("code") or last.get("decision") or last["type"], self.socket.close_code

    def vanish(self) -> None:
        """Break the connection without a word."""
        self.socket.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close_socket()


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for a condition; fail if it does not come about."""
    deadline, pause_s = time.monotonic() + timeout_s, 0.005
    while not condition():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(pause_s)
        pause_s = min(0.05, 1.2 * pause_s)  # what takes long is looked at less often
