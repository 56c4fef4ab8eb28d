"""What most tests need not do anew each time: make the tables of a store, wait for the disk, augment the same speech.

All of that is a function of its inputs, or nothing that a test outside ``tests/store`` looks at. ``tests/store`` takes
the product's own.
"""

import gc
import hashlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from streamauth.core.ports import Samples, SpeakerEncoder, Voiceprint
from streamauth.core.sessions import enrollment
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.pooling import VoiceSample
from streamauth.engines.encoder.onnx import OnnxEncoder
from streamauth.settings import StoreSettings
from streamauth.store.backends import sqlite
from streamauth.store.database import Database
from streamauth.store.migrations import upgrade
from tests.fakes import FakeEncoder

_REPEATABLE = (FakeEncoder, OnnxEncoder)
_DEFAULT_PRAGMAS = sqlite._PRAGMAS
_make = sqlite.SqliteBackend.__init__
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


@pytest.fixture(scope="session", autouse=True)
def quick() -> None:
    """For all tests of a process."""
    _new_store()
    patch = pytest.MonkeyPatch()
    patch.setattr(sqlite.SqliteBackend, "__init__", _made)
    patch.setattr(sqlite, "_PRAGMAS", tuple(each.replace("= FULL", "= OFF") for each in _DEFAULT_PRAGMAS))
    patch.setattr(enrollment, "augmented_voiceprint", _augmented_once)
    # what is loaded by now stays; to look through it costs a second where a test asks for a collection
    gc.collect()
    gc.freeze()


def as_the_product(patch: pytest.MonkeyPatch) -> None:
    """The product's own store."""
    patch.setattr(sqlite.SqliteBackend, "__init__", _make)
    patch.setattr(sqlite, "_PRAGMAS", _DEFAULT_PRAGMAS)
