from pathlib import Path

import pytest

from tests.cli.rig import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    home = tmp_path / "home"
    monkeypatch.setenv("STREAMAUTH_HOME", str(home))
    return Shell(capsys, home)
