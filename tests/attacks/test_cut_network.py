"""Hosts whose network is cut: a round of ``scripts.attack.cut_network``."""

import subprocess
import sys

import pytest

from scripts.attack.hosts import possible


@pytest.mark.network
@pytest.mark.timeout(600)
def test_a_network_that_is_cut_accepts_nobody_and_loses_nothing() -> None:
    if not possible():
        pytest.skip("no network namespaces are allowed here")
    # in a process of its own: its threads go from one namespace to another
    command = [sys.executable, "-m", "scripts.attack.cut_network", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all of it holds" in done.stdout
