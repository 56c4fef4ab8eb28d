import random
import stat
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from streamauth.errors import BadSetting, StoreBusy, StoreError
from streamauth.store.database import Database
from streamauth.store.store import Store
from tests.store.helpers import ENCODER, enrolled, on_both, opened, python, run_killed, same, voiceprint

STORE_KINDS = ("sqlite",)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "folder" / "test.db", busy_timeout_s=0.2)


def test_the_modes_of_files_and_folder(store: Store, home: Path) -> None:
    enrolled(store, "Anna")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    versions = {name: modes.pop(name) for name in list(modes) if name.endswith(".version")}
    assert set(versions.values()) == {0o600}
    assert modes == dict.fromkeys(["streamauth.db", "streamauth.db-wal", "streamauth.db-shm", "sealing.key"], 0o600)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_every_connection_is_crash_safe_and_traceless(database: Database) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "temp_store": 2,
        "busy_timeout": 200,
    }
    with database.read() as first, database.read() as second:
        for connection in (first, second):
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
            assert found == wanted


def test_a_write_happens_wholly_or_not(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        _ = connection.execute(text("INSERT INTO t VALUES (1)")).rowcount / 0
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 0


def test_writers_wait_for_each_other_from_the_beginning(database: Database) -> None:
    started = time.monotonic()
    with database.write(), pytest.raises(StoreBusy), database.write():
        pytest.fail("two writers at once")
    assert 0.15 < time.monotonic() - started < 5


def test_a_migration_does_not_cascade_and_leaves_no_connection_behind(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE child (id REFERENCES parent (id) ON DELETE CASCADE)"))
        connection.execute(text("INSERT INTO parent VALUES (1)"))
        connection.execute(text("INSERT INTO child VALUES (1)"))
    with database.migrate() as connection:
        connection.execute(text("DELETE FROM parent"))
        connection.execute(text("INSERT INTO parent VALUES (1)"))
    with database.write() as connection:
        assert connection.scalar(text("SELECT count(*) FROM child")) == 1
        connection.execute(text("DELETE FROM parent"))
        assert connection.scalar(text("SELECT count(*) FROM child")) == 0


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "nosuchdialect://host/name", "://"]
)
def test_an_address_that_cannot_be_used(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSetting):
        Database(url, busy_timeout_s=1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        Database(tmp_path / "file" / "test.db", busy_timeout_s=1)


@pytest.mark.system
@on_both
def test_a_kill_at_any_moment_loses_nothing_that_was_confirmed(home: Path) -> None:
    code = """
store = opened(home)
seed = int(arguments[0])
for number in range(seed, seed + 10_000):
    profile = store.profiles.create(f"{number}", ProfileKind.TEXT_DEPENDENT)
    for utterance in range(3):
        complete = voiceprint(number + 3) if utterance == 2 else None
        store.enrollments.add(profile.id, record(number + utterance), phrase="some words", voiceprint=complete)
        print(number, utterance, profile.id, flush=True)
"""
    moments = random.Random(7)
    confirmed: list[tuple[int, int, str]] = []
    for run in range(3):
        with python(code, home, run * 10_000) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(moments.randint(1, 12))]
            time.sleep(moments.uniform(0, 0.02))
            process.kill()
            lines += process.stdout.read().split("\n")[:-1]  # what follows the last line end was not confirmed
            confirmed += [(int(n), int(u), i) for n, u, i in (line.split() for line in lines)]
        with opened(home) as store:
            store.maintenance.check()
            for number, utterance, profile_id in confirmed:
                stored = [item.voiceprint for item in store.enrollments.of(profile_id, ENCODER)]
                assert same(stored[: utterance + 1], [voiceprint(number + u) for u in range(utterance + 1)])
                assert store.profiles.get(str(number)).phrase == "some words"
                # an enrollment that is complete has its voiceprint, and no other has one
                assert (store.voiceprints.encoders(profile_id) == (ENCODER,)) == (len(stored) == 3)


@pytest.mark.system
@pytest.mark.parametrize("statement", [9, 14, 20, 26])
def test_a_kill_while_the_store_is_made_leaves_one_that_opens(home: Path, statement: int) -> None:
    code = """
from sqlalchemy import Engine, event
left = int(arguments[0])
def count(*_):
    global left
    left -= 1
    if not left:
        die()
event.listen(Engine, "before_cursor_execute", count)
opened(home)
"""
    run_killed(code, home, statement)
    with opened(home) as store:
        enrolled(store, "Anna")
        store.maintenance.check()
