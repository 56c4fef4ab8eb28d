import shutil
from pathlib import Path

import pytest

from streamauth.engines.loader import Engines
from streamauth.errors import ModelMissing
from streamauth.settings import Settings
from tests.catalog.rig import table, write_registry

TINY = Path(__file__).parents[1] / "data" / "vosk-tiny"


def settings(**phrase: str) -> Settings:
    return Settings().with_values({"phrase": phrase}, "test")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with two recognizers that are there, and one that is not."""
    from streamauth.catalog.registry import folder_digest

    folder = tmp_path / "models"
    tables = []
    for name, language in (("tiny-en", "en-US"), ("tiny-xx", "xx")):
        size, sha256 = folder_digest(Path(shutil.copytree(TINY, folder / name)))
        fields = {"kind": "recognizer", "file": name, "bytes": size, "sha256": sha256, "language": language}
        tables.append(table(name, **fields))
    fields = {"kind": "recognizer", "file": "y", "bytes": 1, "sha256": "0", "language": "yy"}
    write_registry(folder, *tables, table("tiny-yy", **fields, urls=["https://invalid/y.zip"]))
    monkeypatch.setenv("STREAMAUTH_MODELS", str(folder))
    monkeypatch.setenv("STREAMAUTH_HOME", str(tmp_path / "home"))


@pytest.mark.usefixtures("registry")
def test_recognizers_are_chosen_by_locale_and_shared() -> None:
    engines = Engines(settings(locale="xx"))
    mine = engines.recognizer()
    assert mine.id == "vosk:tiny-xx"
    assert engines.recognizer("xx-XX") is mine
    english = engines.recognizer("en-US")
    assert english.id == "vosk:tiny-en"
    assert engines.recognizer("en") is english
    with pytest.raises(ModelMissing, match="models pull tiny-yy"):
        engines.recognizer("yy")


@pytest.mark.usefixtures("registry")
def test_a_folder_that_is_set_serves_every_locale() -> None:
    engines = Engines(settings(vosk_model=str(TINY), locale="zz"))
    assert engines.recognizer().id == "vosk:vosk-tiny"
    assert engines.recognizer("en-US") is engines.recognizer("zz-ZZ")
