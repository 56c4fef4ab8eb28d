"""The screen's server: what it gives, what it refuses, and that nothing of it opens a door."""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from streamauth.errors import CannotListen
from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.web import FOLDER, KioskFacts, ScreenFeed, ScreenServer, Touch, TouchKind
from tests.kiosk.rig import eventually


class Screens:
    """A server and what came in."""

    def __init__(self) -> None:
        self.touches: list[Touch] = []
        self.feed = ScreenFeed(KioskFacts("front"))
        self.server = ScreenServer(self.feed, self.touches.append, "127.0.0.1", 0)
        self.server.start()
        parts = urlsplit(self.server.url)
        self.origin = self.server.url.rstrip("/")
        self.address = (str(parts.hostname), int(parts.port or 0))

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = HTTPConnection(*self.address, timeout=60)
        usual = {"Origin": self.origin, "Content-Type": "application/json"} if method == "POST" else {}
        try:
            connection.request(method, path, body, {**usual, **{k.replace("_", "-"): v for k, v in headers.items()}})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()


@pytest.fixture
def screens() -> Iterator[Screens]:
    made = Screens()
    yield made
    made.server.close()


class Page:
    """A page that is open: the events that it got."""

    def __init__(self, screens: Screens) -> None:
        self.events: list[tuple[str, Any]] = []
        self.connection = HTTPConnection(*screens.address, timeout=60)
        self.connection.request("GET", "/events")
        self.reply = self.connection.getresponse()
        assert self.reply.headers["content-type"].startswith("text/event-stream")
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        kind = ""
        for raw in self.reply:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                self.events.append((kind, json.loads(line.removeprefix("data: "))))


def test_a_page_gets_the_facts_the_picture_and_what_follows(screens: Screens) -> None:
    screens.feed.show(Screen(View.IDLE))
    page = Page(screens)
    eventually(lambda: len(page.events) == 2)
    assert page.events[0][0] == "kiosk"
    assert page.events[0][1]["door"] == "front"
    assert page.events[1] == ("screen", {"view": "idle", "words": "", "phrase": False, "name": ""})
    screens.feed.show(Screen(View.SAY, "4 7 1"))
    screens.feed.level(-33.333)
    eventually(lambda: len(page.events) == 4)
    assert page.events[2][1]["words"] == "4 7 1"
    assert page.events[3] == ("level", -33.3)
    screens.server.close()
    page.thread.join(10)
    assert not page.thread.is_alive()
    page.connection.close()


def test_a_page_that_hears_nothing_is_told_that_the_kiosk_lives(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamauth.kiosk.web._BEAT_S", 0.02)
    page = Page(screens)
    eventually(lambda: ("beat", None) in page.events)
    screens.server.close()
    page.thread.join(10)
    page.connection.close()


def test_touches(screens: Screens) -> None:
    assert screens.ask("POST", "/touch", b"{}")[0] == 204
    assert screens.ask("POST", "/claim", b'{"text": "2468"}')[0] == 204
    assert screens.touches == [Touch(TouchKind.TOUCH), Touch(TouchKind.CLAIM, "2468")]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Origin": "http://evil.example"}, 403),
        (b"{}", {"Content_Type": "text/plain"}, 403),
        (b"{}", {"Host": "evil.example"}, 421),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'{"text": 5}', {}, 400),
        (b'{"text": "' + b"x" * 65 + b'"}', {}, 400),
        (b"x" * 600, {}, 413),
        (b"\xff", {}, 400),
    ],
)
def test_what_is_refused(screens: Screens, body: bytes, headers: dict[str, str], status: int) -> None:
    assert screens.ask("POST", "/claim", body, **headers)[0] == status
    assert screens.touches == []


def test_events_are_for_this_machine_alone(screens: Screens) -> None:
    assert screens.ask("GET", "/events", Host="evil.example")[0] == 421


def test_only_its_own_files(screens: Screens) -> None:
    assert screens.ask("GET", "/")[0] == 200
    for file in FOLDER.iterdir():
        assert screens.ask("GET", "/" + ("" if file.name == "index.html" else file.name))[0] == 200
    for path in ("/../app.py", "/%2e%2e/app.py", "/kiosk", "/docs", "/openapi.json", "/v1/profiles"):
        assert screens.ask("GET", path)[0] == 404
    assert screens.ask("POST", "/open", b"{}")[0] == 404


def test_a_port_that_is_taken(screens: Screens) -> None:
    with pytest.raises(CannotListen):
        ScreenServer(screens.feed, screens.touches.append, *screens.address).start()
