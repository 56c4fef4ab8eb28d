"""What the tests of the store share."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Engine, create_engine, func, make_url, select, text

from streamauth.core.lockout import AttemptState
from streamauth.core.ports import Voiceprint
from streamauth.settings import StoreSettings
from streamauth.store.door_schema import metadata
from streamauth.store.keys import KEY_VARIABLE
from streamauth.store.records import EnrollmentRecord, Profile, ProfileKind
from streamauth.store.schema import attempts
from streamauth.store.sealing import SealingKey
from streamauth.store.store import Store

ENCODER = "encoder-a"
OTHER_ENCODER = "encoder-b"


def at(store: Store, now_s: float) -> Store:
    """The store, whose clock now stands at a moment."""
    store._sealed.database._clock = lambda: now_s
    return store


def failures(store: Store, profile_id: str) -> AttemptState:
    """The charges of a profile."""
    query = select(func.count(), func.max(attempts.c.began_at_s)).where(attempts.c.profile_id == profile_id)
    with store._sealed.read() as connection:
        return AttemptState(*connection.execute(query).one())


URL_FILE = "store.url"
"""A file in a data folder of the tests: where its store is, if not in the folder."""

_Test = TypeVar("_Test", bound=Callable[..., None])


def sqlite_only(test: _Test) -> _Test:
    """For a test of what only SQLite has, such as its files."""
    test.store_kinds = ["sqlite"]  # type: ignore[attr-defined]
    return test


def on_both(test: _Test) -> _Test:
    """For a test of every database in a module of tests of one of them."""
    test.store_kinds = ["sqlite", "postgres"]  # type: ignore[attr-defined]
    return test


def postgres_only(test: _Test) -> _Test:
    """For a test of what only PostgreSQL has."""
    test.store_kinds = ["postgres"]  # type: ignore[attr-defined]
    return test


def engine_of(home: Path) -> Engine:
    """A way into the database behind the back of the store."""
    if (home / URL_FILE).exists():
        return create_engine(make_url((home / URL_FILE).read_text()).set(drivername="postgresql+psycopg"))
    return create_engine(f"sqlite:///{home}/streamauth.db")


def execute(home: Path, statement: str, *values: object) -> list[Any]:
    """What a statement gives, behind the back of the store; its placeholders are ``?``."""
    for number in range(len(values)):
        statement = statement.replace("?", f":v{number}", 1)
    engine = engine_of(home)
    with engine.begin() as connection:
        result = connection.execute(text(statement), {f"v{number}": value for number, value in enumerate(values)})
        rows = list(result) if result.returns_rows else []
    engine.dispose()
    return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def emptied(home: Path, content: Sequence[tuple[str, list[Any]]]) -> None:
    """Make the tables of a store hold what they held when it was made."""
    engine = engine_of(home)
    with engine.begin() as connection:
        for name, _ in reversed(content):
            connection.execute(metadata.tables[name].delete())
        for name, rows in content:
            table = metadata.tables[name]
            for row in rows:
                connection.execute(table.insert().values(dict(zip(table.columns.keys(), row, strict=True))))
    engine.dispose()


def opened(home: Path, settings: StoreSettings | None = None, key: SealingKey | None = None) -> Store:
    """A store that nothing else on the machine can disturb; the key is given as by the environment."""
    settings = settings or StoreSettings(busy_timeout_s=60)
    if (home / URL_FILE).exists() and not settings.url:
        settings = replace(settings, url=(home / URL_FILE).read_text())
    return Store.open(home, settings, {} if key is None else {KEY_VARIABLE: key.text()})


def voiceprint(seed: int, dim: int = 256) -> Voiceprint:
    """A voiceprint of its own for every seed, shape (1, dim)."""
    vector = np.random.default_rng(seed).standard_normal((1, dim)).astype(np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def same(found: Any, expected: Any) -> bool:
    """Whether voiceprints are the same, as far as turning them at rest and back leaves them."""
    found, expected = np.asarray(found), np.asarray(expected)
    return found.shape == expected.shape and np.allclose(found, expected, atol=1e-6)


def record(seed: int, encoder_id: str = ENCODER) -> EnrollmentRecord:
    return EnrollmentRecord(encoder_id, voiceprint(seed), speech_s=1.5, audio_s=2.25)


def enrolled(store: Store, name: str, seed: int = 1, encoder_id: str = ENCODER, *, tenant: str = "default") -> Profile:
    """A profile with three utterances and a voiceprint, which are ``voiceprint(seed)`` to ``(seed + 3)``."""
    profile = store.profiles.create(name, ProfileKind.TEXT_DEPENDENT, phrase=f"phrase {seed}", tenant=tenant)
    for number in range(3):
        store.enrollments.add(
            profile.id,
            record(seed + number, encoder_id),
            voiceprint=voiceprint(seed + 3) if number == 2 else None,
        )
    return profile


def put(store: Store, profile_id: str, encoder_id: str, made: Voiceprint) -> None:
    """Complete an enrollment, or one more, by a single utterance."""
    one = EnrollmentRecord(encoder_id, made, speech_s=1.5, audio_s=2.25)
    store.enrollments.add(profile_id, one, voiceprint=made, more=True)


def assert_enrolled(store: Store, name: str, seed: int = 1) -> None:
    """That everything ``enrolled`` stored is there and reads as it was."""
    profile = store.profiles.get(name)
    assert profile.phrase == f"phrase {seed}"
    assert same(store.voiceprints.get(profile.id, ENCODER), voiceprint(seed + 3))
    found = [item.voiceprint for item in store.enrollments.of(profile.id, ENCODER)]
    assert same(found, [voiceprint(seed + number) for number in range(3)])


def files_bytes(home: Path) -> bytes:
    """All bytes of the database and its logs; of one in PostgreSQL, all that its tables hold."""
    if not (home / URL_FILE).exists():
        return b"".join(path.read_bytes() for path in sorted(home.glob("streamauth.db*")))
    engine = engine_of(home)
    with engine.connect() as connection:
        cells = [cell for table in metadata.sorted_tables for row in connection.execute(table.select()) for cell in row]
    engine.dispose()
    return b"\0".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def python(code: str, *arguments: object, prefix: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """A process that runs the code with ``helpers``, ``home`` and ``arguments`` at hand.

    ``prefix`` is a command that runs the command given to it.
    """
    prelude = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.store.helpers import *\n"
        "home, arguments = Path(sys.argv[1]), sys.argv[2:]\n"
        "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [*prefix, sys.executable, "-c", prelude + code, *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)


def run_killed(code: str, *arguments: object) -> None:
    """Run the code in a process, which must kill itself by ``die``."""
    with python(code, *arguments) as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
