"""From recordings played into a microphone to a relay that closes, with the shipped models."""

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

import numpy as np
import pytest
import soundfile
from gpiozero.pins.mock import MockFactory

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.door.access import Permission, Person
from streamauth.core.door.command import DoorAction
from streamauth.demo_data import demo_utterances
from streamauth.errors import DoorTaken, StoreUnavailable
from streamauth.kiosk.app import Kiosk
from streamauth.kiosk.build import build_kiosk
from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.site_copy import steady_s
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.door_plan import SpanRow
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
    plan.put_person(Person("Ada", "ada", "ada-threat"), pin="2468", duress_pin="2469", badge="159-1270")
    plan.put_person(Person("Bob", "bob"), pin="1357")
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
        with urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
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


def test_the_right_person_by_voice(home: Path, card: SoundCard) -> None:
    with running(home, card) as ours:
        card.says("slt", "long-2")
        ours.wait_for("unused")
        assert [each for each in ours.log() if each[0] == "granted"] == [("granted", "Ada", "voice")]
        (pulse_s,) = ours.pulses_s
        assert 0.39 <= pulse_s < 30
        assert View.WELCOME in ours.views


def test_the_right_person_by_pin_and_phrase(home: Path, card: SoundCard) -> None:
    with running(home, card, kiosk={"identify": "claim"}, door={"strike_s": 4.0}) as ours:
        ours.claims("2468")
        card.says("slt", "door-4")
        ours.wait_for("granted")
        eventually(lambda: View.WELCOME in ours.views)
        eventually(lambda: len(ours.pulses_s) == 1)
        # and by badge, and through the door
        eventually(lambda: ours.views[-1] is View.IDLE)
        ours.claims("159-1270")
        card.says("slt", "door-4")
        ours.wait_for("granted", 2)
        ours.moves(True)
        ours.moves(False)
        ours.wait_for("passed")
        assert not ours.relay


def test_a_stranger(home: Path, card: SoundCard) -> None:
    with running(home, card) as ours:
        card.says("kal16", "long-2")
        ours.wait_for("denied")
        assert ours.log()[-1] == ("denied", None, "not_recognized")
        assert View.AGAIN in ours.views
        eventually(lambda: ours.views[-1] is View.IDLE)
        ours.claims("2468")
        card.says("kal16", "door-4")
        ours.wait_for("denied", 2)
        assert ours.log()[-1] == ("denied", "Ada", "not_recognized")
        assert ours.pulses_s == []


def test_the_right_person_outside_the_schedule(home: Path, card: SoundCard) -> None:
    with running(home, card, kiosk={"identify": "claim"}) as ours:
        ours.claims("1357")
        card.says("rms", "door-4")
        ours.wait_for("denied")
        assert ours.log()[-1] == ("denied", "Bob", "outside_schedule")
        eventually(lambda: View.RING in ours.views)
        assert ours.pulses_s == []


