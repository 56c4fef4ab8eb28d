"""What most tests need not do anew each time: load models, make tables, wait for the disk, judge the same speech.

All of that is a function of its inputs, or nothing that a test looks at outside ``tests/store`` and ``tests/engines``.
Those take the product's own.
"""

import gc
import hashlib
import os
import pickle
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from streamauth.catalog.registry import Catalog, models_folder
from streamauth.core.ports import Embedding, Samples, SpeakerEncoder, Transcript, Voiceprint, Word
from streamauth.core.sessions import enrollment
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.pooling import VoiceSample
from streamauth.engines.encoder.onnx import OnnxEncoder
from streamauth.engines.loader import Engines
from streamauth.engines.phrase.check import PhraseCheck
from streamauth.errors import ModelMissing
from streamauth.settings import Settings, StoreSettings
from streamauth.store.backends import sqlite
from streamauth.store.database import Database
from streamauth.store.migrations import upgrade
from tests.fakes import FakeEncoder

_REPEATABLE = (FakeEncoder, OnnxEncoder)
_DEFAULT_PRAGMAS = sqlite._PRAGMAS
_make = sqlite.SqliteBackend.__init__
_unloaded = Engines.__init__
_loaded: dict[Any, Engines] = {}
_augmented: dict[tuple[str, bytes], Voiceprint] = {}
_embed = OnnxEncoder._run
_embedded: dict[tuple[OnnxEncoder, bytes], Embedding] = {}
_judge = PhraseCheck.judge
_judged: dict[tuple[Any, ...], tuple[Transcript, int]] = {}


@cache
def _new_store() -> bytes:
    """The file of a store that was just made."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        database = Database(path, busy_timeout_s=StoreSettings().busy_timeout_s)
        upgrade(database)
        database.close()
        return path.read_bytes()


def _made(self: sqlite.SqliteBackend, url: Any, busy_timeout_s: float) -> None:
    _make(self, url, busy_timeout_s)
    path = Path(url.database)
    if not path.stat().st_size and _new_store.cache_info().currsize:
        path.write_bytes(_new_store())


def _digest(samples: Samples) -> bytes:
    return hashlib.sha256(f"{samples.shape}".encode() + samples.tobytes()).digest()


def _embedded_once(self: OnnxEncoder, windows: Samples) -> Embedding:
    key = self, _digest(windows)
    if key not in _embedded:
        _embedded[key] = _embed(self, windows)
    return _embedded[key].copy()


def _judged_once(self: PhraseCheck, samples: Samples, heard: Sequence[Word], *, over: bool) -> Transcript:
    sounds = pickle.dumps((self._expected, self._least_llr, self._reached, tuple(heard), over))
    key = self._model, self._judge, sounds, _digest(samples)
    if key not in _judged:
        _judged[key] = _judge(self, samples, heard, over=over), self._reached
    transcript, self._reached = _judged[key]
    return transcript


def _augmented_once(voice: VoiceSample, speech: Samples, encoder: SpeakerEncoder) -> Voiceprint:
    if type(encoder) not in _REPEATABLE:
        return augmented_voiceprint(voice, speech, encoder)
    key = encoder.id, _digest(speech)
    if key not in _augmented:
        _augmented[key] = augmented_voiceprint(voice, speech, encoder)
    return _augmented[key].copy()


def _shipped(encoder: str) -> bool:
    with suppress(ModelMissing):
        return (models_folder() / f"{encoder}.onnx").is_file()
    return False


def _engines(self: Engines, settings: Settings, catalog: Catalog | None = None) -> None:
    _unloaded(self, settings, catalog)
    if type(self) is not Engines or not _shipped(settings.voice.encoder):
        return
    key = settings.speech, settings.voice, settings.phrase, os.environ.get("STREAMAUTH_MODELS")
    # all that is loaded, but not the folder of calibrations
    loaded = vars(_loaded.setdefault(key, self))
    vars(self).update({name: value for name, value in loaded.items() if name != "_catalog"})


@pytest.fixture(scope="session", autouse=True)
def quick() -> None:
    """For all tests of a process."""
    _new_store()
    patch = pytest.MonkeyPatch()
    patch.setattr(sqlite.SqliteBackend, "__init__", _made)
    patch.setattr(sqlite, "_PRAGMAS", tuple(each.replace("= FULL", "= OFF") for each in _DEFAULT_PRAGMAS))
    patch.setattr(enrollment, "augmented_voiceprint", _augmented_once)
    patch.setattr(OnnxEncoder, "_run", _embedded_once)
    patch.setattr(PhraseCheck, "judge", _judged_once)
    patch.setattr(Engines, "__init__", _engines)
    # what is loaded by now stays; to look through it costs a second where a test asks for a collection
    gc.collect()
    gc.freeze()


def own_engines(patch: pytest.MonkeyPatch) -> None:
    """Engines as the product loads and asks them."""
    patch.setattr(Engines, "__init__", _unloaded)
    patch.setattr(OnnxEncoder, "_run", _embed)
    patch.setattr(PhraseCheck, "judge", _judge)


def own_store(patch: pytest.MonkeyPatch) -> None:
    """A store as the product makes it."""
    patch.setattr(sqlite.SqliteBackend, "__init__", _make)
    patch.setattr(sqlite, "_PRAGMAS", _DEFAULT_PRAGMAS)
