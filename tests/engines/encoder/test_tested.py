from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamauth.catalog.entries import EncoderEntry
from streamauth.catalog.registry import Catalog, models_folder, read_registry
from streamauth.engines.encoder import tested
from streamauth.engines.encoder.load import load_encoder
from streamauth.engines.encoder.onnx import OnnxEncoder
from streamauth.engines.loader import Engines
from streamauth.errors import WrongResults
from streamauth.settings import Settings

NAME = Settings().voice.encoder


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    return tmp_path / "tested"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the encoders whose test was run."""
    found: list[str] = []
    monkeypatch.setattr(OnnxEncoder, "_test_lengths", lambda self, entry, content: found.append(entry.name))
    return found


def entry() -> EncoderEntry:
    found = read_registry(models_folder())[NAME]
    assert isinstance(found, EncoderEntry)
    return found


def test_the_test_is_run_once_where_its_success_is_remembered(runs: list[str], marks: Path) -> None:
    first, second = (load_encoder(NAME, marks=marks) for _ in range(2))
    assert runs == [NAME]
    assert first.id == second.id
    (mark,) = marks.iterdir()
    assert mark.stat().st_mode & 0o777 == 0o600
    assert marks.stat().st_mode & 0o777 == 0o700


def test_the_test_is_run_each_time_where_nothing_is_remembered(runs: list[str]) -> None:
    for _ in range(2):
        load_encoder(NAME)
    assert runs == [NAME] * 2


def test_an_encoder_that_fails_is_not_remembered(marks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamauth.engines.encoder.self_test.LEAST_COSINE", 1.1)
    for _ in range(2):
        with pytest.raises(WrongResults):
            load_encoder(NAME, marks=marks)
    assert not marks.exists()


@pytest.mark.parametrize(
    "changed",
    [
        lambda patch, path: patch.setattr(tested, "__version__", "0.0.0"),
        lambda patch, path: patch.setattr("onnxruntime.__version__", "0.0.0"),
        lambda patch, path: patch.setattr(tested, "_PROCESSOR", path / "cpuinfo"),
        lambda patch, path: patch.setattr(tested, "_PROCESSOR", path / "missing"),
        lambda patch, path: patch.setattr(tested, "_PROCESSOR", path / "empty"),
    ],
    ids=["version", "runtime", "other processor", "unknown processor", "processor without a name"],
)
def test_a_mark_counts_for_just_this_machine(
    changed: Callable[[pytest.MonkeyPatch, Path], None], marks: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Other\nflags\t\t: fpu\n\nprocessor\t: 1\n")
    (tmp_path / "empty").write_text("processor\t: 0\n")
    tested.remember(marks, entry())
    assert tested.was_tested(marks, entry())
    changed(monkeypatch, tmp_path)
    assert not tested.was_tested(marks, entry())


def test_a_mark_counts_for_just_this_encoder(marks: Path) -> None:
    tested.remember(marks, entry())
    for other in (
        replace(entry(), sha256="0" * 64),
        replace(entry(), self_test=""),
        replace(entry(), references=()),
        replace(entry(), max_batch=entry().max_batch + 1),
    ):
        assert not tested.was_tested(marks, other)


def test_another_file_of_a_runtime_is_tested_anew(marks: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "runtime.so"
    file.write_bytes(b"one")
    monkeypatch.setattr(tested, "_files", lambda: tested._told([file]))
    tested.remember(marks, entry())
    assert tested.was_tested(marks, entry())
    file.write_bytes(b"another")
    assert not tested.was_tested(marks, entry())
    monkeypatch.setattr(tested, "_files", lambda: tested._told([]))
    assert not tested.was_tested(marks, entry())


def test_nothing_is_remembered_where_there_is_no_data_folder(marks: Path, tmp_path: Path) -> None:
    tested.remember(tmp_path / "missing" / "tested", entry())
    assert not (tmp_path / "missing").exists()
    (tmp_path / "tested").write_text("a file in the way")
    tested.remember(marks, entry())
    assert not tested.was_tested(marks, entry())


def test_only_commands_that_end_soon_remember_it(runs: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        Engines(Settings(), Catalog(tmp_path)).encoder()
    assert runs == [NAME] * 2
    for _ in range(2):
        engines = Engines(Settings(), Catalog(tmp_path))
        with engines.loading(with_words=False):
            engines.encoder()
    assert runs == [NAME] * 3
