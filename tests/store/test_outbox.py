import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from streamauth.core.door.access import Direction, Passage
from streamauth.core.door.events import DoorEventKind
from streamauth.core.door.message import DoorMessage
from streamauth.errors import StoreCorrupt, StoreError
from streamauth.store.database import Database
from streamauth.store.outbox import CLAIM_S, Outbox
from streamauth.store.store import Store
from tests.outputs.making import message
from tests.store.helpers import opened


@pytest.fixture
def database(store: Store) -> Database:
    return store._sealed.database


@pytest.fixture
def box(database: Database) -> Outbox:
    return Outbox(database)


DOOR = "front door"


def drained(box: Outbox, output: str) -> list[DoorMessage]:
    found = []
    while (waiting := box.next(output, DOOR)) is not None:
        found.append(waiting[1])
        box.delivered(waiting[0], 5)
    return found


def test_each_output_gets_each_event_in_order(box: Outbox) -> None:
    events = [message(number) for number in range(5)]
    box.record(events[:2], ["mqtt", "webhook"])
    box.record(events[2:], ["mqtt", "webhook"])
    assert box.waiting(DOOR) == 10
    assert drained(box, "mqtt") == events
    assert drained(box, "webhook") == events
    assert drained(box, "mqtt") == []
    assert list(box.log()) == events


def test_an_event_belongs_to_one_deliverer_for_a_while(
    box: Outbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(store._sealed.database, "_clock", lambda: now_s)
    box.record([message(1), message(2)], ["mqtt"])
    first = box.next("mqtt", DOOR)
    assert first is not None
    assert box.next("mqtt", DOOR) is None, "nor the one after it: they go in order"
    box.release(first[0])
    assert box.next("mqtt", DOOR) == first
    now_s += CLAIM_S + 1
    assert box.next("mqtt", DOOR) == first, "whoever had it is gone"
    box.delivered(first[0], 5)
    assert drained(box, "mqtt") == [message(2)]


DELIVERER = """
import sys
from pathlib import Path
from streamauth.store.outbox import CLAIM_S, Outbox
from tests.store.helpers import opened
with opened(Path(sys.argv[1])) as store, open(sys.argv[2], "a") as file:
    box = Outbox(store._sealed.database, claim_s=1.0)
    while box.waiting("front door"):
        if (found := box.next("mqtt", "front door")) is not None:
            print(found[1].id, file=file, flush=True)
            if sys.argv[3] == "hangs" and found[1].id == "m-20":
                print("hangs", flush=True)
                sys.stdin.read()
            box.delivered(found[0], 5)
"""


@pytest.mark.system
def test_of_two_deliverers_one_is_killed_and_nothing_is_lost(box: Outbox, home: Path, tmp_path: Path) -> None:
    events = [message(number) for number in range(40)]
    box.record(events, ["mqtt"])
    told = tmp_path / "told"
    command = [sys.executable, "-c", DELIVERER, str(home), str(told)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([*command, "hangs"], cwd=root, stdin=-1, stdout=-1, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "hangs\n"
        with subprocess.Popen([*command, "goes on"], cwd=root) as other:
            killed.kill()  # while it delivers
            assert other.wait(120) == 0
    arrived = told.read_text().split()
    again = [one for one, next_one in pairwise(arrived) if one == next_one]
    assert again == ["m-20"], "at least once"
    assert list(dict.fromkeys(arrived)) == [event.id for event in events], "in order"


def test_what_waits_is_still_there_after_a_restart(home: Path, box: Outbox) -> None:
    box.record([message(1), message(2)], ["mqtt"])
    first = box.next("mqtt", DOOR)
    assert first is not None
    box.delivered(first[0], 5)
    with opened(home) as again:
        assert drained(again.outbox, "mqtt") == [message(2)]


def test_doors_do_not_wait_for_each_other(box: Outbox) -> None:
    box.record([message(1)], ["mqtt"])
    other = DoorMessage("x", "lab", DoorEventKind.FORCED, 7)
    box.record([other], ["mqtt"])
    found = box.next("mqtt", "lab")
    assert found is not None
    assert found[1] == other
    assert [each.door for each in box.log("lab")] == ["lab"]


def test_duress_is_sent_and_never_logged(box: Outbox) -> None:
    duress = message(1, DoorEventKind.DURESS)
    box.record([duress], ["mqtt"])
    assert list(box.log()) == []
    assert drained(box, "mqtt") == [duress]


def test_a_recording_that_fails_leaves_nothing(box: Outbox) -> None:
    with pytest.raises(StoreError):
        box.record([message(1), message(2, at_ms=None)], ["mqtt"])
    assert box.waiting(DOOR) == 0
    assert list(box.log()) == []


def test_the_last_passage(box: Outbox) -> None:
    assert box.last_passage("ada", "house") is None
    for number, way in ((1, "in"), (2, "out")):
        box.record([message(number, DoorEventKind.PASSED, area="house", direction=way)], [])
    box.record([message(3, DoorEventKind.PASSED, area="garage", direction="in")], [])
    box.record([message(4, DoorEventKind.GRANTED, area="house", direction="in")], [])
    box.record([message(5, DoorEventKind.PASSED, area="house", direction="in", person="bob")], [])
    assert box.last_passage("ada", "house") == Passage(Direction.OUT, message(2).at_ms / 1000)


def test_a_long_log_comes_whole_and_since_a_moment(box: Outbox) -> None:
    box.record([message(number) for number in range(1, 1202)], [])
    assert [each.id for each in box.log()] == [f"m-{number}" for number in range(1, 1202)]
    assert len(list(box.log(since_ms=message(1200).at_ms))) == 2


def test_old_events_are_forgotten(box: Outbox) -> None:
    box.record([message(1), message(2)], ["mqtt"])
    assert box.forget(message(2).at_ms) == 2
    assert [each.id for each in box.log()] == ["m-2"]


def test_damaged_rows(box: Outbox, database: Database) -> None:
    box.record([message(1, DoorEventKind.PASSED, area="house", direction="in")], ["mqtt"])
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET direction = 'up'")
    with pytest.raises(StoreCorrupt):
        box.last_passage("ada", "house")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET kind = 'x'")
    with pytest.raises(StoreCorrupt):
        box.next("mqtt", DOOR)
