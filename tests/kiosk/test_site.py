"""A kiosk that is cut off from its site: it goes on, counts, refuses when it knows too little, and reconciles."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from streamauth.core.door.access import Permission, Person
from streamauth.core.door.command import DoorAction
from streamauth.core.door.events import Denial, DoorEventKind, DoorMode, DoorState
from streamauth.core.lockout import AttemptOutcome, Locked
from streamauth.errors import OutputUnavailable, StoreCorrupt, StoreUnavailable, UnknownProfile
from streamauth.kiosk.build import open_parts
from streamauth.settings import Settings, StoreSettings
from streamauth.store.door_plan import PersonRow, SpanRow
from streamauth.store.records import EnrollmentRecord
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, voiceprint
from tests.kiosk.rig import DOOR
from tests.kiosk.site_rig import HOUR_S, LIMITS, Clocks, Kept, Network, copy_of, enroll, failures
from tests.outputs.making import message


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders: ``site`` knows Ada and Bob at the front and Eve at the back door, ``near`` is an empty store."""
    folder = tmp_path_factory.mktemp("sites")
    Store.open(folder / "near", StoreSettings(), {}).close()
    with Store.open(folder / "site", StoreSettings(), {}) as store:
        for speaker, name in enumerate(("ada", "bob", "eve"), 1):
            enroll(store, name, speaker, "seven green apples please" if name == "ada" else None)
        plan = store.door_plan
        plan.put_people([PersonRow(Person("Ada", "ada"), pin="2468", badge="159-1270")])
        plan.put_people([PersonRow(Person("Bob", "bob", groups=frozenset({"staff"})))])
        plan.put_people([PersonRow(Person("Eve", "eve"), pin="1357")])
        day = SpanRow("day", "mon-sun", "00:00", "24:00", "yes")
        plan.replace_schedules([day, SpanRow("other", "mon", "1:00", "2:00")])
        plan.replace_permissions(
            [Permission("Ada", "front"), Permission("@staff", "*", "day"), Permission("Eve", "back", "other")]
        )
        plan.replace_holidays(["12-25"])
    return folder


def opened(made: Path, folder: Path, name: str) -> Store:
    return Store.open(Path(shutil.copytree(made / name, folder / name)), StoreSettings(), {})


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Iterator[Store]:
    with opened(made, tmp_path, "site") as store:
        yield store


@pytest.fixture
def near(made: Path, tmp_path: Path) -> Iterator[Store]:
    with opened(made, tmp_path, "near") as store:
        yield store


def fail(store: Store, name: str) -> None:
    """A failed attempt."""
    token = store.attempts.begin(store.profiles.get(name).id, LIMITS)
    store.attempts.finish(token, AttemptOutcome.REJECTED)


def succeed(store: Store, name: str) -> None:
    """An accepted one, which clears what failed before."""
    store.attempts.finish(store.attempts.begin(store.profiles.get(name).id, LIMITS), AttemptOutcome.ACCEPTED)


def test_the_copy_holds_one_door_and_nobody_else(site: Store, near: Store) -> None:
    copy = copy_of(near, Clocks())
    assert copy.too_old, "nobody is let in by nothing"
    copy.pull(site)
    assert not copy.too_old
    plan = near.door_plan.load()
    assert set(plan.people) == {"Ada", "Bob"}
    assert set(plan.schedules) == {"day"}
    assert {summary.profile.name for summary in near.profiles.summaries()} == {"ada", "bob"}
    ada, here = site.profiles.get("ada"), near.profiles.get("ada")
    assert (here.id, here.phrase, here.kind, here.locale) == (ada.id, ada.phrase, ada.kind, ada.locale)
    assert np.allclose(near.voiceprints.get(ada.id, FakeEncoder.id), site.voiceprints.get(ada.id, FakeEncoder.id))
    for claim in (near.door_plan.by_pin("2468"), near.door_plan.by_badge("159-1270")):
        assert claim is not None
        assert claim.person == "Ada"
    assert near.door_plan.by_pin("1357") is None
    # sealed by a key of its own: the site's key is not here
    assert (near._sealed.keys.find_or_make().id) != (site._sealed.keys.find_or_make().id)


def test_a_second_look_changes_nothing(site: Store, near: Store) -> None:
    copy = copy_of(near, Clocks())
    copy.pull(site)
    changed = near.profiles.marks(["ada", "bob"])
    copy.pull(site)
    assert near.profiles.marks(["ada", "bob"]) == changed


