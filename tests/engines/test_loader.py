import json
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from streamauth.catalog.calibrations import load_calibration, save_calibration
from streamauth.catalog.installed import Receipt, write_receipt
from streamauth.catalog.registry import Catalog, folder_digest, models_folder, read_registry
from streamauth.core.ports import PhraseRecognizer
from streamauth.engines import loader
from streamauth.engines.loader import Engines
from streamauth.engines.phrase.vosk import VoskRecognizer
from streamauth.errors import ModelMissing
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from tests.catalog.rig import table, write_registry
from tests.fakes import FakeDetector, FakeEncoder, FakeRecognizer

TINY = Path(__file__).parents[1] / "data" / "vosk-tiny"


def settings(**phrase: str) -> Settings:
    return Settings().with_values({"phrase": phrase}, "test")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with two recognizers that are there, and one that is not."""
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


def test_two_homes_in_one_process_have_their_own_calibrations(tmp_path: Path) -> None:
    file = models_folder() / "ge2e-noise-int8.calibration.json"
    encoder_id = str(json.loads(file.read_text("utf-8"))["encoder_id"])
    shipped = load_calibration(Catalog(tmp_path), "ge2e-noise-int8", encoder_id)
    for name, reject_llr in (("a", -3.0), ("b", -6.0)):
        own = replace(shipped, reject_llr=reject_llr)
        save_calibration(tmp_path / name / "calibrations", "ge2e-noise-int8", own, {})
    for name, reject_llr in (("a", -3.0), ("b", -6.0)):
        authenticator = Authenticator.open(tmp_path / name, Settings())
        assert authenticator.engines.models(with_words=False).calibration.reject_llr == reject_llr
        authenticator.close()


@pytest.mark.usefixtures("registry")
def test_two_homes_in_one_process_have_their_own_models(tmp_path: Path) -> None:
    entry = read_registry(tmp_path / "models")["tiny-yy"]
    with_it, without = Catalog(tmp_path / "a"), Catalog(tmp_path / "b")
    folder = with_it.folder / "tiny-yy"
    contents = folder_digest(Path(shutil.copytree(TINY, folder / "y")))
    write_receipt(folder, Receipt(entry, contents))
    assert Engines(settings(), with_it).recognizer("yy").id == "vosk:y"
    with pytest.raises(ModelMissing, match="models pull tiny-yy"):
        Engines(settings(), without).recognizer("yy")


def test_no_engine_waits_for_another_to_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    engines, loading, go_on = Engines(settings(vosk_model=str(TINY))), Event(), Event()

    def load(folder: str, locale: str) -> PhraseRecognizer:
        loading.set()
        assert go_on.wait(60)
        raise ModelMissing(folder)

    def wait() -> None:
        with pytest.raises(ModelMissing):
            engines.recognizer()

    monkeypatch.setattr(engines, "_load_recognizer", load)
    thread = Thread(target=wait)
    thread.start()
    try:
        assert loading.wait(60)
        assert engines.detector().frame_samples > 0
    finally:
        go_on.set()
        thread.join()


class CountedEngines(Engines):
    """Engines that note what is loaded, and load nothing."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.loaded: list[str] = []
        self.go_on = Event()

    def _load_encoder(self) -> FakeEncoder:
        self.go_on.wait(10)
        self.loaded.append("encoder")
        return FakeEncoder()

    def _load_detector(self) -> FakeDetector:
        self.loaded.append("detector")
        raise ModelMissing("none")

    def _load_recognizer(self, folder: str, locale: str) -> FakeRecognizer:
        self.loaded.append("recognizer")
        return FakeRecognizer()


@pytest.mark.parametrize(("with_words", "loaded"), [(False, []), (True, ["recognizer"])])
def test_what_is_needed_is_loaded_beside_the_caller_once(with_words: bool, loaded: list[str]) -> None:
    engines = CountedEngines()
    with engines.loading(with_words=with_words):
        assert engines.loaded == []
        engines.go_on.set()
        engines.encoder()
        if with_words:
            engines.recognizer()
        # what cannot be loaded is told to whoever asks for it
        with pytest.raises(ModelMissing):
            engines.detector()
    assert sorted(set(engines.loaded)) == sorted(["detector", "encoder", *loaded])
    assert engines.loaded.count("encoder") == 1
    assert engines.loaded.count("recognizer") == len(loaded)


def test_whoever_leaves_waits_for_what_is_begun_and_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = CountedEngines()

    class Joined(Thread):
        def join(self, timeout: float | None = None) -> None:
            engines.go_on.set()
            super().join(timeout)

    monkeypatch.setattr(loader, "Thread", Joined)
    with engines.loading(with_words=True):
        pass
    assert engines.loaded in (["encoder"], [])  # where the thread was slower than the caller, nothing was begun


def test_the_judge_of_phrases_is_not_waited_for() -> None:
    engines = Engines(Settings())
    with engines.loading(with_words=True):
        recognizer = engines.recognizer()
    assert isinstance(recognizer, VoskRecognizer)
    recognizer.load_judge()
