"""Who can write the database but has no key: whatever is changed, put in, taken out or put back is noticed."""

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from streamauth.core.door.access import Person
from streamauth.core.door.command import DoorAction
from streamauth.core.door.events import DoorMode, DoorState
from streamauth.core.lockout import AttemptOutcome
from streamauth.core.phrase.prompt import Prompt, PromptKind
from streamauth.core.settings import ReplaySettings
from streamauth.errors import StoreRolledBack, StoreTampered, UnknownProfile
from streamauth.settings import AttemptSettings, PromptSettings, StoreSettings
from streamauth.store.api_keys import Scope
from streamauth.store.authentic import CHARGES, PROFILE
from streamauth.store.door_plan import PersonRow
from streamauth.store.door_schema import metadata
from streamauth.store.records import Profile
from streamauth.store.sealing import SealingKey
from streamauth.store.sign_ins import SignInRule
from streamauth.store.store import Store
from tests.store.helpers import ENCODER, assert_enrolled, engine_of, enrolled, execute, opened, put, record, voiceprint

LIMITS = AttemptSettings(free_failures=100, lock_after=3)
PROMPTS = PromptSettings()


def rows_of(home: Path, *names: str) -> dict[str, list[dict[str, Any]]]:
    """What tables hold, to be put back later."""
    engine = engine_of(home)
    with engine.connect() as connection:
        found = {
            name: [dict(row) for row in connection.execute(metadata.tables[name].select()).mappings()] for name in names
        }
    engine.dispose()
    return found