def test_what_is_revoked_is_gone_at_the_next_look(site: Store, near: Store) -> None:
    copy = copy_of(near, Clocks())
    copy.pull(site)
    ada = near.profiles.get("ada").id
    site.door_plan.remove_person("Ada")
    copy.pull(site)
    assert set(near.door_plan.load().people) == {"Bob"}
    assert near.door_plan.by_pin("2468") is None
    with pytest.raises(UnknownProfile):
        near.profiles.get_by_id(ada)
    site.profiles.delete(site.profiles.get("bob").id)
    copy.pull(site)
    assert near.profiles.ids() == []
    # and who is enrolled anew under the same name is another one
    again = enroll(site, "bob", 7)
    copy.pull(site)
    assert near.profiles.get("bob").id == again
    assert np.allclose(near.voiceprints.get(again, FakeEncoder.id), voiceprint(7)[None])


def test_failed_attempts_count_on_both_sides(site: Store, near: Store) -> None:
    copy = copy_of(near, Clocks())
    copy.pull(site)
    fail(site, "ada")
    copy.pull(site)
    assert failures(near, "ada") == 1
    for _ in range(3):
        fail(near, "ada")  # while it is cut off
    fail(site, "ada")
    copy.pull(site)
    assert failures(near, "ada") == failures(site, "ada") == 5
    ada = site.profiles.get("ada").id
    for store in (near, site):
        assert isinstance(store.attempts.standing(ada, LIMITS)[1], Locked), "locked at every entrance"
    site.attempts.unlock(ada)
    copy.pull(site)
    assert failures(near, "ada") == 0
    fail(near, "bob")
    copy.pull(site)
    succeed(near, "bob")
    copy.pull(site)
    assert failures(site, "bob") == 0, "an accept here clears what it cleared here"


def test_who_is_accepted_here_counts_as_used_there(site: Store, near: Store) -> None:
    copy = copy_of(near, Clocks())
    copy.pull(site)
    succeed(near, "bob")
    copy.pull(site)
    bob = site.profiles.get("bob").id
    used = site.profiles.uses()
    assert set(used) == {bob}
    site.profiles.use(bob, used[bob] - 1)
    site.profiles.use(bob, 2**60)  # a clock that is far ahead
    assert used[bob] <= site.profiles.uses()[bob] < 2**50


def test_a_new_enrollment_forgives_nothing(site: Store, near: Store) -> None:
    copy = copy_of(near, Clocks())
    copy.pull(site)
    fail(near, "bob")
    record = EnrollmentRecord(FakeEncoder.id, voiceprint(9)[None], 3.0, 4.0)
    site.enrollments.add(site.profiles.get("bob").id, record, voiceprint=record.voiceprint, more=True)
    copy.merge_charges(site)
    copy.pull(site)
    assert failures(near, "bob") == failures(site, "bob") == 1


class Killed(BaseException):
    """Stands for a kill of the process."""


