import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from streamauth.catalog.registry import Catalog
from streamauth.engines.loader import Engines
from streamauth.settings import Settings
from tests.cli.rig import Shell, enroll

_LOADED: dict[Any, Engines] = {}


@pytest.fixture(autouse=True)
def shared_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that ask for the same models get the same ones: loading is tested elsewhere, and is slow."""
    load = Engines.__init__

    def engines(self: Engines, settings: Settings, catalog: Catalog | None = None) -> None:
        load(self, settings, catalog)
        key = (settings.speech, settings.voice, settings.phrase, os.environ.get("STREAMAUTH_MODELS"))
        # all that is loaded, but not the folder of calibrations
        loaded = vars(_LOADED.setdefault(key, self))
        vars(self).update({name: value for name, value in loaded.items() if name != "_catalog"})

    monkeypatch.setattr(Engines, "__init__", engines)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    home = tmp_path / "home"
    monkeypatch.setenv("STREAMAUTH_HOME", str(home))
    return Shell(capsys, home)


@pytest.fixture(scope="session")
def enrolled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the data folder with alice (slt) and bob (rms) is kept once it was made."""
    return tmp_path_factory.mktemp("enrolled") / "home"


@pytest.fixture
def enrolled(shell: Shell, enrolled_home: Path) -> Shell:
    """A shell whose store knows alice (slt) and bob (rms), both with the pass phrase."""
    if not enrolled_home.is_dir():
        assert enroll(shell, "alice", "slt").data["status"] == "enrolled"
        assert enroll(shell, "bob", "rms").data["status"] == "enrolled"
        shutil.copytree(shell.home, enrolled_home)
    else:
        shutil.copytree(enrolled_home, shell.home)
    return shell