def put_back(home: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Make tables hold what they held."""
    engine = engine_of(home)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name in rows:
                connection.execute(table.delete())
        for table in metadata.sorted_tables:
            if rows.get(table.name):
                connection.execute(table.insert(), rows[table.name])
    engine.dispose()


@pytest.fixture
def anna(store: Store) -> Profile:
    """The victim; Ben is enrolled, too."""
    enrolled(store, "Ben", 50)
    return enrolled(store, "Anna", 10)


def refused(store: Store, profile: Profile) -> None:
    """Nothing is decided by the profile any more; Ben's is untouched."""
    with pytest.raises(StoreTampered):
        store.standings.of(profile.id, ENCODER)
    with pytest.raises(StoreTampered):
        store.voiceprints.get(profile.id, ENCODER)
    with pytest.raises(StoreTampered):
        store.enrollments.of(profile.id, ENCODER)
    with pytest.raises(StoreTampered):
        store.profiles.get_by_id(profile.id)
    everybody = {one.name: one for one in store.gallery.enrolled(ENCODER)}
    for one in everybody.values():
        if one.profile_id == profile.id:
            with pytest.raises(StoreTampered):
                store.standings.check(store.gallery.confirming(one, ENCODER))
    ben = store.profiles.get_by_id(next(s.profile.id for s in store.profiles.summaries() if s.profile.id != profile.id))
    assert store.standings.of(ben.id, ENCODER).profile_id == ben.id


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE profiles SET name = 'Eve', looks = 'eve' WHERE id = ?",
        "UPDATE profiles SET phrase = NULL WHERE id = ?",
        "UPDATE profiles SET kind = 'text_independent', phrase = NULL WHERE id = ?",
        "UPDATE profiles SET locale = 'de-DE' WHERE id = ?",
        "UPDATE profiles SET change = change - 1 WHERE id = ?",
        "UPDATE voiceprints SET created_ms = created_ms + 1 WHERE profile_id = ?",
        "UPDATE enrollments SET speech_s = 99 WHERE profile_id = ?",
        "DELETE FROM enrollments WHERE id = (SELECT max(id) FROM enrollments WHERE profile_id = ?)",
    ],
)
def test_a_changed_profile_decides_nothing(
    store: Store, home: Path, anna: Profile, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    execute(home, statement, anna.id)
    with caplog.at_level(logging.ERROR, "streamauth.store"):
        refused(store, anna)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, "logged once"
    assert anna.id in told[0]
    assert "Anna" not in told[0]
    assert [(each.kind, each.id) for each in store.maintenance.forged() if each.kind == "profile"] == [
        ("profile", anna.id)
    ]


def test_two_names_are_swapped(store: Store, home: Path, anna: Profile) -> None:
    ben = store.profiles.get("Ben")
    execute(home, "UPDATE profiles SET name = 'x', looks = 'x' WHERE id = ?", anna.id)
    looks = execute(home, "SELECT looks FROM profiles WHERE id = ?", ben.id)[0]
    execute(home, "UPDATE profiles SET name = 'Anna', looks = 'anna' WHERE id = ?", ben.id)
    execute(home, "UPDATE profiles SET name = 'Ben', looks = ? WHERE id = ?", looks, anna.id)
    for name in ("Anna", "Ben"):
        with pytest.raises(StoreTampered):
            store.profiles.get(name)
    with pytest.raises(StoreTampered):
        store.enrollments.add(anna.id, record(1), more=True)  # what is false is never marked as true


def test_a_voiceprint_that_was_deleted_is_put_back(store: Store, home: Path, anna: Profile) -> None:
    before = rows_of(home, "voiceprints", "enrollments", "profiles", "templates")
    store.profiles.reset(anna.id)
    put_back(home, {name: before[name] for name in ("voiceprints", "enrollments")})
    refused(store, anna)
    put_back(home, before)  # the profile's row, too, as it was
    refused(store, anna)


@pytest.mark.parametrize("with_ledger", [False, True])
def test_a_profile_that_was_deleted_is_put_back(store: Store, home: Path, anna: Profile, with_ledger: bool) -> None:
    names = ("profiles", "voiceprints", "enrollments", "removals", *(["ledger"] if with_ledger else []))
    before = rows_of(home, *names)
    root = execute(home, "SELECT digest FROM ledger WHERE place = ''")[0]
    store.profiles.delete(anna.id)
    newest = execute(home, "SELECT digest FROM ledger WHERE place = ''")[0]
    assert root != newest
    put_back(home, before)
    if with_ledger:  # all marks as they were, under the newest root: what a rollback that is not noticed would need
        execute(home, "UPDATE ledger SET digest = ? WHERE place = ''", newest)
    for read in (lambda: store.profiles.get("Anna"), lambda: store.standings.of(anna.id, ENCODER)):
        with pytest.raises(StoreTampered):
            read()
    if not with_ledger:
        assert_enrolled(store, "Ben", 50)
        store.profiles.delete(anna.id)  # and can be deleted again
        with pytest.raises(UnknownProfile):
            store.profiles.get("Anna")
        store.maintenance.check()


def test_a_profile_that_was_taken_out_is_missed(store: Store, home: Path, anna: Profile) -> None:
    for table in ("voiceprints", "enrollments"):
        execute(home, f"DELETE FROM {table} WHERE profile_id = ?", anna.id)  # noqa: S608
    execute(home, "DELETE FROM profiles WHERE id = ?", anna.id)
    with pytest.raises(StoreTampered):
        store.profiles.get("Anna")
    with pytest.raises(StoreTampered):
        enrolled(store, "Anna", 30)  # nobody takes the name over
    assert sorted(each.fault for each in store.maintenance.forged()) == ["missing", "missing"]


def test_a_template_of_another_time_is_put_in(store: Store, home: Path, anna: Profile) -> None:
    store.templates.put(anna.id, ENCODER, "car", voiceprint(7), most=3)
    before = rows_of(home, "templates")
    store.templates.remove(anna.id, "car")
    put_back(home, before)
    with pytest.raises(StoreTampered):
        store.templates.of(anna.id, ENCODER)
    refused(store, anna)


@pytest.mark.parametrize("statement", ["DELETE FROM attempts", "UPDATE attempts SET began_at_s = 0"])
def test_charges_that_are_taken_back(store: Store, home: Path, anna: Profile, statement: str) -> None:
    token = None
    for _ in range(2):
        token = store.attempts.begin(anna.id, LIMITS)
        store.attempts.finish(token, AttemptOutcome.REJECTED)
    execute(home, statement)
    with pytest.raises(StoreTampered):
        store.attempts.begin(anna.id, LIMITS)
    with pytest.raises(StoreTampered):
        store.attempts.standing(anna.id, LIMITS)
    assert token is not None
    with pytest.raises(StoreTampered):
        store.attempts.finish(token, AttemptOutcome.ACCEPTED)
    store.attempts.begin(store.profiles.get("Ben").id, LIMITS)
    store.attempts.unlock(anna.id)  # an operator's word mends it
    store.attempts.begin(anna.id, LIMITS)


def test_trails_that_are_taken_out(store: Store, home: Path, anna: Profile) -> None:
    trail = np.ones((40, 24), np.int8)
    store.trails.keep(anna.id, trail, ReplaySettings(), enrolled=False)
    assert len(store.trails.of(anna.id, ReplaySettings())) == 1
    execute(home, "DELETE FROM trails")
    with pytest.raises(StoreTampered):
        store.trails.of(anna.id, ReplaySettings())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_keys SET scopes = 'admin,enroll,verify'",
        "UPDATE api_keys SET revoked_ms = NULL",
        "UPDATE api_keys SET tenant_id = 'north'",
    ],
)
def test_an_api_key_that_is_widened(store: Store, home: Path, statement: str) -> None:
    store.tenants.create("north")
    made, key = store.api_keys.create("web", [Scope.VERIFY])
    if "revoked" in statement:
        store.api_keys.revoke(made.id)
    execute(home, statement)
    with pytest.raises(StoreTampered):
        store.api_keys.find(key)
    other, working = store.api_keys.create("door", [Scope.VERIFY])
    assert store.api_keys.find(working).id == other.id


