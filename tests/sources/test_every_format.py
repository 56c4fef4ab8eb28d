"""What other programs write is taken with its right length, or refused by name: a part of ``scripts.measure.files``."""

from collections import Counter
from contextlib import chdir
from pathlib import Path
from shutil import which

import pytest

from scripts.measure.files import Result, results


def verdicts(folder: Path, program: str, every: int) -> Counter[str]:
    """How many files came to which verdict; none may be a fault."""
    # some formats put the half of a file beside it, where the program stands
    with chdir(folder):
        judged = [result for result in results(folder, [program], every) if isinstance(result, Result)]
    assert [result for result in judged if result.verdict == "fault"] == []
    return Counter(result.verdict for result in judged)


def test_of_libsndfile(tmp_path: Path) -> None:
    found = verdicts(tmp_path, "libsndfile", 11)
    assert found["taken"] >= 25
    assert found["refused"] >= 10


@pytest.mark.tools
@pytest.mark.parametrize(("program", "every", "taken"), [("ffmpeg", 37, 4), ("sox", 17, 4)])
def test_of_other_programs(tmp_path: Path, program: str, every: int, taken: int) -> None:
    if which(program) is None:
        pytest.skip(f"{program} is not installed. Debian and Ubuntu: apt-get install {program}")
    found = verdicts(tmp_path, program, every)
    assert found["taken"] >= taken
