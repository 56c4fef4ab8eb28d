import json
from pathlib import Path

import pytest

from tests.cli.rig import Shell


def test_a_store_is_checked_and_copied(shell: Shell, tmp_path: Path) -> None:
    assert shell("keys", "create", "backend", "--scope", "verify").code == 0
    assert shell("store", "check").code == 0
    old, new = shell.home / "streamauth.db", tmp_path / "new.db"
    copied = shell("store", "copy", old, new, "--json")
    assert copied.code == 0
    assert json.loads(copied.out)["rows"]["api_keys"] == 1
    assert "backend" in shell("keys", "list", "--store", new).out
    assert shell("store", "check", "--store", new, "--json").code == 0
    again = shell("store", "copy", old, new)
    assert again.code == 2
    assert "not empty" in again.err


def test_the_password_of_a_database_is_never_shown(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_STORE_URL", "postgresql://anna:MARK/ER@@127.0.0.1:9/voices")
    monkeypatch.setenv("STREAMAUTH_STORE_BUSY_TIMEOUT_S", "2")
    for command in (("config", "show", "--changed", "--json"), ("profiles", "list")):
        outcome = shell(*command)
        assert "MARK" not in outcome.out + outcome.err
    assert "anna:***@127.0.0.1:9/voices" in shell("config", "show", "--changed", "--json").out
