"""Visitors at a kiosk with fake engines: what they see, what opens, and what is recorded."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.door.access import Permission, Person
from streamauth.core.door.door import DoorRule
from streamauth.core.door.message import DoorMessage
from streamauth.core.phrase.prompt import PromptKind, PromptPlan
from streamauth.kiosk.gate import Gate, GateRule
from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.visit import Visit, VisitRule
from streamauth.kiosk.voices import Voices
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.door_plan import Claimed, PersonRow, SpanRow
from streamauth.store.store import Store
from tests.fakes import BrokenEncoder, cut, fake_models, pause, pcm, say
from tests.kiosk.rig import DOOR, Memory, MockDoor, eventually
from tests.service.test_authenticator import FakeEngines

FORMAT = AudioFormat(16_000)
BERLIN = ZoneInfo("Europe/Berlin")
NOON_S = datetime(2026, 11, 30, 12, tzinfo=BERLIN).timestamp()
PHRASE, THREAT = "open the front door please", "close the window please"
ADA, STRANGER, BOB = 1, 6, 3
RULE = VisitRule(DOOR, listen_s=10.0)


class Kiosk:
    """A visit with all that is behind it."""

    def __init__(self, door: MockDoor, authenticator: Authenticator, rule: VisitRule, now_s: float) -> None:
        self.door = door
        self.authenticator = authenticator
        self.plan = door.store.door_plan
        self.now_s = 0.0
        self.screens: list[Screen] = []
        self.levels = 0
        gate = Gate(GateRule(BERLIN), self.plan, door.outbox, door.keeper, lambda: now_s)
        self.visit = Visit(
            rule,
            authenticator.settings.speech,
            FORMAT,
            Voices(authenticator),
            gate,
            self.screens.append,
            lambda level: setattr(self, "levels", self.levels + 1),
            lambda: self.now_s,
        )

    def hears(self, *pieces: object) -> None:
        for chunk in cut(pcm(*pieces), [3200]):  # type: ignore[arg-type]
            self.visit.hear(chunk)

    def waits(self, seconds: float = 5.0) -> None:
        self.now_s += seconds
        self.visit.tick()

    @property
    def views(self) -> list[View]:
        return [screen.view for screen in self.screens]

    def denials(self, count: int = 1) -> list[tuple[str | None, str]]:
        eventually(lambda: self.door.kinds().count("denied") >= count)
        return [(each.person, each.reason) for each in self.door.outbox.log() if each.kind == "denied"]


def enroll(auth: Authenticator, name: str, speaker: int, words: str, phrase: str | None) -> None:
    with auth.enroll(name, FORMAT, phrase=phrase, text_independent=phrase is None) as attempt:
        for _ in range(3):
            attempt.receive_audio(pcm(pause(0.5), say(words, speaker), pause(0.8)))
            attempt.end_utterance()


SETTINGS = Settings().with_values(
    {"enrollment": {"text_independent_speech_s": 5.0}, "replay": {"refuse": False}}, "test"
)


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that knows ada, with a phrase for a threat, and bob."""
    home = tmp_path_factory.mktemp("enrolled") / "home"
    auth = Authenticator(Store.open(home), FakeEngines(SETTINGS), SETTINGS)
    enroll(auth, "ada", ADA, PHRASE, PHRASE)
    enroll(auth, "ada-threat", ADA, THREAT, THREAT)
    enroll(auth, "bob", BOB, PHRASE, PHRASE)
    plan = auth.store.door_plan
    plan.put_people([PersonRow(Person("Ada", "ada", "ada-threat"), pin="2468", duress_pin="2469")])
    plan.put_people([PersonRow(Person("Bob", "bob"), pin="1357")])
    plan.put_people([PersonRow(Person("Nil", "nobody"))])
    plan.replace_schedules([SpanRow("sunday", "sun", "08:00", "18:00")])
    plan.replace_permissions([Permission("Ada", DOOR), Permission("Bob", DOOR, "sunday"), Permission("Nil", DOOR)])
    auth.close()
    return home


@pytest.fixture
def home(enrolled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(enrolled, tmp_path / "home"))


@pytest.fixture
def door(home: Path) -> Iterator[MockDoor]:
    with MockDoor(home, DoorRule(strike_ms=2_000)) as made:
        yield made


@pytest.fixture
def authenticator(home: Path) -> Iterator[Authenticator]:
    auth = Authenticator(Store.open(home), FakeEngines(SETTINGS), SETTINGS)
    yield auth
    auth.close()


