import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from streamauth.errors import KeyMissing, KeyWrong, StoreBusy, StoreCorrupt
from streamauth.settings import StoreSettings
from streamauth.store import ledger
from streamauth.store.database import Database
from streamauth.store.records import ProfileKind
from streamauth.store.sealing import SealingKey
from streamauth.store.store import Store
from tests.store.helpers import (
    ENCODER,
    assert_enrolled,
    enrolled,
    execute,
    files_bytes,
    opened,
    python,
    run_killed,
    sqlite_only,
    voiceprint,
)


def test_what_is_stored_is_there_when_opened_again(home: Path) -> None:
    with opened(home) as store:
        enrolled(store, "Anna")
    with opened(home) as store:
        assert_enrolled(store, "Anna")


@sqlite_only
def test_another_place_by_path_and_by_url(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "other" / "people.db"
    with opened(home, StoreSettings(url=str(path))) as store:
        enrolled(store, "Anna")
    with opened(home, StoreSettings(url=f"sqlite:///{path}")) as store:
        assert_enrolled(store, "Anna")
    assert not (home / "streamauth.db").exists()


def test_a_missing_key_is_never_made_anew(home: Path) -> None:
    opened(home).close()
    (home / "sealing.key").unlink()
    with pytest.raises(KeyMissing):
        opened(home)
    assert not (home / "sealing.key").exists()


def test_a_wrong_key_is_refused_from_every_source(home: Path) -> None:
    opened(home).close()
    wrong = SealingKey.generate()
    with pytest.raises(KeyWrong):
        opened(home, key=wrong)
    with pytest.raises(KeyWrong):
        opened(home, StoreSettings(key_command=f"echo {wrong.text()}"))
    (home / "sealing.key").write_text(wrong.text())
    with pytest.raises(KeyWrong):
        opened(home)


def test_a_key_from_the_environment_needs_no_file(home: Path) -> None:
    key = SealingKey.generate()
    with opened(home, key=key) as store:
        enrolled(store, "Anna")
    with opened(home, key=key) as store:
        assert_enrolled(store, "Anna")
    assert not (home / "sealing.key").exists()


def test_a_store_whose_key_check_was_taken_away(home: Path) -> None:
    with opened(home) as store:
        enrolled(store, "Anna")
    execute(home, "DELETE FROM meta")
    with pytest.raises(StoreCorrupt):
        opened(home)


def test_first_openings_at_once_make_one_store(home: Path) -> None:
    barrier = threading.Barrier(8)

    def open_and_create(number: int) -> None:
        barrier.wait()
        with opened(home) as store:
            store.profiles.create(f"Anna {number}", ProfileKind.TEXT_DEPENDENT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_create, range(8)))
    with opened(home) as store:
        assert len(store.profiles.summaries()) == 8


@pytest.mark.system
def test_first_openings_by_processes_at_once_make_one_store(home: Path) -> None:
    code = """
print("ready", flush=True)
sys.stdin.readline()
enrolled(opened(home), arguments[0], int(arguments[1]))
"""
    processes = [python(code, home, f"Anna {number}", number * 10) for number in range(3)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with opened(home) as store:
        for number in range(3):
            assert_enrolled(store, f"Anna {number}", number * 10)


def test_what_another_process_notes_while_a_store_is_opened_makes_it_no_older_copy(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ledger.root_of

    def overtaken(*arguments: Any) -> ledger.Root:
        found = read(*arguments)
        monkeypatch.setattr(ledger, "root_of", read)
        enrolled(store, "Anna", 10)
        return found

    monkeypatch.setattr(ledger, "root_of", overtaken)
    with opened(home) as other:
        assert_enrolled(other, "Anna", 10)


def test_threads_share_a_store(store: Store) -> None:
    def work(number: int) -> None:
        enrolled(store, f"Anna {number}", number * 10)
        assert_enrolled(store, f"Anna {number}", number * 10)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(18)))
    assert len(store.profiles.summaries()) == 18


@pytest.mark.parametrize(
    ("purpose", "statement"),
    [
        ("another profile", "UPDATE voiceprints SET embedding = (SELECT embedding FROM voiceprints WHERE rowid = 2)"),
        ("another purpose", "UPDATE voiceprints SET embedding = (SELECT embedding FROM enrollments LIMIT 1)"),
        ("another encoder", "UPDATE voiceprints SET encoder_id = encoder_id || encoder_id"),
        ("no blob", "UPDATE voiceprints SET embedding = 'text'"),
        ("a number", "UPDATE voiceprints SET embedding = 123456789012"),
    ],
)
@sqlite_only
def test_a_sealed_value_in_another_row_does_not_open(home: Path, purpose: str, statement: str) -> None:
    with opened(home) as store:
        anna = enrolled(store, "Anna", 1)
        enrolled(store, "Ben", 11)
    execute(home, f"{statement} WHERE profile_id = ?", anna.id)
    encoder_id = ENCODER * 2 if purpose == "another encoder" else ENCODER
    with opened(home) as store, pytest.raises(StoreCorrupt):
        store.voiceprints.get(anna.id, encoder_id)


@pytest.mark.system
@sqlite_only
def test_traces_are_wiped_when_a_deletion_was_killed_halfway(home: Path) -> None:
    with opened(home) as store:
        profile = enrolled(store, "MARKER-OF-ANNA")
        other = enrolled(store, "Ben", 11)
    code = """
from streamauth.store import ledger
from streamauth.store.database import Database
Database.wipe = die
store = opened(home)
put(store, store.profiles.get("MARKER-OF-ANNA").id, ENCODER, voiceprint(50))
store.profiles.delete(arguments[0])
"""
    run_killed(code, home, profile.id)
    assert b"MARKER-OF-ANNA" in files_bytes(home)
    with opened(home) as store:
        assert profile.id.encode() not in files_bytes(home)
        assert b"MARKER-OF-ANNA" not in files_bytes(home)
        assert [summary.profile.id for summary in store.profiles.summaries()] == [other.id]
        assert_enrolled(store, "Ben", 11)


@sqlite_only
def test_a_deletion_says_when_a_reader_keeps_traces_alive(home: Path) -> None:
    settings = StoreSettings(busy_timeout_s=0.1)
    with opened(home, settings) as store:
        profile = enrolled(store, "MARKER-OF-ANNA")
        reader = sqlite3.connect(home / "streamauth.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM profiles").fetchone()
        with pytest.raises(StoreBusy, match="It is deleted, but traces remain"):
            store.profiles.delete(profile.id)
        assert store.profiles.summaries() == []
        with opened(home, settings) as second:  # usable although it cannot wipe yet
            assert second.profiles.summaries() == []
        assert b"MARKER-OF-ANNA" in files_bytes(home)
        reader.close()
        with opened(home, settings):
            assert b"MARKER-OF-ANNA" not in files_bytes(home)


def test_an_opening_without_deletions_wipes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(home) as store:
        store.profiles.delete(enrolled(store, "Anna").id)
    wipes: list[Database] = []
    monkeypatch.setattr(Database, "wipe", wipes.append)
    opened(home).close()
    assert wipes == []


def test_embeddings_are_not_in_the_files_in_the_clear(store: Store, home: Path) -> None:
    enrolled(store, "Anna", 1)
    data = files_bytes(home)
    assert b"phrase 1" not in data
    for seed in range(1, 5):
        assert voiceprint(seed).tobytes()[:16] not in data
