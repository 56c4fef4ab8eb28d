"""Servers in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def server_process(script: str, home: Path, *, ends_within_s: float) -> Iterator[str]:
    """The address of a server that a script runs on a data folder, and prints; it must end in order."""
    command = [sys.executable, "-c", script, str(home)]
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=environment) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().strip()
        finally:
            running.terminate()
            assert running.wait(ends_within_s) == 0