def test_two_people_with_one_claim(home: Path, card: SoundCard) -> None:
    """The one begins the phrase and another one ends it."""
    first, _ = soundfile.read(demo_utterances()["slt", "door-half"].path, dtype="float32")
    second, _ = soundfile.read(demo_utterances()["kal16", "door-4"].path, dtype="float32")
    with running(home, card, kiosk={"identify": "claim"}) as ours:
        ours.claims("2468")
        card.plays(first)
        card.plays(second[len(second) // 3 :])
        ours.wait_for("denied")
        assert ours.pulses_s == []


@pytest.mark.parametrize("way", ["claim", "voice"])
def test_two_people_at_once(home: Path, card: SoundCard, way: str) -> None:
    """Somebody talks over whoever may pass, as loudly: two voices are nobody's."""
    names = ("door-4", "door-4") if way == "claim" else ("long-2", "long-1")
    pairs = (("slt", names[0]), ("kal16", names[1]))
    voices = [soundfile.read(demo_utterances()[pair].path, dtype="float32")[0] for pair in pairs]
    level = [float(np.sqrt(np.mean(each**2))) for each in voices]
    both = np.zeros(max(map(len, voices)), np.float32)
    for each, rms in zip(voices, level, strict=True):
        both[: len(each)] += each * np.float32(0.05 / rms)
    with running(home, card, kiosk={"identify": way}) as ours:
        if way == "claim":
            ours.claims("2468")
        card.plays(both)
        card.plays(np.zeros(2 * RATE_HZ, np.float32))
        ours.wait_for("denied")
        assert ours.pulses_s == []


def test_a_recording_of_the_phrase_does_not_say_random_words(home: Path, card: SoundCard) -> None:
    with running(home, card, kiosk={"identify": "claim", "prompt": "digits", "listen_s": 8.0}) as ours:
        ours.claims("2468")
        assert ours.screens[-1].view is View.SAY
        assert ours.screens[-1].words
        assert ours.screens[-1].phrase
        card.says("slt", "door-4", "coffee")
        card.plays(soundfile.read(demo_utterances()["slt", "long-2"].path, dtype="float32")[0])
        ours.wait_for("denied")
        assert ours.pulses_s == []


def test_a_recording_of_the_last_visit(home: Path, card: SoundCard) -> None:
    with running(home, card, kiosk={"identify": "claim"}, replay={"refuse": True}) as ours:
        ours.claims("2468")
        card.says("slt", "door-4")
        ours.wait_for("unused")
        eventually(lambda: ours.views[-1] is View.IDLE)
        ours.claims("2468")
        card.says("slt", "door-4")
        ours.wait_for("denied")
        assert ours.log()[-1] == ("denied", "Ada", "heard_before")
        assert len(ours.pulses_s) == 1


@pytest.mark.parametrize("way", ["phrase", "pin"])
def test_duress(home: Path, card: SoundCard, way: str) -> None:
    with running(home, card, kiosk={"identify": "claim"}, door={"event_command": "true"}) as ours:
        ours.claims("2468" if way == "phrase" else "2469")
        card.says("slt", "passport" if way == "phrase" else "door-4")
        ours.wait_for("granted")
        eventually(lambda: ours.views[-1] is View.IDLE)
        assert (
            ours.screens
            == [
                Screen(View.OUT_OF_ORDER),
                Screen(View.IDLE),
                Screen(View.LISTENING, phrase=True),
                Screen(View.WELCOME),
                Screen(View.IDLE),
            ][-len(ours.screens) :]
        )
        assert "duress" not in [each[0] for each in ours.log()]
        with ours.authenticator.store.outbox._database.read() as connection:
            rows = connection.exec_driver_sql("SELECT kind, person, output FROM outbox WHERE kind = 'duress'").all()
        assert [tuple(row) for row in rows] == [("duress", "Ada", "command")]


def test_forced_held_and_exit(home: Path, card: SoundCard) -> None:
    with running(home, card, door={"strike_s": 5.0, "exit_s": 5.0}) as ours:
        ours.moves(True)
        ours.wait_for("forced")
        ours.moves(False)
        ours.factory.pin(PINS.exit_button).drive_low()
        assert ours.relay
        ours.moves(True)
        ours.wait_for("held")
        ours.moves(False)
        ours.wait_for("held_ended")


def test_commands_of_an_operator(home: Path, card: SoundCard) -> None:
    with running(home, card) as ours:
        doors = ours.authenticator.store.doors
        eventually(lambda: [door.name for door in doors.all()] == ["front"])
        doors.tell("front", DoorAction.LOCKDOWN)
        eventually(lambda: ours.views[-1] is View.CLOSED)
        card.says("slt", "long-2")
        card.wait()
        assert ours.pulses_s == []
        doors.tell("front", DoorAction.OPEN, 5)
        ours.wait_for("denied")
        eventually(lambda: doors.get("front").mode == "lockdown")
    with running(home, card) as again:
        assert again.views[-1] is View.CLOSED, "lockdown outlives a restart"
        doors = again.authenticator.store.doors
        doors.tell("front", DoorAction.EVACUATE)
        eventually(lambda: again.relay and again.views[-1] is View.EXIT)
        doors.tell("front", DoorAction.NORMAL)
        eventually(lambda: not again.relay and again.views[-1] is View.IDLE)
        doors.tell("front", DoorAction.OPEN, 60)
        eventually(lambda: again.relay)
        doors.tell("front", DoorAction.LOCK)
        eventually(lambda: not again.relay)


def test_a_microphone_that_goes_and_comes_back(home: Path, card: SoundCard, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(home, card) as ours:
        ours.kiosk._retry_s = 0.05
        card.plugged = False
        ours.wait_for("microphone_lost")
        eventually(lambda: ours.views[-1] is View.OUT_OF_ORDER)
        eventually(lambda: ours.authenticator.store.doors.get("front").problem)
        ours.post("ring")
        ours.wait_for("ring")
        card.plugged = True
        ours.wait_for("microphone_found")
        eventually(lambda: ours.views[-1] is View.IDLE)
        card.says("slt", "long-2")
        ours.wait_for("granted")


def test_the_page_has_no_power_to_open(home: Path, card: SoundCard) -> None:
    with running(home, card) as ours:
        for what in ("touch", "cancel", "ring", "claim"):
            for fields in ({}, {"text": "2468"}, {"text": "2469"}, {"text": "open"}):
                ours.post(what, **fields)
        eventually(lambda: not ours.kiosk._touches.qsize())
        card.wait()
        assert ours.pulses_s == []
        assert "granted" not in [each[0] for each in ours.log()]


def test_the_self_check_and_a_second_kiosk(home: Path, card: SoundCard, tmp_path: Path) -> None:
    with running(home, card) as ours:
        eventually(lambda: ours.kiosk.microphone_is_well)
        assert ours.kiosk._parts.chores.self_check() == []
        ours.wait_for("checked")
        assert ours.log()[-1] == ("checked", None, "ok")
        for folder in (home, tmp_path / "another machine"):
            with pytest.raises(DoorTaken):
                build_kiosk(ours.authenticator, folder, pin_factory=closed_door()).run()
        card.plugged = False
        ours.wait_for("microphone_lost")
        assert ours.kiosk._parts.chores.self_check() == ["microphone", "door"]


def test_a_clock_that_is_set(home: Path, card: SoundCard, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(home, card) as ours:
        watch = ours.kiosk._parts.chores._clock_watch
        offset_s = watch._offset_s
        watch._offset_s = offset_s - 3600
        ours.wait_for("clock_jumped")
        (jumped,) = [each for each in ours.log() if each[0] == "clock_jumped"]
        assert jumped[2] == "+3600 s"


def test_a_day_without_the_site(home: Path, card: SoundCard, tmp_path: Path) -> None:
    """Cut off, somebody comes in by what is known here; after a day nobody does; back, all of it is told."""
    passed_s, cut = 0.0, False

    def site() -> Store:
        if cut:
            raise StoreUnavailable
        return Store.open(home)

    def steady() -> float:
        return steady_s() + passed_s

    with running(tmp_path / "near", card, site, steady, kiosk={"identify": "claim"}) as ours:
        link = ours.kiosk._parts.link
        assert link is not None
        cut, link._site = True, None
        ours.wait_for("cut_off")
        ours.claims("2468")
        card.says("slt", "door-4")
        ours.wait_for("granted")
        eventually(lambda: ours.pulses_s)
        passed_s = 25 * 3600
        eventually(lambda: ours.views[-1] is View.OFFLINE)
        ours.post("ring")
        ours.wait_for("ring")
        card.says("slt", "door-4")
        card.wait()
        assert len(ours.pulses_s) == 1
        cut = False
        ours.wait_for("reconnected")
        eventually(lambda: ours.views[-1] is View.IDLE)
        with Store.open(home) as there:
            told = ("cut_off", "granted", "ring", "reconnected")
            eventually(lambda: set(told) <= {each.kind.value for each in there.outbox.log()})
