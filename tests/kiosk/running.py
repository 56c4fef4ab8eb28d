"""A kiosk that runs on the shipped models, with a data folder, a microphone and a relay of its own."""

import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import soundfile
from gpiozero.pins.mock import MockFactory

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.door.access import Permission, Person
from streamauth.demo_data import demo_utterances
from streamauth.kiosk.app import Kiosk
from streamauth.kiosk.build import build_kiosk
from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.site_copy import steady_s
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.door_plan import PersonRow, SpanRow
from streamauth.store.store import Store
from tests.kiosk.card import RATE_HZ, SoundCard
from tests.kiosk.rig import PINS, closed_door, eventually

DOOR = {
    "name": "front",
    "zone": "UTC",
    "strike_s": 0.4,
    "held_s": 0.5,
    "exit_s": 0.4,
    "relay_pin": PINS.relay,
    "contact_pin": PINS.contact,
    "exit_pin": PINS.exit_button,
    "bounce_ms": 0,
}
KIOSK = {"port": 0, "answer_s": 0.4, "identify": "either", "listen_s": 15.0}
PHRASE = "please open the door and let me come in"
THREAT = "my voice is my passport verify me"


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that knows ada (slt), with a phrase for a threat, and bob (rms)."""
    home = tmp_path_factory.mktemp("kiosk") / "home"
    authenticator = Authenticator.open(home, Settings().with_values({"replay": {"refuse": False}}, "test"))
    for name, voice, phrase, utterances in (
        ("ada", "slt", PHRASE, ("door-1", "door-2", "door-3")),
        ("ada-threat", "slt", THREAT, ("passport",) * 3),
        ("bob", "rms", PHRASE, ("door-1", "door-2", "door-3")),
    ):
        with authenticator.enroll(name, AudioFormat(RATE_HZ), phrase=phrase) as attempt:
            for utterance in utterances:
                samples, _ = soundfile.read(demo_utterances()[voice, utterance].path, dtype="int16")
                attempt.receive_audio(samples.tobytes())
                attempt.end_utterance()
    plan = authenticator.store.door_plan
    plan.put_people([PersonRow(Person("Ada", "ada", "ada-threat"), pin="2468", duress_pin="2469", badge="159-1270")])
    plan.put_people([PersonRow(Person("Bob", "bob"), pin="1357")])
    plan.replace_schedules([SpanRow("never", "mon-sun", "00:00", "00:01", "only")])
    plan.replace_permissions([Permission("Ada", "*"), Permission("Bob", "front", "never")])
    authenticator.close()
    return home


@pytest.fixture
def home(enrolled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(enrolled, tmp_path / "home"))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    made = SoundCard()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


class Running:
    """A kiosk that runs, with its pins, its microphone and its screen."""

    def __init__(
        self,
        home: Path,
        card: SoundCard,
        site: Callable[[], Store] | None = None,
        steady: Callable[[], float] = steady_s,
        /,
        **settings: dict[str, Any],
    ) -> None:
        self.card = card
        self.factory: MockFactory = closed_door()
        # the same recordings are played again and again here; one test has them refused
        usual: dict[str, dict[str, Any]] = {"door": DOOR, "kiosk": KIOSK, "replay": {"refuse": False}}
        chosen = Settings().with_values(usual, "test").with_values(settings, "test")
        self.authenticator = Authenticator.open(home, chosen)
        self.kiosk: Kiosk = build_kiosk(
            self.authenticator, home, pin_factory=self.factory, open_site=site, steady=steady
        )
        # a machine that has other work to do is no fault of the disk
        self.kiosk._parts.keeper._record_within_s = 20.0
        self.screens: list[Screen] = []
        feed = self.kiosk._parts.feed
        show = feed.show

        def noted(screen: Screen) -> None:
            self.screens.append(screen)
            show(screen)

        feed.show = noted  # type: ignore[method-assign]
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self.kiosk.run, args=(self._is_ready,))

    def _is_ready(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(100)
        eventually(lambda: self.views and self.views[-1] in (View.IDLE, View.CLOSED))

    def stop(self) -> None:
        self.kiosk.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert not self.relay, "a kiosk that ends leaves its door locked"
        self.factory.close()
        self.authenticator.close()

    @property
    def relay(self) -> bool:
        return bool(self.factory.pin(PINS.relay).state)

    @property
    def pulses_s(self) -> list[float]:
        return [float(b.timestamp) for a, b in pairwise(self.factory.pin(PINS.relay).states) if a.state]

    @property
    def views(self) -> list[View]:
        return [screen.view for screen in self.screens]

    def log(self) -> list[tuple[str, str | None, str]]:
        return [(each.kind.value, each.person, each.reason) for each in self.authenticator.store.outbox.log()]

    def wait_for(self, kind: str, count: int = 1) -> None:
        eventually(lambda: [each[0] for each in self.log()].count(kind) >= count, 60)

    def post(self, what: str, **fields: str) -> int:
        request = Request(self.url + what, json.dumps(fields).encode(), method="POST")  # noqa: S310 - the test's own
        request.add_header("Content-Type", "application/json")
        request.add_header("Origin", self.url.rstrip("/"))
        with urlopen(request, timeout=60) as reply:  # noqa: S310 - as above
            return int(reply.status)

    def claims(self, text: str) -> None:
        count = len(self.views)
        assert self.post("claim", text=text) == 204
        eventually(lambda: len(self.views) > count)

    def moves(self, is_open: bool) -> None:
        pin = self.factory.pin(PINS.contact)
        pin.drive_high() if is_open else pin.drive_low()


@contextmanager
def running(home: Path, card: SoundCard, *site: Any, **settings: dict[str, Any]) -> Iterator[Running]:
    made = Running(home, card, *site, **settings)
    made.start()
    try:
        yield made
    finally:
        made.stop()
