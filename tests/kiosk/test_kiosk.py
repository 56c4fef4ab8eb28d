"""From recordings played into a microphone to a relay that closes, with the shipped models."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.core.door.command import DoorAction
from streamauth.demo_data import demo_utterances
from streamauth.errors import DoorTaken, StoreUnavailable
from streamauth.kiosk.build import build_kiosk
from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.site_copy import steady_s
from streamauth.store.store import Store
from tests.kiosk.card import RATE_HZ, SoundCard
from tests.kiosk.rig import PINS, closed_door, eventually
from tests.kiosk.running import card, enrolled, home, running

pytestmark = pytest.mark.system

__all__ = ["card", "enrolled", "home"]


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
