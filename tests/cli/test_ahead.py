import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamauth.cli import ahead
from streamauth.engines.loader import Engines
from streamauth.login import protocol
from streamauth.settings import Settings

FILE = Path(__file__)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bool]:
    """Each time that models begin to load, whether with words."""
    asked: list[bool] = []

    @contextmanager
    def loading(self: Engines, *, with_words: bool) -> Iterator[None]:
        asked.append(with_words)
        yield

    monkeypatch.setattr(Engines, "loading", loading)
    monkeypatch.setenv("STREAMAUTH_HOME", str(tmp_path))
    return asked


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        (["verify", "ada", str(FILE)], "words"),
        (["verify", "ada", "--mic"], "words"),
        (["verify", "ada", "-", "--rate", "8000"], "words"),
        (["verify", "ada", "missing.wav"], "nothing"),
        (["verify", "ada", str(FILE), "--help"], "nothing"),
        (["verify"], "nothing"),
        (["enroll", "ada", str(FILE)], "words"),
        (["enroll", "ada", str(FILE), "--text-independent"], "voice"),
        (["identify", str(FILE)], "voice"),
        (["identify", str(FILE), "--new-prompt", "digits"], "words"),
        (["listen", "ada"], "words"),
        (["listen", "ada", "--continuous"], "words"),
        (["listen", "--help"], "nothing"),
        (["listen"], "nothing"),
        (["profiles", "list"], "nothing"),
        (["calibrate", str(FILE)], "nothing"),
        ([], "nothing"),
    ],
)
def test_models_are_loaded_ahead_where_somebody_is_about_to_be_heard(
    arguments: list[str], heard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "SOCKET", "/nonexistent/login.sock")
    assert ahead.heard(arguments) == heard


@pytest.mark.parametrize(("more", "heard"), [((), "nothing"), (("--local",), "words"), (("--continuous",), "words")])
def test_what_the_login_daemon_will_hear_is_not_loaded(
    more: tuple[str, ...], heard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "SOCKET", str(FILE))
    assert ahead.heard(["listen", "ada", *more]) == heard


def test_the_command_gets_the_engines_that_are_loading(begun: list[bool]) -> None:
    with ahead.loading(["verify", "ada", str(FILE)]):
        engines = ahead.engines(Settings())
        assert ahead.engines(Settings()) is engines
    assert begun == [True]
    assert ahead.engines(Settings()) is not engines


def test_nothing_is_changed_where_nothing_is_loaded_or_afterwards(begun: list[bool]) -> None:
    before_s = sys.getswitchinterval()
    with ahead.loading(["profiles", "list"]):
        assert gc.isenabled()
    with ahead.loading(["identify", str(FILE)]):
        assert not gc.isenabled()
    assert begun == [False]
    assert gc.isenabled()
    assert sys.getswitchinterval() == before_s


def test_garbage_is_collected_again_once_all_is_imported(begun: list[bool]) -> None:
    with ahead.loading(["verify", "ada", str(FILE)]):
        ahead.all_imported()
        assert gc.isenabled()
    gc.unfreeze()
    assert begun


def test_wrong_settings_are_left_to_the_command(begun: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_OPERATINGPOINT", "strict")
    with ahead.loading(["verify", "ada", str(FILE)]):
        assert not begun