def test_an_api_key_that_is_put_in(store: Store, home: Path) -> None:
    made, key = store.api_keys.create("web", [Scope.ADMIN])
    secret_hash = execute(home, "SELECT hash FROM api_keys")[0]
    assert made.id.encode() not in bytes(secret_hash)
    execute(
        home,
        "INSERT INTO api_keys SELECT 'abcdefabcdef', tenant_id, name, scopes, hash, created_ms, expires_ms,"
        " used_ms, revoked_ms FROM api_keys",
    )
    with pytest.raises(StoreTampered):
        store.api_keys.find(f"sa_abcdefabcdef_{key.split('_', 2)[2]}")
    assert store.api_keys.find(key).id == made.id


def test_all_api_keys_are_taken_out_so_that_the_server_opens(store: Store, home: Path) -> None:
    store.api_keys.create("web", [Scope.VERIFY])
    assert store.api_keys.exist()
    execute(home, "DELETE FROM api_keys")
    with pytest.raises(StoreTampered):
        store.api_keys.exist()


def test_a_signing_key_that_is_put_in_is_not_published(store: Store, home: Path) -> None:
    ours = store.signing_keys.current(max_age_s=1e6)
    execute(
        home,
        "INSERT INTO signing_keys SELECT 'theirs', public, private, created_at_s + 10 FROM signing_keys",
    )
    assert [key["kid"] for key in store.signing_keys.published()] == [ours.id]
    assert store.signing_keys.current(max_age_s=1e6).id == ours.id
    execute(home, "UPDATE signing_keys SET public = ?", bytes(32))
    assert store.signing_keys.published() == []


def test_a_sign_in_that_is_put_in(store: Store, home: Path) -> None:
    rule = SignInRule(1e6, 1e6)
    made, _ = store.api_keys.create("operator", [Scope.ADMIN])
    secret = store.sign_ins.add(made.id, rule)
    assert store.sign_ins.find(secret, rule).id == made.id
    theirs = hashlib.sha256(b"theirs").hexdigest()
    execute(home, "INSERT INTO sign_ins SELECT ?, key_id, began_at_s, used_at_s FROM sign_ins", theirs)
    with pytest.raises(StoreTampered):
        store.sign_ins.find("theirs", rule)
    before = rows_of(home, "sign_ins")
    store.sign_ins.end(secret)
    put_back(home, before)
    with pytest.raises(StoreTampered):
        store.sign_ins.find(secret, rule)


