"""Runs commands in this process, as a shell would see them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from streamauth.cli.main import run
from streamauth.demo_data import demo_utterances

PHRASE = "please open the door and let me come in"


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def error(self) -> str:
        """The code of the error."""
        return str(self.data["error"]["code"])


class Shell:
    """A person at a terminal, with a data folder of their own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], home: Path) -> None:
        self._capsys = capsys
        self.home = home

    def __call__(self, *arguments: str | Path) -> Outcome:
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    def json(self, *arguments: str | Path) -> Outcome:
        """With ``--json``; stdout must be exactly one object then."""
        outcome = self(*arguments, "--json")
        assert outcome.data is not None
        return outcome


def voice(name: str, utterance: str) -> Path:
    """A file of synthetic speech."""
    return demo_utterances()[name, utterance].path


def wav(path: Path, samples: Any, rate: int = 16_000, **how: Any) -> Path:
    """A WAV file of these samples."""
    soundfile.write(path, np.asarray(samples), rate, **how)
    return path


def enroll(shell: Shell, name: str, who: str) -> Outcome:
    """A person enrolled with the pass phrase."""
    return shell.json("enroll", name, *(voice(who, f"door-{n}") for n in (1, 2, 3)), "--phrase", PHRASE)
