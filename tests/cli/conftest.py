import shutil
from pathlib import Path

import pytest

from tests.cli.rig import Shell, enroll


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
