"""The Tab key, in each shell itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.rig import Shell


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``streamauth`` is this source's."""
    program = tmp_path / "bin" / "streamauth"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m streamauth "$@"\n')
    program.chmod(0o755)
    root = Path(__file__).resolve().parents[2]
    path = f"{program.parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(root), "HOME": str(tmp_path)}


def ran(environment: dict[str, str], *command: str) -> list[str]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.system
def test_bash(shell: Shell, programs: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "completion"
    file.write_text(shell("completion", "bash").out)
    asked = 'COMP_WORDS=(streamauth login ena); COMP_CWORD=2; _streamauth_completion streamauth; echo "${COMPREPLY[@]}"'
    assert ran(programs, "bash", "--norc", "-c", f"source {file}; {asked}") == ["enable"]


@pytest.mark.tools
def test_fish(shell: Shell, programs: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    file = tmp_path / "completion"
    file.write_text(shell("completion", "fish").out)
    asked = f"source {file}; complete --do-complete 'streamauth login ena'"
    assert ran(programs, "fish", "--no-config", "-c", asked)[0] == "enable"


@pytest.mark.tools
def test_zsh(shell: Shell, programs: dict[str, str], tmp_path: Path) -> None:
    """By the first Tab of a session, in which the file is looked up by zsh itself."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    (tmp_path / "_streamauth").write_text(shell("completion", "zsh").out)
    lines = (
        "zmodload zsh/zpty",
        "zpty session zsh --no-rcs -i",
        f"zpty -w session 'PS1=; fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -D; print -r re\"\"ady'",
        "until zpty -r session line && [[ $line == *ready* ]]; do :; done",
        "zpty -w -n session $'streamauth login ena\\t'",
        "until zpty -r session line '*enable*'; do :; done",
        "print -r -- found",
    )
    assert ran(programs, "zsh", "--no-rcs", "-c", "\n".join(lines)) == ["found"]