@pytest.mark.parametrize("moment", range(1, 12))
def test_killed_in_between(site: Store, near: Store, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """After any of its writings, either side's: the next start comes to the same as if nothing had happened."""
    first = copy_of(near, Clocks())
    first.pull(site)
    fail(near, "ada")
    fail(site, "ada")
    succeed(site, "bob")
    record = EnrollmentRecord(FakeEncoder.id, voiceprint(9)[None], 3.0, 4.0)
    site.enrollments.add(site.profiles.get("bob").id, record, voiceprint=record.voiceprint, more=True)
    site.door_plan.put_people([PersonRow(Person("Eve", "eve", groups=frozenset({"staff"})))])
    left = moment
    with monkeypatch.context() as patch:
        for store in (site, near):
            write = store._sealed.database.write

            def killing(write: object = write) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return write()  # type: ignore[operator]

            patch.setattr(store._sealed.database, "write", killing)
        with suppress(Killed):
            first.pull(site)
    copy = copy_of(near, Clocks())
    copy.pull(site)
    copy.pull(site)
    assert failures(near, "ada") == failures(site, "ada") == 2
    assert set(near.door_plan.load().people) == {"Ada", "Bob", "Eve"}
    assert {summary.profile.name for summary in near.profiles.summaries()} == {"ada", "bob", "eve"}
    for name in ("ada", "bob", "eve"):
        profile_id = site.profiles.get(name).id
        assert np.allclose(
            near.voiceprints.get(profile_id, FakeEncoder.id), site.voiceprints.get(profile_id, FakeEncoder.id)
        )


@pytest.mark.parametrize(
    ("restarted", "set_by_s", "usable_h"),
    [
        (False, 0.0, 24),
        (False, 40 * HOUR_S, 24),  # set forward or back while it runs: only time that passed counts
        (False, -40 * HOUR_S, 24),
        (True, 0.0, 24),
        (True, -40 * HOUR_S, 22),  # a machine without a battery: a restart costs two hours, and never gains any
        (True, 40 * HOUR_S, 0),
    ],
)
def test_how_long_it_goes_on(site: Store, near: Store, restarted: bool, set_by_s: float, usable_h: int) -> None:
    clocks = Clocks()
    copy = copy_of(near, clocks)
    copy.pull(site)
    hours = 0
    while not copy.too_old and hours < 48:
        clocks.passes(HOUR_S)
        copy.tick()
        hours += 1
        if hours == 1:
            clocks.wall_s += set_by_s
            if restarted:
                clocks.steady_s = 5.0
                copy = copy_of(near, clocks)
                assert copy.age_s >= HOUR_S
    assert abs(hours - max(1, usable_h)) <= 1, hours
    copy.pull(site)
    assert not copy.too_old


def test_a_state_that_was_changed_is_refused(site: Store, near: Store) -> None:
    copy_of(near, Clocks()).pull(site)
    with near._sealed.database.write() as connection:
        connection.exec_driver_sql("UPDATE door_site SET value = x'00'")
    with pytest.raises(StoreCorrupt):
        copy_of(near, Clocks())


def test_who_went_through_another_door_counts_here(site: Store, near: Store) -> None:
    copy = copy_of(near, Clocks(), area="house")
    passed = message(1, kind=DoorEventKind.PASSED, person="Ada", area="house", direction="in", door="back")
    own = message(2, kind=DoorEventKind.PASSED, person="Bob", area="house", direction="in", door=DOOR)
    site.outbox.record([passed, own], [])
    copy.pull(site)
    copy.pull(site)
    found = near.outbox.last_passage("Ada", "house")
    assert found is not None
    assert found.direction == "in"
    assert len(list(near.outbox.log())) == 1


def test_a_day_without_the_site(site: Store, near: Store, tmp_path: Path) -> None:
    clocks, network = Clocks(), Network(site)
    kept = Kept(tmp_path, near, network, clocks)
    with kept.door as door:
        assert kept.link.look()
        assert kept.gate.decide("Ada") is None
        network.cut = True
        kept.link._site = None
        assert not kept.link.look()
        assert not kept.link.look()
        door.wait_for("cut_off")
        assert door.keeper.view.problem
        assert kept.gate.decide("Ada") is None, "it goes on"
        assert kept.gate.decide("Eve") is Denial.UNKNOWN_PERSON
        with pytest.raises(OutputUnavailable):
            kept.sink.deliver(message(1))
        clocks.passes(23.9 * HOUR_S)
        assert kept.gate.decide("Bob") is None
        assert kept.ages[-1] is False
        clocks.passes(0.2 * HOUR_S)
        kept.link.look()
        assert kept.ages[-1] is True
        assert kept.gate.decide("Ada") is Denial.OUT_OF_DATE
        # meanwhile somebody was removed; they come in no more from the first look on
        site.door_plan.remove_person("Ada")
        network.cut = False
        assert kept.link.look()
        door.wait_for("reconnected")
        assert kept.ages[-1] is False
        assert kept.gate.decide("Ada") is Denial.UNKNOWN_PERSON
        assert kept.gate.decide("Bob") is None
        # what waited arrives, once, however often it is sent
        waited = list(door.outbox.log())
        for _ in range(2):
            for each in waited:
                kept.sink.deliver(each)
        assert [each.id for each in site.outbox.log()] == [each.id for each in waited]
        assert [door.kinds().count(kind) for kind in ("cut_off", "reconnected")] == [1, 1]
        kept.link.close()


def test_commands_and_state_by_way_of_the_site(site: Store, near: Store, tmp_path: Path) -> None:
    kept = Kept(tmp_path, near, Network(site), Clocks())
    with kept.door as door:
        kept.link.look()
        assert site.doors.get(DOOR).state is DoorState.LOCKED
        site.doors.tell(DOOR, DoorAction.LOCKDOWN)
        kept.link.look()
        assert door.keeper.view.mode is DoorMode.LOCKDOWN
        assert site.doors.get(DOOR).mode is DoorMode.LOCKDOWN
        kept.link.close()


def test_a_kiosk_starts_without_its_server(tmp_path: Path) -> None:
    away = Settings().with_values({"store": {"url": "postgresql://nobody@127.0.0.1:9/none"}}, "test")
    authenticator, open_site = open_parts(tmp_path, away)
    with authenticator.store as store:
        assert store.profiles.ids() == []
        assert (tmp_path / "kiosk" / "streamauth.db").exists()
    assert open_site is not None
    with pytest.raises(StoreUnavailable):
        open_site()
    for usual in (Settings(), Settings().with_values({"store": {"url": f"sqlite:///{tmp_path}/x.db"}}, "test")):
        authenticator, open_site = open_parts(tmp_path, usual)
        authenticator.close()
        assert open_site is None
