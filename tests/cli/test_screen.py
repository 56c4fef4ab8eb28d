"""What reaches the screen: this program's words, and none of the libraries of C below it."""

import subprocess
import sys

import pytest

from streamauth.cli.output import Output

# as PortAudio and ALSA do: straight to the descriptor, past Python
_NOISY = """
import os
from streamauth.cli import main, output
def run(arguments):
    os.write(2, b"ALSA lib pcm.c: Unknown PCM\\n")
    output.report_error("some_code", "Own words.", False)
    return 2
main.run = run
main.main([])
"""


@pytest.mark.system
@pytest.mark.parametrize(("options", "shown"), [((), False), (("-X", "dev"), True)])
def test_what_libraries_print_is_for_developers(options: tuple[str, ...], shown: bool) -> None:
    done = subprocess.run([sys.executable, *options, "-c", _NOISY], capture_output=True, text=True)
    assert done.returncode == 2
    assert "streamauth: Own words. [some_code]" in done.stderr
    assert ("ALSA lib" in done.stderr) is shown


def test_names_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Rich would make pictures of words between colons, which are other names."""
    output = Output(False)
    output.result({}, "“:dog:” is enrolled.")
    output.messages.print("Say “:cat:”.", markup=False)
    output.listed({}, ("name",), [(":bear:",)])
    shown = capsys.readouterr()
    assert all(name in shown.out + shown.err for name in (":dog:", ":cat:", ":bear:"))
