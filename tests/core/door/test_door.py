import pytest

from streamauth.core.door.door import MAX_UNLOCK_MS, Door, DoorRule, Grant
from streamauth.core.door.events import Denial, DoorEvent, DoorEventKind, DoorMode, DoorState
from streamauth.errors import InputError

RULE = DoorRule(strike_ms=5_000, held_ms=30_000, exit_ms=5_000)
ADA = Grant("ada")


def door(**changes: object) -> Door:
    ready = Door(DoorRule(**{"strike_ms": 5_000, "held_ms": 30_000, "exit_ms": 5_000, **changes}))  # type: ignore[arg-type]
    ready.contact(0, is_open=False)
    return ready


def kinds(events: list[DoorEvent]) -> list[str]:
    return [event.kind.value for event in events]


def test_a_grant_releases_the_lock_for_the_strike_time() -> None:
    d = door()
    assert kinds(d.grant(1_000, ADA)) == ["granted"]
    assert d.unlocked
    assert d.state is DoorState.GRANTED
    assert d.next_ms == 6_000
    assert d.advance(5_999) == []
    assert d.unlocked
    (unused,) = d.advance(6_000)
    assert unused == DoorEvent(6_000, DoorEventKind.UNUSED, "ada")
    assert not d.unlocked
    assert d.state is DoorState.LOCKED


def test_the_lock_falls_back_when_the_door_opens() -> None:
    d = door()
    d.grant(0, ADA)
    assert kinds(d.contact(1_000, is_open=True)) == ["opened", "passed"]
    assert not d.unlocked
    assert d.state.value == "open"
    assert kinds(d.contact(2_000, is_open=False)) == ["closed"]
    assert d.state.value == "locked"
    assert d.advance(60_000) == []


def test_a_lock_that_is_to_stay_released_falls_back_when_the_door_closes() -> None:
    d = door(relock_on_opening=False)
    d.grant(0, ADA)
    d.contact(1_000, is_open=True)
    assert d.unlocked
    d.contact(2_000, is_open=False)
    assert not d.unlocked


def test_opening_without_a_grant_is_forced_until_it_is_closed() -> None:
    d = door()
    assert kinds(d.contact(10, is_open=True)) == ["forced"]
    assert d.state is DoorState.FORCED
    assert not d.unlocked
    assert d.advance(100_000) == []
    assert kinds(d.contact(100_001, is_open=False)) == ["closed", "forced_ended"]


def test_an_opening_after_the_strike_time_is_forced() -> None:
    d = door()
    d.grant(0, ADA)
    assert kinds(d.contact(5_000, is_open=True)) == ["unused", "forced"]


def test_a_door_that_stays_open_is_held() -> None:
    d = door()
    d.grant(0, ADA)
    d.contact(1_000, is_open=True)
    assert d.next_ms == 31_000
    assert kinds(d.advance(31_000)) == ["held"]
    assert d.state is DoorState.HELD
    assert kinds(d.contact(40_000, is_open=False)) == ["closed", "held_ended"]


def test_the_exit_button_shunts_the_alarm() -> None:
    d = door(exit_unlocks=False)
    assert kinds(d.request_exit(0)) == ["exit"]
    assert not d.unlocked
    assert kinds(d.contact(4_999, is_open=True)) == ["opened"]
    d.contact(6_000, is_open=False)
    assert kinds(d.contact(6_001, is_open=True)) == ["forced"]


def test_an_exit_is_good_for_one_opening() -> None:
    d = door(exit_unlocks=False)
    d.request_exit(0)
    d.contact(100, is_open=True)
    d.contact(200, is_open=False)
    assert kinds(d.contact(300, is_open=True)) == ["forced"]


def test_the_exit_button_releases_the_lock_where_it_is_wired_so() -> None:
    d = door()
    d.request_exit(0)
    assert d.unlocked
    assert d.advance(5_000) == []
    assert not d.unlocked


