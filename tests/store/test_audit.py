from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from streamauth.core.lockout import AttemptOutcome
from streamauth.core.settings import AttemptSettings
from streamauth.errors import AuditBroken
from streamauth.store import audit
from streamauth.store.api_keys import Scope
from streamauth.store.audit import AuditFilter
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.store.helpers import at


@pytest.fixture
def written(store: Store) -> Store:
    """A store where a person was made, tried twice, unlocked and deleted, and a key made and revoked."""
    profile = store.profiles.create("ada", ProfileKind.TEXT_INDEPENDENT)
    for outcome in (AttemptOutcome.REJECTED, AttemptOutcome.ACCEPTED):
        store.attempts.finish(store.attempts.begin(profile.id, AttemptSettings()), outcome, by="0123456789ab")
    store.attempts.unlock(profile.id)
    key, _ = store.api_keys.create("door", [Scope.VERIFY])
    store.api_keys.revoke(key.id)
    store.profiles.delete(profile.id)
    return store


def change(store: Store, statement: str) -> None:
    with store._sealed.write() as connection:
        connection.execute(text(statement))


def test_what_is_decided_and_changed_is_noted_in_order(written: Store) -> None:
    entries = list(written.audit.entries())
    assert [(entry.number, entry.action, entry.outcome, entry.actor) for entry in entries] == [
        (1, "profile.created", "", "local"),
        (2, "attempt", "rejected", "0123456789ab"),
        (3, "attempt", "accepted", "0123456789ab"),
        (4, "profile.unlocked", "", "local"),
        (5, "key.created", "", "local"),
        (6, "key.revoked", "", "local"),
        (7, "profile.deleted", "", "local"),
    ]
    assert len({entries[0].subject, entries[2].subject, entries[6].subject}) == 1
    assert [entry.number for entry in written.audit.entries(after=5)] == [6, 7]
    assert written.audit.verify().entries == 7


def test_no_name_is_in_it(written: Store) -> None:
    assert "ada" not in str(list(written.audit.entries()))


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM audit WHERE number = 3",
        "DELETE FROM audit WHERE number = 7",
        "DELETE FROM audit",
        "UPDATE audit SET link = (SELECT link FROM audit WHERE number = 1) WHERE number = 2",
        "UPDATE audit SET entry = (SELECT entry FROM audit WHERE number = 3) WHERE number = 2",
        "UPDATE audit SET number = 8 WHERE number = 2",
        "DELETE FROM meta WHERE name = 'audit_head'",
    ],
)
def test_who_can_write_the_database_but_has_no_key_is_noticed(written: Store, attack: str) -> None:
    change(written, attack)
    with pytest.raises(AuditBroken):
        written.audit.verify()
    with pytest.raises(AuditBroken):
        written.maintenance.check()


def test_an_entry_and_what_it_tells_of_happen_both_or_neither(store: Store) -> None:
    profile = store.profiles.create("ada", ProfileKind.TEXT_INDEPENDENT)
    token = store.attempts.begin(profile.id, AttemptSettings())
    change(store, "DELETE FROM meta WHERE name = 'audit_head'")
    with pytest.raises(AuditBroken):
        store.attempts.finish(token, AttemptOutcome.ACCEPTED)
    assert store.attempts.standing(profile.id, AttemptSettings())[0] == 1, "nothing was settled"


def test_the_chain_goes_on_with_another_sealing_key(written: Store, tmp_path: Path) -> None:
    before = written.audit.verify()
    written.maintenance.rotate_key()
    after = written.audit.verify()
    assert after.entries == before.entries + 1
    assert list(written.audit.entries())[-1].action == "key.rotated"


def test_an_empty_log_is_whole(store: Store) -> None:
    assert store.audit.verify().entries == 0
    assert not list(store.audit.entries())


def test_the_newest_are_found_without_reading_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    hour_s = 3600.0
    for number in range(120):
        at(store, number * hour_s).audit.note("step", subject=f"s{number % 3}")
    opened: list[int] = []
    entry_of: Callable[..., object] = audit._entry_of

    def counted(row: Any, key: object) -> object:
        opened.append(row.number)
        return entry_of(row, key)

    monkeypatch.setattr(audit, "_entry_of", counted)
    found = store.audit.newest(limit=2, wanted=AuditFilter("s1"))
    assert [(entry.number, entry.subject) for entry in found] == [(119, "s1"), (116, "s1")]
    assert len(opened) == 50
    since_ms = int(100 * hour_s * 1000)
    opened.clear()
    found = store.audit.newest(limit=1000, wanted=AuditFilter(None, since_ms, since_ms + 3_600_001))
    assert [entry.number for entry in found] == [102, 101]
    assert store.audit.newest(before=3, limit=9)[0].number == 2
    assert store.audit.newest(limit=9, wanted=AuditFilter("nobody")) == []
