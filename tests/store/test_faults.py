import errno
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import event, exc, make_url

from streamauth.errors import DiskFull, StoreBusy, StoreCorrupt, StoreError, StreamAuthError
from streamauth.settings import StoreSettings
from streamauth.store.backends.sqlite import SqliteBackend
from streamauth.store.faults import named_errors
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.store.helpers import ENCODER, assert_enrolled, enrolled, opened, python, record, same, voiceprint

STORE_KINDS = ("sqlite",)


TD = ProfileKind.TEXT_DEPENDENT
PAGE = 4096


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with twelve people in it."""
    home = tmp_path_factory.mktemp("filled")
    with opened(home) as store:
        for number in range(12):
            enrolled(store, f"Anna {number}", number * 10)
    return home


@pytest.fixture
def damaged(filled: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(filled, tmp_path / "damaged"))


@pytest.mark.parametrize(
    "content", [b"\0" * 100, b"this is no database".ljust(5000), b"SQLite format 3\0" + b"\xff" * 200]
)
def test_a_destroyed_header(damaged: Path, content: bytes) -> None:
    with (damaged / "streamauth.db").open("r+b") as file:
        file.write(content)
    with pytest.raises(StoreCorrupt):
        opened(damaged)


def test_a_file_that_is_cut_off(damaged: Path) -> None:
    path = damaged / "streamauth.db"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(StoreCorrupt), opened(damaged) as store:
        store.maintenance.check()


def test_a_destroyed_page_anywhere_is_noticed(filled: Path, damaged: Path) -> None:
    path, garbage = damaged / "streamauth.db", random.Random(3)
    content = path.read_bytes()
    pages = len(content) // PAGE
    assert pages > 20
    for page in range(1, pages):
        path.write_bytes(content[: page * PAGE] + garbage.randbytes(PAGE) + content[(page + 1) * PAGE :])
        with pytest.raises(StoreCorrupt), opened(damaged) as store:
            store.maintenance.check()


def test_a_destroyed_page_gives_a_named_error_or_the_truth(damaged: Path) -> None:
    path, dice = damaged / "streamauth.db", random.Random(5)
    content = path.read_bytes()
    refused = 0
    for _ in range(25):
        changed = bytearray(content)
        for _ in range(dice.randint(1, 12)):
            changed[dice.randrange(PAGE, len(changed))] = dice.randrange(256)
        path.write_bytes(changed)
        try:
            with opened(damaged) as store:
                for number in range(12):
                    profile = store.profiles.get(f"Anna {number}")
                    assert same(store.voiceprints.get(profile.id, ENCODER), voiceprint(number * 10 + 3))
                store.profiles.summaries()
                store.gallery.enrolled(ENCODER)
        except StreamAuthError:
            refused += 1
    assert 0 < refused < 25


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "streamauth.db"
    other = sqlite3.connect(path)
    with other:
        other.execute("CREATE TABLE bookmarks (address)")
    other.close()
    with pytest.raises(StoreCorrupt):
        opened(tmp_path)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    other.close()


def test_a_full_disk_changes_nothing(store: Store) -> None:
    enrolled(store, "Anna")
    profile = store.profiles.create("Ben", TD)
    limit = "PRAGMA max_page_count = 1"  # SQLite takes it for the present size
    event.listen(store._sealed.database.engine, "begin", lambda connection: connection.exec_driver_sql(limit))
    stored = 0

    def enroll_without_end() -> None:
        nonlocal stored
        for _ in range(100):
            store.enrollments.add(profile.id, record(stored), phrase="some words")
            stored += 1

    with pytest.raises(DiskFull):
        enroll_without_end()
    assert [r.speech_s for r in store.enrollments.of(profile.id, ENCODER)] == [1.5] * stored
    assert store.profiles.get("Ben").phrase == ("some words" if stored else None)
    limit = "PRAGMA max_page_count = 1000000"
    store.enrollments.add(profile.id, record(99), phrase="some words")
    assert len(store.enrollments.of(profile.id, ENCODER)) == stored + 1
    assert_enrolled(store, "Anna")
    store.maintenance.check()


@pytest.mark.system
def test_a_really_full_disk(tmp_path: Path) -> None:
    # a file system of its own, in name spaces of its own: nothing of the machine is touched
    spaces = ["unshare", "--user", "--map-root-user", "--mount"]
    mount = f"mount -t tmpfs -o size=900k none {tmp_path}"
    if subprocess.run([*spaces, "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no name spaces are allowed here")
    code = """
from streamauth.errors import DiskFull
outcomes = []
with opened(home) as store:
    profile = store.profiles.create("Anna", ProfileKind.TEXT_DEPENDENT)
    stored = 0
    try:
        while True:
            store.enrollments.add(profile.id, record(stored), phrase="some words")
            stored += 1
    except DiskFull:
        outcomes.append("DiskFull")
    outcomes.append(len(store.enrollments.of(profile.id, ENCODER)) - stored)
try:
    opened(home / "another").close()
except DiskFull:
    outcomes.append("DiskFull")
with opened(home) as store:
    outcomes.append(len(store.enrollments.of(profile.id, ENCODER)) - stored)
    store.maintenance.check()
print(stored > 10, *outcomes)
"""
    with python(code, tmp_path, prefix=(*spaces, "sh", "-c", f'{mount} && exec "$0" "$@"')) as process:
        assert process.communicate(timeout=60)[0] == "True DiskFull 0 DiskFull 0\n"


def test_a_store_that_is_held_too_long(home: Path) -> None:
    with opened(home, StoreSettings(busy_timeout_s=0.1)) as store:
        other = sqlite3.connect(home / "streamauth.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy) as caught:
            store.profiles.create("Anna", TD)
        assert caught.value.retryable
        assert store.profiles.summaries() == []  # readers need not wait
        other.close()
        store.profiles.create("Anna", TD)


def test_another_failure_tells_nothing_of_the_statement(store: Store, home: Path) -> None:
    database = sqlite3.connect(home / "streamauth.db")
    with database:
        database.execute("DROP TABLE profiles")
    database.close()
    with pytest.raises(StoreError) as caught:
        store.profiles.create("MARKER", TD)
    error = caught.value
    assert type(error) is StoreError
    assert "MARKER" not in error.message
    assert "SELECT" not in error.message
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("raised", "named"),
    [
        (OSError(errno.ENOSPC, "no space"), DiskFull),
        (OSError(errno.EDQUOT, "no quota"), DiskFull),
        (PermissionError(errno.EACCES, "denied"), StoreError),
        (exc.TimeoutError(), StoreBusy),
        (exc.InvalidRequestError("text"), StoreError),
        (exc.DBAPIError("SELECT", {"x": "MARKER"}, Exception("MARKER")), StoreError),
        (sqlite3.OperationalError("Could not decode to UTF-8 column"), StoreCorrupt),
        (sqlite3.ProgrammingError("text"), StoreError),
    ],
)
def test_the_names_of_failures(raised: Exception, named: type[StoreError], tmp_path: Path) -> None:
    named_by_sqlite = SqliteBackend(make_url(f"sqlite:///{tmp_path}/a.db"), 1).named
    with pytest.raises(StoreError) as caught, named_errors(named_by_sqlite):
        raise raised
    assert type(caught.value) is named
    assert "MARKER" not in caught.value.message


def test_errors_of_streamauth_and_of_the_program_pass_unchanged() -> None:
    for raised in (DiskFull("with its own words"), KeyError("a mistake")):
        with pytest.raises(type(raised)) as caught, named_errors():
            raise raised
        assert caught.value is raised
