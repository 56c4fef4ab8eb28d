import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamauth.store.store import Store
from tests.store.helpers import opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a store that was just made."""
    home = tmp_path_factory.mktemp("empty") / "home"
    opened(home).close()
    return home


@pytest.fixture
def store(home: Path, empty: Path) -> Iterator[Store]:
    """An empty store in ``home``."""
    shutil.copytree(empty, home)
    with opened(home) as store:
        yield store
