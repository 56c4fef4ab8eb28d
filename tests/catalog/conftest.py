from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog.rig import Site, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        yield made


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a registry that the test writes; the data folder is a new one too."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("STREAMAUTH_MODELS", str(folder))
    monkeypatch.setenv("STREAMAUTH_HOME", str(tmp_path / "home"))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    return folder
