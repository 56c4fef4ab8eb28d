"""The whole product as it is installed: real models, a sound card by ALSA, PAM, sudo; voices by a synthesizer."""

import sys
import time
from collections.abc import Iterator

import pytest

from streamauth.core.phrase.words import DIGITS
from tests.login import sound
from tests.login.machine import LOGIN, PASSWORD, Machine, machine, missing
from tests.login.sound import Card, card, demo, flite, quiet

pytestmark = [pytest.mark.pam, pytest.mark.timeout(300)]
SUDO = ("sudo", "id", "-u")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Card]]:
    """A machine with a sound card, the daemon, and ada's voice, enrolled by the commands of the docs."""
    if lacking := missing() + sound.missing():
        pytest.skip(f"not there: {', '.join(lacking)}")
    with machine(tmp_path_factory.mktemp("machine"), in_stack=False) as box, card(box) as microphone:
        home = box.folder / "home"
        box.use_command(
            "env",
            *(f"{name}={value}" for name, value in sound.ENVIRONMENT.items()),
            f"STREAMAUTH_HOME={home}",
            "STREAMAUTH_ENROLLMENT_TEXT_INDEPENDENT_SPEECH_S=10",
            *(sys.executable, "-m", "streamauth", "login", "daemon"),
        )
        playing = microphone.play(quiet(0.5), demo("slt", "long-1"), quiet(1.0))
        printed = box.run(*LOGIN, "setup", "--user", "ada", "--device", "streamauth_mic", timeout=120)
        playing.wait(120)
        assert "ada's voice is enrolled" in printed
        assert "It was chosen by name." in printed
        box.run(*LOGIN, "enable", "sudo")
        yield box, microphone


def attempt(desk: tuple[Machine, Card], voice: str, then: str | None = None) -> tuple[int, str, float]:
    """Exit code and text of sudo, and the time from the last word to its end."""
    box, microphone = desk
    box.run(*LOGIN, "unlock", "--user", "ada")
    terminal = box.terminal(*SUDO)
    digits = terminal.wait_for(r"press Enter and say: ([0-9 ]+)")[1]
    words = flite(box.folder, voice, " ".join(DIGITS[int(digit)] for digit in digits.split()))
    playing = microphone.play(quiet(0.5), words, quiet(12.0))
    terminal.text = ""
    began_s = time.monotonic()
    terminal.type("")
    if then is not None:
        terminal.wait_for("assword")
        terminal.type(then)
    outcome = terminal.end()
    microphone.stop(playing)
    return outcome.code, outcome.text, time.monotonic() - began_s - 0.5 - words.size / sound.RATE_HZ


def test_the_owner_says_the_digits(desk: tuple[Machine, Card]) -> None:
    code, text, after_s = attempt(desk, "slt")
    assert (code, text[-2:]) == (0, "0\n"), text
    assert after_s < 10.0  # by what was said, not by a time limit; `python -m scripts.measure.login` measures


def test_another_voice_says_the_digits(desk: tuple[Machine, Card]) -> None:
    code, text, _ = attempt(desk, "rms", then="battery staple")
    assert code != 0
    assert "not accepted" in text


def test_a_muted_microphone(desk: tuple[Machine, Card]) -> None:
    """Nothing is played: all zeros."""
    box, _ = desk
    terminal = box.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    terminal.text = ""
    terminal.type("")
    terminal.wait_for("nothing but zeros; it may be muted", 10.0)
    terminal.wait_for("assword")
    terminal.type(PASSWORD)
    assert terminal.end().code == 0


def test_silence(desk: tuple[Machine, Card]) -> None:
    box, microphone = desk
    playing = microphone.play(quiet(12.0))
    terminal = box.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    terminal.text = ""
    terminal.type("")
    terminal.wait_for("No speech was heard", 15.0)
    microphone.stop(playing)
    terminal.wait_for("assword")
    terminal.type(PASSWORD)
    assert terminal.end().code == 0


def test_unplugged_in_the_middle_and_plugged_in_again(desk: tuple[Machine, Card]) -> None:
    box, microphone = desk
    playing = microphone.play(quiet(10.0))
    terminal = box.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    terminal.text = ""
    terminal.type("")
    time.sleep(2.0)
    microphone.unplug()
    began_s = time.monotonic()
    terminal.wait_for("assword")
    assert time.monotonic() - began_s < 8.0
    assert "microphone" in terminal.text
    terminal.type(PASSWORD)
    assert terminal.end().code == 0
    playing.wait(10)
    terminal = box.terminal(*SUDO)
    terminal.wait_for("press Enter and say")
    terminal.text = ""
    terminal.type("")
    terminal.wait_for("assword")
    assert "microphone" in terminal.text
    terminal.type(PASSWORD)
    terminal.end()
    microphone.plug_in()
    code, text, _ = attempt(desk, "slt")
    assert (code, text[-2:]) == (0, "0\n"), text
