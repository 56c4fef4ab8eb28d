"""Core dumps of processes that hold voiceprints."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.rig import Shell

CRASH = """
import os, resource, sys
most = resource.getrlimit(resource.RLIMIT_CORE)[1]  # commands that ran in the tests' own process may have lowered it
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
from streamauth.cli.dumps import are_off, switch_off
assert not are_off()
if sys.argv[1] == "off":
    switch_off()
    assert are_off()
    assert open("/proc/self/status").read()  # its own files are there
    open(f"/proc/self/fd/{os.memfd_create('audio')}", "wb").close()
if os.fork() == 0:
    assert are_off() == (sys.argv[1] == "off"), "workers inherit it"
    os.abort()
print(os.WCOREDUMP(os.wait()[1]))
"""


@pytest.mark.system
@pytest.mark.parametrize("dumps", ["on", "off"])
def test_a_crash_leaves_no_core(dumps: str, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})" + CRASH, dumps]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    if dumps == "off":
        assert done.stdout == "False\n"
        assert list(tmp_path.iterdir()) == []
    elif limit != 0 and "/" not in Path("/proc/sys/kernel/core_pattern").read_text():
        assert done.stdout == "True\n", "without it there is one"


def test_the_doctor_tells_that_they_are_off(shell: Shell) -> None:
    (check,) = [each for each in shell.json("doctor").data["checks"] if each["name"] == "core dumps"]
    assert check["found"] == "off"
