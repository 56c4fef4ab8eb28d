import os
from pathlib import Path

import pytest

from streamauth.errors import InputError, KeyWrong, StoreCorrupt
from streamauth.settings import StoreSettings
from streamauth.store import sealed_values
from streamauth.store.records import ProfileKind
from streamauth.store.sealed_database import SealedDatabase
from streamauth.store.sealing import SealingKey
from streamauth.store.store import Store
from tests.store.helpers import (
    OTHER_ENCODER,
    assert_enrolled,
    enrolled,
    execute,
    files_bytes,
    opened,
    put,
    run_killed,
    same,
    sqlite_only,
    voiceprint,
)


def _key_id(home: Path) -> bytes:
    return SealingKey.parse((home / "sealing.key").read_text()).id


def _fill(store: Store) -> None:
    for number in range(4):
        profile = enrolled(store, f"Anna {number}", number * 10)
        put(store, profile.id, OTHER_ENCODER, voiceprint(99))
    store.profiles.create("Nobody", ProfileKind.TEXT_INDEPENDENT)


def _assert_filled(store: Store) -> None:
    store.maintenance.check()
    assert len(store.profiles.summaries()) == 5
    for number in range(4):
        assert_enrolled(store, f"Anna {number}", number * 10)
        assert same(store.voiceprints.get(store.profiles.get(f"Anna {number}").id, OTHER_ENCODER), voiceprint(99))


@pytest.mark.parametrize("batch", [1, 3, 500])
@sqlite_only
def test_a_rotation_seals_everything_by_a_new_key(home: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(sealed_values, "_BATCH", batch)
    with opened(home) as store:
        _fill(store)
        former = _key_id(home)
        assert files_bytes(home).count(former) > 20
        store.maintenance.rotate_key()
        assert former not in files_bytes(home)
        assert _key_id(home) != former
        _assert_filled(store)
        enrolled(store, "Ben", 70)
    names = sorted(name for name in os.listdir(home) if not name.endswith(".version"))
    assert names == ["sealing.key", f"sealing.key.old-{former.hex()}", "streamauth.db"]
    (home / f"sealing.key.old-{former.hex()}").unlink()
    with opened(home) as store:
        assert_enrolled(store, "Ben", 70)
        store.maintenance.rotate_key()
        store.maintenance.rotate_key()
        assert_enrolled(store, "Ben", 70)


def test_a_rotation_to_a_given_key(home: Path) -> None:
    new = SealingKey.generate()
    with opened(home) as store:
        _fill(store)
        store.maintenance.rotate_key(new)
        with pytest.raises(InputError):
            store.maintenance.rotate_key(new)
    assert _key_id(home) == new.id
    with opened(home, key=new) as store:
        _assert_filled(store)


def test_a_key_from_elsewhere_must_be_given_and_then_come_from_there(home: Path) -> None:
    former, new = SealingKey.generate(), SealingKey.generate()
    with opened(home, key=former) as store:
        _fill(store)
        with pytest.raises(InputError):
            store.maintenance.rotate_key()
        _assert_filled(store)
        store.maintenance.rotate_key(new)
        _assert_filled(store)
    with pytest.raises(KeyWrong):
        opened(home, key=former)
    with opened(home, key=new) as store:
        _assert_filled(store)


def test_others_that_have_the_store_open_go_on_with_the_new_key(home: Path) -> None:
    with opened(home) as store, opened(home) as other:
        _fill(store)
        _assert_filled(other)
        store.maintenance.rotate_key()
        _assert_filled(other)
        enrolled(other, "Ben", 70)
        assert_enrolled(store, "Ben", 70)
        store.maintenance.check()


def test_others_whose_key_cannot_be_renewed_seal_nothing_by_the_former_one(home: Path) -> None:
    former = SealingKey.generate()
    with opened(home, key=former) as store, opened(home, key=former) as other:
        store.maintenance.rotate_key(SealingKey.generate())
        with pytest.raises(KeyWrong):
            other.profiles.create("Ben", ProfileKind.TEXT_DEPENDENT, phrase="some words")
        assert store.profiles.summaries() == []


def test_stores_that_share_a_key_file_are_rotated_one_by_one(home: Path, tmp_path: Path) -> None:
    second = StoreSettings(url=str(tmp_path / "second.db"))
    for settings in (None, second):
        with opened(home, settings) as store:
            _fill(store)
    for rotated in (None, second, None):
        with opened(home, rotated) as store:
            store.maintenance.rotate_key()
        for settings in (None, second):
            with opened(home, settings) as store:
                _assert_filled(store)


@pytest.mark.system
@pytest.mark.parametrize(
    ("moment", "patch"),
    [
        ("before the new key is on the disk", "keys.KeySource.stage = die"),
        ("while the new key is written", "os.link = die"),
        ("before the new key is in force", "sealed_database.SealedDatabase.change_key = die"),
        ("before the commit", "sealed_database.SealedDatabase.mark_wipe = die"),
        ("before the key file changes", "keys.KeySource.settle = die"),
        ("while the key file changes", "os.replace = die"),
        ("before the former blobs are wiped", "database.Database.wipe = die"),
    ],
)
def test_a_rotation_killed_at_any_moment_leaves_a_store_that_opens(home: Path, moment: str, patch: str) -> None:
    with opened(home) as store:
        _fill(store)
    former = _key_id(home)
    code = f"""
from streamauth.store import database, keys, sealed_database
store = opened(home)
{patch}
store.maintenance.rotate_key()
"""
    run_killed(code, home)
    committed = moment in (
        "before the key file changes",
        "while the key file changes",
        "before the former blobs are wiped",
    )
    with opened(home) as store:
        _assert_filled(store)
        # the file that everyone knows of is the one that counts again
        assert (_key_id(home) != former) == committed
        assert (former not in files_bytes(home)) == committed
        store.maintenance.rotate_key()
        _assert_filled(store)


def test_a_failed_rotation_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(home) as store:
        _fill(store)
        former = _key_id(home)
        with monkeypatch.context() as patched:
            patched.setattr(SealedDatabase, "change_key", fail)
            with pytest.raises(KeyboardInterrupt):
                store.maintenance.rotate_key()
        assert _key_id(home) == former
        _assert_filled(store)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE profiles SET phrase = zeroblob(60) WHERE name = 'Anna 1'",
        "UPDATE enrollments SET embedding = (SELECT embedding FROM voiceprints LIMIT 1) WHERE id = 5",
        "UPDATE voiceprints SET embedding = zeroblob(2000) WHERE rowid = 3",
        "UPDATE profiles SET created_ms = 'x'",
        "DELETE FROM profiles WHERE name = 'Anna 1'",
    ],
)
@sqlite_only
def test_a_check_finds_what_is_wrong(home: Path, statement: str) -> None:
    with opened(home) as store:
        _fill(store)
        store.maintenance.check()
    execute(home, statement)  # foreign keys are off here
    with opened(home) as store, pytest.raises(StoreCorrupt):
        store.maintenance.check()
