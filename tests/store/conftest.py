import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamauth.store.door_schema import metadata
from streamauth.store.store import Store
from tests.postgres import drop_database, new_database
from tests.quick import own_store
from tests.store.helpers import URL_FILE, emptied, execute, opened

_KINDS = ("sqlite", "postgres")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of a store on both databases, but for those of what only one of them has."""
    if "store_kind" in metafunc.fixturenames:
        kinds = getattr(metafunc.function, "store_kinds", getattr(metafunc.module, "STORE_KINDS", _KINDS))
        marked = [pytest.param(kind, marks=pytest.mark.system if kind == "postgres" else ()) for kind in kinds]
        metafunc.parametrize("store_kind", marked, indirect=True)


@pytest.fixture(autouse=True)
def product(monkeypatch: pytest.MonkeyPatch) -> None:
    own_store(monkeypatch)


@pytest.fixture
def store_kind(request: pytest.FixtureRequest) -> str:
    """What the store is kept in."""
    return str(request.param)


@pytest.fixture
def home(tmp_path: Path, store_kind: str, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder that does not exist yet, or that names an empty PostgreSQL database."""
    home = tmp_path / "home"
    if store_kind == "sqlite" or "store" in request.fixturenames:
        yield home
        return
    home.mkdir(mode=0o700)
    url = new_database()
    (home / URL_FILE).write_text(url)
    yield home
    drop_database(url)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an SQLite store that was just made."""
    home = tmp_path_factory.mktemp("empty") / "home"
    opened(home).close()
    return home


@pytest.fixture(scope="session")
def empty_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[tuple[str, list[Any]]]]]:
    """The data folder of a PostgreSQL store that was just made, and what is in its tables."""
    home = tmp_path_factory.mktemp("empty-postgres") / "home"
    home.mkdir()
    url = new_database()
    (home / URL_FILE).write_text(url)
    opened(home).close()
    yield home, [(table.name, execute(home, f"SELECT * FROM {table.name}")) for table in metadata.sorted_tables]  # noqa: S608
    drop_database(url)


@pytest.fixture
def store(home: Path, store_kind: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store in ``home``."""
    if store_kind == "sqlite":
        shutil.copytree(request.getfixturevalue("empty"), home)
    else:
        made, content = request.getfixturevalue("empty_postgres")
        shutil.copytree(made, home)
        emptied(home, content)  # much quicker than another database
    with opened(home) as store:
        yield store
