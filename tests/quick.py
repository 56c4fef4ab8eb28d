"""What most tests need not do anew each time: load models, make a store's tables, wait for the disk, augment speech.

All of that is a function of its inputs, or nothing that a test looks at outside ``tests/store`` and ``tests/engines``.
Those take the product's own.
"""

import gc
import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from streamauth.catalog.registry import Catalog, models_folder
from streamauth.core.ports import Samples, SpeakerEncoder, Voiceprint
from streamauth.core.sessions import enrollment
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.pooling import VoiceSample
from streamauth.engines.encoder.onnx import OnnxEncoder
from streamauth.engines.loader import Engines
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


def _augmented_once(voice: VoiceSample, speech: Samples, encoder: SpeakerEncoder) -> Voiceprint:
    if type(encoder) not in _REPEATABLE:
        return augmented_voiceprint(voice, speech, encoder)
    key = encoder.id, hashlib.sha256(speech.tobytes()).digest()
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
    patch.setattr(Engines, "__init__", _engines)
    # what is loaded by now stays; to look through it costs a second where a test asks for a collection
    gc.collect()
    gc.freeze()


def own_engines(patch: pytest.MonkeyPatch) -> None:
    """Engines as the product loads them."""
    patch.setattr(Engines, "__init__", _unloaded)


def own_store(patch: pytest.MonkeyPatch) -> None:
    """A store as the product makes it."""
    patch.setattr(sqlite.SqliteBackend, "__init__", _make)
    patch.setattr(sqlite, "_PRAGMAS", _DEFAULT_PRAGMAS)
