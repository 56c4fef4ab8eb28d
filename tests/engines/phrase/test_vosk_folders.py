"""Folders that are no Vosk model, or a damaged one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from streamauth.catalog.registry import models_folder
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.vosk import VoskRecognizer
from streamauth.errors import ModelCorrupt, ModelMissing
from tests.engines.phrase.rig import VOSK_MODEL


@pytest.mark.parametrize("name", ["network.onnx", "encoder.onnx", "bigram.npy", "dictionary.tsv.gz"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_damaged_phrase_model_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    folder = Path(shutil.copytree(models_folder() / "vosk-en" / "phrase", tmp_path / "phrase"))
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    if damage == "missing":
        path.unlink()
    with pytest.raises(ModelCorrupt):
        Lexicon(folder) if name.startswith("dictionary") else AcousticModel(folder)


def copy_of_model(folder: Path) -> Path:
    return Path(shutil.copytree(VOSK_MODEL, folder / "model"))


def test_missing_vosk_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="does not exist"):
        VoskRecognizer(str(tmp_path / "nowhere"))


def test_folder_without_vosk_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no Vosk model"):
        VoskRecognizer(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["conf/model.conf", "conf/fbank.conf", "graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int"]
)
def test_missing_and_empty_files_of_a_vosk_model_are_named(tmp_path: Path, name: str) -> None:
    model = copy_of_model(tmp_path)
    (model / name).write_bytes(b"")
    with pytest.raises(ModelCorrupt, match=name):
        VoskRecognizer(str(model))
    (model / name).unlink()
    with pytest.raises(ModelMissing, match=name):
        VoskRecognizer(str(model))


@pytest.mark.parametrize("name", ["am/final.mdl", "graph/disambig_tid.int", "graph/words.txt"])
def test_damaged_vosk_model_does_not_end_the_process(tmp_path: Path, name: str) -> None:
    path = copy_of_model(tmp_path) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelCorrupt):
        VoskRecognizer(str(tmp_path / "model"))


def test_vosk_model_that_never_loads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("probe", 1)

    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(ModelCorrupt):
        VoskRecognizer(str(VOSK_MODEL))


# --- delivery of the right phrase, embedded model ---
