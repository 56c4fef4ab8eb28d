import json
import sys
from pathlib import Path

import pytest

from streamauth.errors import BadSetting, DoorHardwareFailed, OutputUnavailable
from streamauth.outputs.command import CommandDoor, CommandSink, command_words
from tests.outputs.making import message

PYTHON = sys.executable


def test_the_event_is_one_line_of_json(tmp_path: Path) -> None:
    target = tmp_path / "told"
    code = f"import sys; open({str(target)!r}, 'w').write(sys.stdin.read())"
    CommandSink((PYTHON, "-c", code)).deliver(message(person="ada; rm -rf $HOME"))
    (line,) = target.read_text().splitlines()
    assert json.loads(line) == {
        "id": "m-1",
        "door": "front door",
        "event": "granted",
        "at": "2026-05-28T20:26:40.001Z",
        "person": "ada; rm -rf $HOME",
        "reason": "voice",
    }


@pytest.mark.parametrize(
    ("words", "timeout_s"),
    [
        ((PYTHON, "-c", "raise SystemExit(3)"), 10.0),
        (("/nonexistent/program",), 10.0),
        ((PYTHON, "-c", "import time; time.sleep(60)"), 0.2),
    ],
)
def test_a_program_that_does_not_take_it(words: tuple[str, ...], timeout_s: float) -> None:
    with pytest.raises(OutputUnavailable):
        CommandSink(words, timeout_s).deliver(message())


def test_a_lock_of_two_commands(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def says(word: str) -> tuple[str, ...]:
        return (PYTHON, "-c", f"open({str(log)!r}, 'a').write({word!r})")

    door = CommandDoor(says("u"), says("l"))
    door.begin(lambda is_open: None, lambda: None)
    door.set_unlocked(True)
    door.close()
    door.close()
    assert log.read_text() == "lul"


def test_a_lock_that_does_not_follow() -> None:
    with pytest.raises(DoorHardwareFailed):
        CommandDoor(("/nonexistent",), (PYTHON, "-c", "")).set_unlocked(True)


def test_words_of_a_command() -> None:
    assert command_words("notify --to 'a b'") == ("notify", "--to", "a b")
    with pytest.raises(BadSetting):
        command_words("'open")