def test_lockdown_ends_grants_and_refuses_others_but_lets_people_out() -> None:
    d = door()
    d.grant(0, ADA)
    assert d.set_mode(100, DoorMode.LOCKDOWN) == [DoorEvent(100, DoorEventKind.MODE, None, "lockdown")]
    assert not d.unlocked
    assert d.grant(200, ADA) == [DoorEvent(200, DoorEventKind.DENIED, "ada", Denial.LOCKDOWN)]
    assert not d.unlocked
    d.request_exit(300)
    assert d.unlocked
    assert kinds(d.contact(400, is_open=True)) == ["opened"]


def test_evacuation_releases_the_lock_and_ends_alarms() -> None:
    d = door()
    d.contact(0, is_open=True)
    assert kinds(d.set_mode(10, DoorMode.EVACUATION)) == ["mode", "forced_ended"]
    assert d.unlocked
    d.contact(20, is_open=False)
    assert kinds(d.contact(30, is_open=True)) == ["opened"]
    assert d.advance(10_000_000) == []
    d.set_mode(10_000_000, DoorMode.NORMAL)
    assert not d.unlocked
    assert kinds(d.advance(10_030_000)) == ["held"]


def test_an_operator_opens_for_many_people() -> None:
    d = door()
    d.grant(0, Grant(unlock_ms=60_000, stays_unlocked=True, reason="operator"))
    for at_ms in range(1_000, 50_000, 10_000):
        assert kinds(d.contact(at_ms, is_open=True))[0] == "opened"
        assert d.unlocked
        d.contact(at_ms + 1_000, is_open=False)
        assert d.unlocked
    d.contact(55_000, is_open=True)
    assert d.next_ms == 60_000
    d.advance(60_000)
    assert not d.unlocked
    assert kinds(d.advance(90_000)) == ["held"]


def test_a_short_grant_does_not_cut_an_operators_opening() -> None:
    d = door()
    d.grant(0, Grant(unlock_ms=60_000, stays_unlocked=True))
    d.grant(1_000, ADA)
    d.advance(10_000)
    assert d.unlocked


def test_another_person_passes_while_the_door_is_open() -> None:
    d = door()
    d.grant(0, ADA)
    d.contact(1_000, is_open=True)
    assert kinds(d.grant(2_000, Grant("bob"))) == ["granted", "passed"]
    d.contact(3_000, is_open=False)
    assert d.unlocked, "it fell shut in front of bob"
    d.contact(4_000, is_open=True)
    assert not d.unlocked


def test_without_a_contact_there_are_no_alarms_and_a_grant_is_a_passage() -> None:
    d = door(has_contact=False)
    assert kinds(d.grant(0, ADA)) == ["granted", "passed"]
    d.contact(100, is_open=True)
    assert d.state is DoorState.GRANTED
    assert d.advance(5_000) == []
    assert not d.unlocked


def test_a_door_that_is_found_open_is_no_alarm_until_it_stays_so() -> None:
    d = Door(RULE)
    assert d.contact(0, is_open=True) == [DoorEvent(0, DoorEventKind.OPENED, None, "found_open")]
    assert kinds(d.advance(30_000)) == ["held"]


def test_after_a_restart_it_is_locked_and_lockdown_goes_on() -> None:
    for mode, then in ((DoorMode.LOCKDOWN, DoorMode.LOCKDOWN), (DoorMode.EVACUATION, DoorMode.NORMAL)):
        again = Door(RULE, mode)
        assert not again.unlocked
        assert again.mode is then


def test_an_operator_ends_a_grant() -> None:
    d = door()
    d.grant(0, Grant(unlock_ms=60_000, stays_unlocked=True))
    assert d.revoke(1_000) == []
    assert not d.unlocked
    assert kinds(d.contact(2_000, is_open=True)) == ["forced"]


def test_time_that_goes_back_counts_as_no_time() -> None:
    d = door()
    d.grant(10_000, ADA)
    d.advance(0)
    assert d.unlocked
    d.advance(15_000)
    assert not d.unlocked


def test_the_same_contact_again_changes_nothing() -> None:
    d = door()
    assert d.contact(1, is_open=False) == []
    d.contact(2, is_open=True)
    assert d.contact(3, is_open=True) == []


def test_times_are_bounded() -> None:
    for bad in (0, -1, MAX_UNLOCK_MS + 1):
        with pytest.raises(InputError):
            DoorRule(strike_ms=bad)
        with pytest.raises(InputError):
            Grant(unlock_ms=bad)