def kiosk(door: MockDoor, authenticator: Authenticator, rule: VisitRule = RULE) -> Kiosk:
    return Kiosk(door, authenticator, rule, NOON_S)


LONG = say(PHRASE + " " + PHRASE + " " + PHRASE, ADA)


def test_a_known_voice_opens_the_door(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator)
    ours.hears(pause(1.5), LONG, pause(1.0))
    assert ours.views == [View.IDLE, View.LISTENING, View.WELCOME]
    assert door.relay
    assert ours.levels > 5
    assert ours.screens[-1].name == "", "nobody is greeted by name unless that is wanted"
    ours.waits()
    assert ours.views[-1] is View.IDLE
    door.wait_for("granted")
    (granted,) = [each for each in door.outbox.log() if each.kind == "granted"]
    assert (granted.person, granted.reason) == ("Ada", "voice")


def test_a_stranger_tries_again_and_is_then_asked_to_ring(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator)
    speech = say(PHRASE + " " + PHRASE + " " + PHRASE, STRANGER)
    for _ in range(3):
        ours.hears(pause(1.5), speech, pause(1.0))
        ours.waits()
    assert [view for view in ours.views if view not in (View.IDLE, View.LISTENING)] == [
        View.AGAIN,
        View.AGAIN,
        View.RING,
    ]
    assert not door.pulses_s()
    assert ours.denials(3) == [(None, "not_recognized")] * 3


def test_a_known_voice_outside_its_schedule(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator)
    ours.hears(pause(1.5), say(PHRASE + " " + PHRASE + " " + PHRASE, BOB), pause(1.0))
    assert ours.views[-1] is View.RING
    assert not door.pulses_s()
    assert ours.denials() == [("Bob", "outside_schedule")]


def test_a_noise_is_no_visitor(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator)
    ours.hears(pause(1.0), say("open", ADA), pause(14.0))
    assert ours.views == [View.IDLE, View.LISTENING, View.IDLE]
    door.wait_for("started")
    assert "denied" not in door.kinds()


def test_silence_begins_nothing(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator)
    ours.hears(pause(30.0))
    assert ours.views == [View.IDLE]
    assert ours.levels == 0


CLAIMS = replace(RULE, by_voice=False)


def test_a_claim_and_its_phrase(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator, CLAIMS)
    ours.hears(pause(0.5), LONG, pause(0.5))
    assert ours.views == [View.IDLE], "without a claim nobody is listened to"
    ours.visit.claim(ours.plan.by_pin("2468"))
    ours.hears(pause(0.5), say(PHRASE, ADA), pause(1.0))
    assert ours.views == [View.IDLE, View.LISTENING, View.WELCOME]
    assert door.relay


@pytest.mark.parametrize(("words", "speaker"), [(PHRASE, STRANGER), ("my voice is the key please", ADA)])
def test_another_voice_or_other_words(door: MockDoor, authenticator: Authenticator, words: str, speaker: int) -> None:
    ours = kiosk(door, authenticator, CLAIMS)
    ours.visit.claim(Claimed("Ada"))
    ours.hears(pause(0.5), say(words, speaker), pause(12.0))
    assert ours.views[:3] == [View.IDLE, View.LISTENING, View.AGAIN]
    assert not door.pulses_s()
    ours.waits()
    ours.hears(pause(0.5), say(PHRASE, ADA), pause(1.0))
    assert ours.views[-2:] == [View.LISTENING, View.WELCOME], "the claim stands for the next try"


def test_claims_of_nobody(door: MockDoor, authenticator: Authenticator) -> None:
    for claimed in (None, Claimed("Eve"), Claimed("Nil")):
        ours = kiosk(door, authenticator, CLAIMS)
        ours.visit.claim(claimed)
        ours.hears(LONG, pause(1.0))
        assert ours.views == [View.IDLE, View.RING]
    assert not door.pulses_s()


def shown(ours: Kiosk) -> list[object]:
    return [ours.screens, ours.levels]


