"""The manual pages: each command has one, man takes them without a warning, and they get into the packages."""

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.man_pages import pages, roff, write
from streamauth.settings import all_settings, environment_name
from tests.golden.recordings import read

BY_HAND = Path(__file__).resolve().parents[2] / "packaging" / "man"


def test_every_command_option_and_setting_is_in_them() -> None:
    texts = dict(pages())
    for name, options in read("surface", "surface")["commands"].items():
        words = name.split()
        text = texts["-".join(words[:2]) + ".1"]
        assert roff(name) in text
        assert [option for option in options if option.startswith("--") and roff(option) not in text] == []
    for section, item in all_settings():
        assert environment_name(section, item.name) in texts["streamauth.5"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a-b", r"a\-b"),
        (".SH X", r"\&.SH X"),
        ("'x", r"\&'x"),
        (r"\n", r"\en"),
        ("run `streamauth doctor` now", r"run \fBstreamauth doctor\fR now"),
    ],
)
def test_text_is_no_request(text: str, expected: str) -> None:
    assert roff(text) == expected


@pytest.mark.tools
def test_man_takes_them(tmp_path: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("man-db is not installed")
    files = [tmp_path / file for file in write(tmp_path) if file.parts[0] == "man"] + sorted(BY_HAND.glob("*.8"))
    assert len(files) > 20
    command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("x trailer") == len(files)


def test_the_modules_own_page_names_its_arguments() -> None:
    source = (BY_HAND.parent / "pam" / "pam_streamauth.c").read_text()
    page = (BY_HAND / "pam_streamauth.8").read_text()
    for argument in ("fixed", "immediate", "timeout=", "socket="):
        assert argument in source
        assert argument in page
