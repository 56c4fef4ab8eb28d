"""``streamauth doors``."""

import threading
from pathlib import Path

import pytest

from streamauth.cli import doors as command
from streamauth.core.door.events import DoorMode, DoorState
from streamauth.core.door.message import DoorMessage
from tests.cli.rig import Shell
from tests.outputs.making import message
from tests.store.helpers import opened


class Board:
    """The store of the shell's data folder, as a kiosk sees it."""

    def __init__(self, shell: Shell) -> None:
        shell("doors", "list")
        self.store = opened(shell.home)
        self.doors, self.outbox, self.plan = self.store.doors, self.store.outbox, self.store.door_plan
        self.doors.report("front", DoorState.LOCKED, DoorMode.NORMAL, problem=False)


@pytest.fixture
def board(shell: Shell) -> Board:
    return Board(shell)


def test_how_doors_stand(shell: Shell) -> None:
    assert "No doors" in shell("doors", "list").out
    board = Board(shell)
    board.doors.report("front", DoorState.HELD, DoorMode.LOCKDOWN, problem=True)
    (row,) = shell.json("doors", "list").data["doors"]
    assert (row["name"], row["state"], row["mode"], row["problem"]) == ("front", "held", "lockdown", True)
    assert "held" in shell("doors", "list").out
    board.outbox.record([DoorMessage("1", "front", message().kind, 5)], ["mqtt"])
    state = shell.json("doors", "state", "front").data
    assert (state["state"], state["waiting"]) == ("held", 1)
    assert "something needs you" in shell("doors", "state", "front").out
    assert shell.json("doors", "state", "back").error == "unknown_door"
    assert shell.json("doors", "forget", "front").data["forgotten"]
    assert shell.json("doors", "list").data["doors"] == []


def test_a_door_that_obeys(shell: Shell, board: Board) -> None:
    stop = threading.Event()
    taken: list[tuple[str, float | None]] = []

    def kiosk() -> None:
        while not stop.is_set():
            taken.extend((each.action.value, each.seconds) for each in board.doors.take("front"))
            stop.wait(0.02)

    thread = threading.Thread(target=kiosk)
    thread.start()
    try:
        assert shell.json("doors", "open", "front", "--seconds", "20").data["taken"]
        for action in ("lock", "lockdown", "evacuate", "normal"):
            assert shell("doors", action, "front").code == 0
    finally:
        stop.set()
        thread.join()
    assert taken == [("open", 20.0), ("lock", None), ("lockdown", None), ("evacuate", None), ("normal", None)]


def test_a_door_that_does_not_answer(shell: Shell, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_TAKEN_WITHIN_S", 0.2)
    outcome = shell.json("doors", "open", "front")
    assert outcome.code == 4
    assert outcome.data["taken"] is False
    assert board.doors.take("front") == [], "it is void"
    assert shell.json("doors", "open", "front", "--seconds", "-1").error == "door_error"
    assert shell.json("doors", "open", "back").error == "unknown_door"


def test_tables(shell: Shell, board: Board, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("name,profile,badge,pin\nAda,ada,7,2468\n")
    assert shell.json("doors", "import", "people", people).data == {"table": "people", "rows": 1}
    assert board.plan.by_pin("2468") is not None
    out = shell("doors", "export", "people").out
    assert out.splitlines()[1].startswith("Ada,ada,")
    assert "2468" not in out
    schedules = tmp_path / "schedules.csv"
    schedules.write_text("name,days,from,to\noffice,mon-fri,08:00,18:00\n")
    assert shell("doors", "import", "schedules", schedules).code == 0
    schedules.write_text("name,days,from,to\noffice,mon-fry,08:00,18:00\n")
    assert shell.json("doors", "import", "schedules", schedules).error == "bad_schedule"
    schedules.write_bytes(b"\xff\xfe")
    assert shell.json("doors", "import", "schedules", schedules).error == "bad_plan"
    assert shell.json("doors", "import", "people", tmp_path / "none.csv").error == "bad_plan"


def test_events(shell: Shell, board: Board) -> None:
    board.outbox.record([message(1)], [])
    lines = shell("doors", "events", "--days", "100000").out.splitlines()
    assert lines[0].startswith("at,door,event,person")
    assert lines[1].endswith("m-1")
    assert len(shell("doors", "events", "--door", "back", "--days", "100000").out.splitlines()) == 1


def test_the_settings_of_a_kiosk_are_checked(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.json("kiosk", "--check").data == {"door": "front", "ready": True}
    monkeypatch.setenv("STREAMAUTH_KIOSK_HOST", "0.0.0.0")  # noqa: S104 - is refused
    assert shell.json("kiosk", "--check").error == "bad_setting"
