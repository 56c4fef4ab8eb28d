from pathlib import Path

from streamauth.core.door.door import Grant
from tests.kiosk.rig import Memory, MockDoor, eventually
from tests.outputs.making import message


def test_events_arrive_in_order_after_an_outage_and_after_a_restart(tmp_path: Path) -> None:
    sink = Memory()
    with MockDoor(tmp_path) as door:
        ours = door.deliver_to(sink)
        eventually(lambda: [each.kind for each in sink.got][:1] == ["started"])
        sink.away = True
        door.keeper.admit(Grant("ada"))
        door.open_door()
        door.close_door()
        eventually(lambda: ours.failing)
        sink.away = False
        eventually(lambda: sink.got and sink.got[-1].kind == "closed")
        sink.away = True
        door.open_door()
        door.wait_for("forced")
        ours.close()
        assert sink.closed
    again = Memory()
    with MockDoor(tmp_path) as door:
        ours = door.deliver_to(again)
        eventually(lambda: len(again.got) >= 2)
        ours.close()
        everything = list(door.outbox.log())
    assert [each.kind for each in again.got[:2]] == ["forced", "started"]
    arrived = [each.id for each in sink.got + again.got]
    assert arrived == [each.id for each in everything][: len(arrived)], "all of them, once and in order"


def test_a_sink_that_breaks_in_its_own_way_loses_nothing(tmp_path: Path) -> None:
    class Broken(Memory):
        tries = 0

        def deliver(self, told: object) -> None:
            self.tries += 1
            if self.tries < 3:
                raise ZeroDivisionError
            super().deliver(told)  # type: ignore[arg-type]

    sink = Broken()
    with MockDoor(tmp_path) as door:
        door.outbox.record([message(1)], ["other"])
        ours = door.deliver_to(sink)
        eventually(lambda: sink.got)
        ours.close()
    assert sink.got[0].kind == "started"
    assert sink.tries >= 3
