"""Small parts of a kiosk: claims, readers, clocks, settings."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamauth.core.door.access import Person
from streamauth.errors import BadSetting
from streamauth.kiosk.build import door_hardware, door_sinks, door_zone, kiosk_facts
from streamauth.kiosk.claims import Claims
from streamauth.kiosk.health import ClockWatch, Nightly, Part, check
from streamauth.kiosk.identity import Identity
from streamauth.kiosk.reader import Claimer, Reader
from streamauth.kiosk.web import KioskFacts, ScreenFeed, ScreenServer
from streamauth.outputs.command import CommandDoor
from streamauth.outputs.gpio import GpioDoor
from streamauth.outputs.osdp import OsdpReader
from streamauth.outputs.unwired import UnwiredDoor
from streamauth.settings import DoorSettings, Settings
from streamauth.store.door_plan import Claimed, DoorPlan, PersonRow
from tests.kiosk.rig import eventually
from tests.store.helpers import opened


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[DoorPlan]:
    store = opened(tmp_path)
    made = store.door_plan
    made.put_people([PersonRow(Person("ada"), badge="7", pin="2468")])
    yield made
    store.close()


def test_trying_pins_is_slow(plan: DoorPlan) -> None:
    now_s = 0.0
    claims = Claims(plan, lambda: now_s)
    for _ in range(4):
        assert claims.find("0000") is None
    assert claims.find(" 2468 ") == Claimed("ada"), "a right one begins it anew"
    for _ in range(5):
        assert claims.find("0000") is None
    assert claims.find("2468") is None
    now_s += 59
    assert claims.find("7") is None
    now_s += 1
    assert claims.find("0000") is None
    now_s += 119
    assert claims.find("2468") is None
    now_s += 1
    assert claims.find("7") == Claimed("ada")


def test_lines_of_a_reader() -> None:
    claimer = Claimer("text")
    assert claimer.feed(b"12") == []
    assert claimer.feed(b"34\r\n\r\nAB C\n") == ["1234", "AB C"]
    assert claimer.feed(b"x" * 1000) == []
    assert claimer.feed(b"x\n5\n") == ["5"], "what is too long is dropped"
    assert claimer.feed(b"\xff\n") == ["\ufffd"]


def test_frames_of_a_reader() -> None:
    claimer = Claimer("wiegand")
    frame = bytes([26]) + int("0" + "10011111" + "0000010011110110" + "0" + "000000", 2).to_bytes(4, "big")
    assert claimer.feed(frame[:2]) == []
    assert claimer.feed(frame[2:] + frame) == ["159-1270"] * 2
    assert claimer.feed(b"\x1a\xff\xff\xff\xff") == []
    assert claimer.feed(frame) == ["159-1270"]


def test_a_reader_that_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamauth.kiosk.reader._REOPEN_S", 0.02)
    path = tmp_path / "reader"
    got: list[str] = []
    reader = Reader(path, "text", got.append)
    reader.start()
    eventually(lambda: reader.failing)
    path.write_bytes(b"159-1270\n")
    eventually(lambda: "159-1270" in got)
    assert not reader.failing
    reader.close()


def test_the_nightly_check_comes_once_a_night() -> None:
    nightly = Nightly(3)
    begin = datetime(2026, 11, 29, tzinfo=UTC)
    due = [hour for hour in range(48 * 4) if nightly.is_due(begin + timedelta(minutes=15 * hour))]
    assert due == [12, 12 + 96]


def test_a_clock_that_is_set_is_noticed_and_one_that_runs_is_not() -> None:
    wall, mono = 1_000_000.0, 50.0
    watch = ClockWatch(lambda: wall, lambda: mono)
    wall, mono = wall + 3600, mono + 3600
    assert watch.jumped_s() is None
    wall -= 7200
    assert watch.jumped_s() == -7200
    assert watch.jumped_s() is None


def test_a_part_that_raises_is_not_well() -> None:
    assert check([Part("good", lambda: True), Part("bad", lambda: False), Part("broken", lambda: bool(1 // 0))]) == [
        "bad",
        "broken",
    ]


def door(**values: object) -> DoorSettings:
    return Settings().with_values({"door": values}, "test").door


def test_hardware_by_its_settings(tmp_path: Path) -> None:
    assert isinstance(door_hardware(door()), UnwiredDoor)
    assert isinstance(door_hardware(door(relay_pin=17)), GpioDoor)
    assert isinstance(door_hardware(door(unlock_command="a", lock_command="b")), CommandDoor)
    line = {"osdp_line": "/dev/null", "osdp_badge": "159-1270", "osdp_key_file": str(tmp_path / "key")}
    (tmp_path / "key").write_text("000102030405060708090a0b0c0d0e0f\n")
    assert isinstance(door_hardware(door(**line)), OsdpReader)
    for bad in (
        {"unlock_command": "a"},
        {"unlock_command": "a", "lock_command": "b", "relay_pin": 17},
        {**line, "relay_pin": 17},
        {**line, "osdp_key_file": str(tmp_path / "none")},
        {**line, "osdp_badge": ""},
    ):
        with pytest.raises(BadSetting):
            door_hardware(door(**bad))


def test_sinks_by_their_settings(tmp_path: Path) -> None:
    assert door_sinks(door(), []) == []
    (command,) = door_sinks(door(event_command="true"), [])
    assert command.name == "command"
    with pytest.raises(BadSetting):
        door_sinks(door(webhook_url="https://example.org/", webhook_secret_file=str(tmp_path / "none")), [])


def test_zones() -> None:
    assert door_zone("Europe/Berlin").key == "Europe/Berlin"
    assert door_zone("").key
    for bad in ("Mars/Phobos", "../etc/passwd"):
        with pytest.raises(BadSetting):
            door_zone(bad)


def test_languages_of_the_screen() -> None:
    assert kiosk_facts(Settings().with_values({"kiosk": {"languages": "de, en"}}, "test")).languages == ("de", "en")
    for bad in ("", "de,xx"):
        with pytest.raises(BadSetting):
            kiosk_facts(Settings().with_values({"kiosk": {"languages": bad}}, "test"))


@pytest.mark.parametrize("host", ["::", "192.168.1.5", "kiosk.example.org"])
def test_the_screen_is_served_to_this_machine_alone(host: str) -> None:
    with pytest.raises(BadSetting):
        ScreenServer(ScreenFeed(KioskFacts("x")), lambda touch: None, host, 0)


@pytest.mark.system
def test_one_process_keeps_one_door(tmp_path: Path) -> None:
    first = Identity(tmp_path)
    name = first.hold()
    other = "from streamauth.kiosk.identity import Identity; from pathlib import Path; Identity(Path({!r})).hold()"
    command = [sys.executable, "-c", other.format(str(tmp_path))]
    second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode != 0
    assert "DoorTaken" in second.stderr
    first.close()
    assert subprocess.run(command).returncode == 0, "whoever ends lets go, however it ends"
    again = Identity(tmp_path)
    assert again.hold() == name
    again.close()
    with Path(tmp_path / "kiosk.id").open("w") as file:
        file.write("damaged")
    assert len(again.hold()) == 36
    again.close()