@pytest.mark.parametrize("way", ["phrase", "pin"])
def test_duress_looks_the_same_and_is_told_to_the_outputs_alone(
    door: MockDoor, authenticator: Authenticator, way: str
) -> None:
    calm = kiosk(door, authenticator, CLAIMS)
    calm.visit.claim(calm.plan.by_pin("2468"))
    calm.hears(pause(0.5), say(PHRASE, ADA), pause(1.0))
    eventually(lambda: not door.relay)
    sink = Memory()
    door.deliver_to(sink)
    eventually(lambda: "unused" in [each.kind for each in sink.got])
    assert "duress" not in [each.kind for each in sink.got]
    before = len(list(door.outbox.log()))

    threatened = kiosk(door, authenticator, CLAIMS)
    threatened.visit.claim(threatened.plan.by_pin("2468" if way == "phrase" else "2469"))
    threatened.hears(pause(0.5), say(THREAT if way == "phrase" else PHRASE, ADA), pause(1.0))
    assert door.relay
    assert threatened.screens == calm.screens
    eventually(lambda: "duress" in [each.kind for each in sink.got])
    (duress,) = [each for each in sink.got if each.kind == "duress"]
    assert duress.person == "Ada"
    after: list[DoorMessage] = list(door.outbox.log())[before:]
    assert "duress" not in [each.kind for each in after]
    assert [(each.person, each.reason) for each in after if each.kind == "granted"] == [("Ada", "voice")]
    for courier in door.couriers:
        courier.close()


def test_saying_the_one_phrase_never_locks_the_other(door: MockDoor, authenticator: Authenticator) -> None:
    for _ in range(12):
        ours = kiosk(door, authenticator, CLAIMS)
        ours.visit.claim(Claimed("Ada"))
        ours.hears(pause(0.3), say(PHRASE, ADA), pause(1.0))
        assert ours.views[-1] is View.WELCOME


def test_guessing_locks_the_profile_out(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator, replace(CLAIMS, tries=10))
    ours.visit.claim(Claimed("Ada"))
    for _ in range(6):
        ours.hears(pause(0.3), say(PHRASE, STRANGER), pause(12.0))
        ours.waits()
    assert View.RING in ours.views
    assert ours.denials(6)[-1] == ("Ada", "locked_out")
    assert not door.pulses_s()


def test_random_words(door: MockDoor, authenticator: Authenticator) -> None:
    prompted = replace(RULE, prompt=PromptPlan(PromptKind.DIGITS, 6))
    ours = kiosk(door, authenticator, prompted)
    ours.hears(pause(0.5), say("open the front", ADA), pause(1.5))
    assert ours.views == [View.IDLE, View.SAY]
    digits = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    words = " ".join(digits[int(each)] for each in ours.screens[-1].words.split())
    ours.hears(pause(0.5), say(words, ADA), pause(1.5))
    assert ours.views[-1] is View.WELCOME
    assert door.relay


def test_a_recording_of_other_random_words(door: MockDoor, authenticator: Authenticator) -> None:
    prompted = replace(CLAIMS, prompt=PromptPlan(PromptKind.DIGITS, 6))
    ours = kiosk(door, authenticator, prompted)
    ours.visit.claim(Claimed("Ada"))
    assert ours.screens[-1].phrase
    ours.hears(pause(0.5), say(PHRASE + " one two one two one two", ADA), pause(12.0))
    assert View.WELCOME not in ours.views
    assert not door.pulses_s()


def test_a_touch_begins_where_a_voice_does_not(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator, replace(RULE, begins_by_voice=False))
    ours.hears(pause(0.5), LONG, pause(0.5))
    assert ours.views == [View.IDLE]
    ours.visit.touch()
    ours.hears(pause(0.5), LONG, pause(0.5))
    assert ours.views[-1] is View.WELCOME


def test_an_engine_that_fails_is_no_accept(door: MockDoor, authenticator: Authenticator) -> None:
    assert isinstance(authenticator.engines, FakeEngines)
    authenticator.engines.loaded = fake_models(encoder=BrokenEncoder(1))
    ours = kiosk(door, authenticator, CLAIMS)
    ours.visit.claim(Claimed("Ada"))
    ours.hears(pause(0.5), say(PHRASE, ADA), pause(3.0))
    assert ours.views[-1] is View.RING
    assert ours.denials() == [("Ada", "failed")]
    assert not door.pulses_s()


def test_a_visitor_who_goes(door: MockDoor, authenticator: Authenticator) -> None:
    ours = kiosk(door, authenticator, CLAIMS)
    ours.visit.claim(Claimed("Ada"))
    ours.visit.cancel()
    ours.hears(pause(0.5), say(PHRASE, ADA), pause(1.0))
    assert ours.views[-1] is View.IDLE
    assert not ours.visit.busy
    assert not door.pulses_s()
