"""What other programs write is taken with its right length, or refused by name: a part of ``scripts.measure.files``."""

from collections import Counter
from contextlib import chdir, closing
from pathlib import Path
from shutil import which

import pytest

from scripts.measure.files import Result, results
from streamauth.sources.decoders import Decoders
from streamauth.sources.files import Decode


def verdicts(folder: Path, program: str, every: int, decode: Decode | None = None) -> Counter[str]:
    """How many files came to which verdict; none may be a fault."""
    # some formats put the half of a file beside it, where the program stands
    with chdir(folder):
        judged = [result for result in results(folder, [program], every, decode) if isinstance(result, Result)]
    assert [result for result in judged if result.verdict == "fault"] == []
    return Counter(result.verdict for result in judged)


def test_of_libsndfile(tmp_path: Path) -> None:
    found = verdicts(tmp_path, "libsndfile", 11)
    assert found["taken"] >= 25
    assert found["refused"] >= 10


@pytest.mark.system
@pytest.mark.skipif(not Decoders.available(), reason="Linux only")
def test_in_a_confined_process(tmp_path: Path) -> None:
    with closing(Decoders(memory_mb=512, step_s=30)) as decoders:
        found = verdicts(tmp_path, "libsndfile", 17, decoders.open)
    assert found["taken"] >= 15
    assert found["refused"] >= 5


@pytest.mark.tools
@pytest.mark.parametrize(("program", "every", "taken"), [("ffmpeg", 37, 4), ("sox", 17, 4)])
def test_of_other_programs(tmp_path: Path, program: str, every: int, taken: int) -> None:
    if which(program) is None:
        pytest.skip(f"{program} is not installed. Debian and Ubuntu: apt-get install {program}")
    found = verdicts(tmp_path, program, every)
    assert found["taken"] >= taken