def test_what_was_used_up_is_put_back(store: Store, home: Path, anna: Profile) -> None:
    made, _ = store.api_keys.create("web", [Scope.VERIFY])
    token = store.session_tokens.add(made.id, b"verify", lifetime_s=1e6, max_open=5)
    opened = store.prompts.add(Prompt(PromptKind.DIGITS, ("one", "two")), PROMPTS, profile_id=anna.id)
    before = rows_of(home, "session_tokens", "prompts")
    store.session_tokens.take(token)
    store.prompts.take(opened.id)
    put_back(home, before)
    with pytest.raises(StoreTampered):
        store.session_tokens.take(token)
    with pytest.raises(StoreTampered):
        store.prompts.take(opened.id)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda home: execute(home, "UPDATE door_people SET profile = 'Eve'"),
        lambda home: execute(home, "UPDATE door_pins SET hash = 'ab'"),
        lambda home: execute(home, "INSERT INTO door_permissions VALUES ('Ada', '*', 'always')"),
        lambda home: execute(home, "INSERT INTO door_holidays VALUES ('2026-01-01')"),
    ],
)
def test_a_plan_of_doors_that_is_changed_opens_none(store: Store, home: Path, tamper: Callable[[Path], Any]) -> None:
    store.door_plan.put_people([PersonRow(Person("Ada", "ada"), badge="77", pin="2468")])
    store.door_plan.load()
    tamper(home)
    with pytest.raises(StoreTampered):
        store.door_plan.load()
    with pytest.raises(StoreTampered):
        store.door_plan.by_pin("2468")
    with pytest.raises(StoreTampered):
        store.door_plan.by_badge("77")
    with pytest.raises(StoreTampered):
        store.door_plan.replace_holidays([])


def test_a_command_or_a_mode_that_is_put_in(store: Store, home: Path) -> None:
    store.doors.report("front", DoorState.LOCKED, DoorMode.LOCKDOWN, problem=False)
    store.doors.tell("front", DoorAction.OPEN)
    assert len(store.doors.take("front")) == 1
    execute(home, "UPDATE door_commands SET taken_ms = NULL")
    with pytest.raises(StoreTampered):
        store.doors.take("front")
    execute(home, "UPDATE doors SET mode = 'normal'")
    with pytest.raises(StoreTampered):
        store.doors.mode_of("front")


def test_an_older_copy_is_noticed_while_the_store_is_open_and_when_it_is_opened(
    store: Store, home: Path, anna: Profile
) -> None:
    everything = rows_of(home, *(table.name for table in metadata.sorted_tables))
    store.profiles.delete(anna.id)
    put_back(home, everything)
    with pytest.raises(StoreRolledBack):
        store.profiles.get("Anna")
    with pytest.raises(StoreRolledBack):
        opened(home)
    with opened(home, StoreSettings(refuse_older=False)) as told:
        told.maintenance.accept_older()
    with opened(home) as later:
        assert_enrolled(later, "Anna", 10)
        assert [entry.action for entry in later.audit.entries()][-1] == "store.older_accepted"
        later.maintenance.check()


def test_changes_by_two_at_once_are_no_forgery(store: Store, home: Path) -> None:
    profiles = [enrolled(store, f"Person {number}", number * 10) for number in range(4)]

    def work(number: int) -> None:
        profile = profiles[number % 4]
        for step in range(4):
            token = store.attempts.begin(profile.id, AttemptSettings(free_failures=1000, lock_after=1000))
            put(store, profile.id, ENCODER, voiceprint(number * 100 + step))
            store.attempts.finish(token, AttemptOutcome.ACCEPTED)
            store.profiles.get(profile.name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    store.maintenance.check()


def test_a_check_takes_few_statements_which_are_made_once(store: Store, anna: Profile) -> None:
    said: list[str] = []

    def hear(*about: Any) -> None:
        said.append(about[2])

    sealed = store._sealed
    with sealed.read() as connection:
        sealed.check(connection, PROFILE, anna.id)
        event.listen(connection, "before_cursor_execute", hear)
        sealed.check(connection, PROFILE, anna.id)
    # the key, the tree, and the rows of four tables
    assert len(said) == 6
    assert sum("FROM ledger" in each for each in said) == 1
    # to make a statement anew costs more than to run it
    assert all(part.of_one is part.of_one and part.of_some is part.of_some for part in PROFILE.parts)


def test_a_transaction_that_writes_asks_for_its_key_once(store: Store, anna: Profile) -> None:
    said: list[str] = []

    def hear(*about: Any) -> None:
        said.append(about[2])

    sealed = store._sealed
    for _ in range(2):  # the second time on a connection that was used before
        said.clear()
        with sealed.write() as connection:
            event.listen(connection, "before_cursor_execute", hear)
            sealed.check(connection, PROFILE, anna.id)
            sealed.check(connection, CHARGES, anna.id)
        assert sum("FROM meta" in each for each in said) == 1
    new = SealingKey.generate()
    store.maintenance.rotate_key(new)
    with sealed.write() as connection:
        assert sealed.key(connection).id == new.id
