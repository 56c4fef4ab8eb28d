import builtins
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamauth.catalog import registry
from streamauth.catalog.registry import (
    Catalog,
    EncoderEntry,
    JudgeEntry,
    RecognizerEntry,
    models_folder,
    read_model,
    read_registry,
)
from streamauth.engines.encoder.load import load_encoder
from streamauth.errors import ModelCorrupt, ModelMissing

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder that may be damaged, in use."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("registry.toml", "ge2e.onnx"):
        shutil.copy(MODELS / name, folder / name)
    monkeypatch.setenv("STREAMAUTH_MODELS", str(folder))
    return folder


@pytest.fixture
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMAUTH_MODELS", raising=False)


def test_every_registered_file_is_the_one_in_the_models_folder() -> None:
    entries = read_registry(MODELS)
    assert {"ge2e", "ge2e-noise", "ge2e-noise-int8"} <= entries.keys()
    for entry in entries.values():
        if isinstance(entry, EncoderEntry) and not entry.urls:
            assert len(read_model(entry, MODELS)) == entry.bytes


def test_the_recognizer_is_found_where_it_is_whole(no_choice: None) -> None:
    assert Catalog().recognizer_folder("vosk-en") == MODELS / "vosk-en"


@pytest.mark.parametrize("damage", ["changed", "missing", "added"])
def test_a_recognizer_with_other_files_is_refused(copy: Path, damage: str) -> None:
    folder = Path(shutil.copytree(MODELS / "vosk-en", copy / "vosk-en"))
    file = folder / ("more.txt" if damage == "added" else "conf/model.conf")
    if damage == "missing":
        file.unlink()
    else:
        file.write_text("--beam=1.0\n")
    with pytest.raises(ModelCorrupt, match="vosk-en"):
        Catalog().recognizer_folder("vosk-en")


@pytest.mark.parametrize("name", ["vosk-en", "ge2e", "other"])
def test_a_recognizer_that_is_not_there_is_missing(copy: Path, name: str) -> None:
    with pytest.raises(ModelMissing, match="recognizer"):
        Catalog().recognizer_folder(name)


def test_the_judge_of_phrases_is_found_where_it_is_whole(copy: Path) -> None:
    with pytest.raises(ModelMissing, match="judge"):
        Catalog().judge_folder("whisper-tiny-en")
    folder = Path(shutil.copytree(MODELS / "whisper-tiny-en", copy / "whisper-tiny-en"))
    assert Catalog().judge_folder("whisper-tiny-en") == folder
    (folder / "tokens.txt.gz").write_bytes(b"")
    with pytest.raises(ModelCorrupt, match="whisper-tiny-en"):
        Catalog().judge_folder("whisper-tiny-en")


@pytest.mark.parametrize(("locale", "judge"), [("en-US", "whisper-tiny-en"), ("en", "whisper-tiny-en"), ("de", None)])
def test_a_language_has_a_judge_or_none(no_choice: None, locale: str, judge: str | None) -> None:
    assert Catalog().judge_of(locale) == judge


def test_models_that_travel_with_the_package_are_small() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 90_000_000


def test_every_encoder_has_a_card() -> None:
    cards = [path.read_text("utf-8") for path in MODELS.glob("ge2e*.md")]
    for entry in read_registry(MODELS).values():
        if isinstance(entry, EncoderEntry) and not entry.urls:
            (card,) = (card for card in cards if entry.sha256 in card)
            assert entry.licence in card
            assert f"{entry.bytes:,}".replace(",", " ") in card


def test_every_recognizer_and_judge_has_a_card() -> None:
    for entry in read_registry(MODELS).values():
        if isinstance(entry, RecognizerEntry | JudgeEntry) and not entry.urls:
            assert entry.licence in (MODELS / f"{entry.name}.md").read_text("utf-8")


def test_a_folder_that_is_chosen_is_taken(copy: Path) -> None:
    assert models_folder() == copy
    assert load_encoder("ge2e").dim == 256


def test_a_chosen_folder_that_is_not_there_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_MODELS", str(tmp_path / "nowhere"))
    with pytest.raises(ModelMissing, match="STREAMAUTH_MODELS"):
        models_folder()


@pytest.mark.usefixtures("no_choice")
def test_a_checkout_has_its_models_beside_the_package() -> None:
    assert models_folder() == MODELS


@pytest.mark.usefixtures("no_choice")
def test_an_installed_package_has_its_models_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "streamauth"
    for folder in (package / "_models", tmp_path / "models"):
        folder.mkdir(parents=True)
        shutil.copy(MODELS / "registry.toml", folder)
    monkeypatch.setattr(registry, "_PACKAGE", package)
    assert models_folder() == package / "_models"


@pytest.mark.usefixtures("no_choice")
def test_no_models_folder_at_all_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_PACKAGE", tmp_path / "streamauth")
    with pytest.raises(ModelMissing, match="models folder"):
        models_folder()


def test_a_folder_without_registry_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"registry\.toml"):
        read_registry(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[ge2e", "ge2e = 1", '[a]\nkind = "teapot"', '[a]\nkind = "encoder"', "[a]\n", b"\xff\xfe\xff"],
    ids=["no TOML", "no table", "unknown kind", "fields missing", "no kind", "no text"],
)
def test_a_registry_that_cannot_be_read_is_corrupt(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "registry.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelCorrupt, match=r"registry\.toml"):
        read_registry(tmp_path)


def test_a_registry_that_is_a_folder_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").mkdir()
    with pytest.raises(ModelCorrupt):
        read_registry(tmp_path)


def test_an_unknown_encoder_is_missing_and_the_known_ones_are_named(copy: Path) -> None:
    with pytest.raises(ModelMissing, match="ge2e, ge2e-noise"):
        load_encoder("nothing-of-that-name")


def test_a_model_file_that_is_not_there_is_missing(copy: Path) -> None:
    (copy / "ge2e.onnx").unlink()
    with pytest.raises(ModelMissing, match=r"ge2e\.onnx"):
        load_encoder("ge2e")


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_model_file_is_corrupt(copy: Path, damage: str) -> None:
    path = copy / "ge2e.onnx"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    damaged: dict[str, bytes | bytearray] = {"flip": content, "cut": content[:-1], "empty": b""}
    path.write_bytes(damaged[damage])
    with pytest.raises(ModelCorrupt, match="sha256"):
        load_encoder("ge2e")


def test_a_model_file_that_is_a_folder_is_corrupt(copy: Path) -> None:
    (copy / "ge2e.onnx").unlink()
    (copy / "ge2e.onnx").mkdir()
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        load_encoder("ge2e")


def test_a_content_of_the_right_size_alone_is_not_enough(tmp_path: Path) -> None:
    entry = replace(read_registry(MODELS)["ge2e"], file="other.bin", bytes=3)
    (tmp_path / "other.bin").write_bytes(b"abc")
    with pytest.raises(ModelCorrupt):
        read_model(entry, tmp_path)


def test_without_the_runtime_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "streamauth.engines.encoder.onnx", raising=False)
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelMissing, match="pip install onnxruntime"):
        load_encoder("ge2e")


def test_entries_say_what_the_product_must_know() -> None:
    entry = read_registry(MODELS)["ge2e"]
    assert isinstance(entry, EncoderEntry)
    assert entry.kind == "encoder"
    assert (entry.sample_rate_hz, entry.dim, entry.window_samples, entry.min_samples) == (16_000, 256, 25_600, 12_800)
    assert entry.licence == "Apache-2.0"
