"""A process killed at random points loses nothing that it confirmed: a few of ``scripts.attack.kills``."""

import subprocess
import sys

import pytest

from scripts.attack.kills import Believed, Toll


@pytest.mark.system
def test_processes_that_are_killed_lose_nothing() -> None:
    # in a process of its own: it forks, which a process with threads must not
    command = [sys.executable, "-m", "scripts.attack.kills", "--kills", "6", "--seed", "tests"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 kills")
    assert "nothing lost" in done.stdout


def test_what_is_lost_is_seen() -> None:
    toll, believed = Toll(), Believed()
    believed.hear(
        {"kind": "begin", "deed": "add", "facts": {"utterances 1": 2}, "between": [], "before": {"utterances 1": 1}},
        toll,
    )
    believed.compare({"utterances 1": 1}, toll)  # cut off
    assert not toll.lost
    believed.hear({"kind": "done", "deed": "add", "facts": {"utterances 1": 2}}, toll)
    believed.compare({"utterances 1": 1}, toll)
    assert toll.lost
