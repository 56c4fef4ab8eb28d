"""What most tests need not do anew each time: load models, make tables, wait for the disk, judge the same speech.

All of that is a function of its inputs, or nothing that a test looks at outside ``tests/store`` and ``tests/engines``.
Those take the product's own.
"""

import gc
import hashlib
import os
import pickle
import secrets
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
import vosk
from fastapi._compat import v2 as fastapi_models
from hypothesis.internal.entropy import deterministic_PRNG
from pydantic import TypeAdapter
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from streamauth.catalog import download
from streamauth.catalog.registry import Catalog, models_folder
from streamauth.core.audio import declared_rate
from streamauth.core.audio.quality import FrameMeasures
from streamauth.core.ports import Embedding, Samples, SpeakerEncoder, SpeechDetectorStream, Transcript, Voiceprint, Word
from streamauth.core.sessions import enrollment
from streamauth.core.speech import voicing
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.pooling import VoiceSample
from streamauth.engines.encoder.onnx import OnnxEncoder
from streamauth.engines.loader import Engines
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.alignment import Scores
from streamauth.engines.phrase.check import FreeCheck, PhraseCheck
from streamauth.engines.vad.two_stage import TwoStageDetector
from streamauth.errors import ModelMissing
from streamauth.evaluation import replay
from streamauth.service import reenrollment
from streamauth.settings import Settings, StoreSettings
from streamauth.store import database, door_plan
from streamauth.store.backends import sqlite
from streamauth.store.database import Database
from streamauth.store.migrations import upgrade
from tests.fakes import FakeEncoder

_REPEATABLE = (FakeEncoder, OnnxEncoder)
_DEFAULT_PRAGMAS = sqlite._PRAGMAS
_make = sqlite.SqliteBackend.__init__
_scrypt_once = cache(hashlib.scrypt)
_statements: LRUCache[Any, Any] = LRUCache(5000)
_unloaded = Engines.__init__
_loaded: dict[Any, Engines] = {}
_augmented: dict[tuple[str, bytes], Voiceprint] = {}
_embed = OnnxEncoder._run
_embedded: dict[tuple[OnnxEncoder, bytes], Embedding] = {}
_adapters: dict[tuple[Any, str, str], TypeAdapter[Any]] = {}
_recognizer = vosk.KaldiRecognizer
_heard: dict[tuple[Any, bytes], Any] = {}
_spectra = voicing.spectra
_spectra_of: dict[bytes, tuple[Any, Any]] = {}
_measure = FrameMeasures.of
_measured: dict[tuple[bytes, bool], FrameMeasures] = {}
_detect = TwoStageDetector.stream
_detected: dict[bytes, tuple[float, float]] = {}
_score = AcousticModel.scores
_scored: dict[tuple[AcousticModel, bytes, float], Scores] = {}
_context_once = cache(ssl.create_default_context)
_judge = PhraseCheck.judge
_judge_free = FreeCheck.judge
_judged: dict[tuple[Any, ...], tuple[Transcript, int]] = {}
_judged_free: dict[tuple[Any, ...], Transcript] = {}


def _adapter_once(kind: Any, *, config: Any = None) -> TypeAdapter[Any]:
    """What FastAPI makes of each parameter of each route, half of the work of starting a server."""
    key = kind.__origin__, repr(kind.__metadata__), repr(config)
    if key not in _adapters:
        _adapters[key] = TypeAdapter(kind, config=config)
    return _adapters[key]


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


def _engine(*arguments: Any, **options: Any) -> Engine:
    """SQLAlchemy writes a statement out once for an engine; here once for all stores."""
    made = create_engine(*arguments, **options)
    if isinstance(made.dialect, SQLiteDialect_pysqlite):
        made._compiled_cache = _statements
    return made


class _DecodedOnce:
    """A recognizer of libvosk that remembers what it was asked before: it runs where it hears something new.

    What it answers depends on nothing but its arguments and the calls since then.
    """

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._history = hashlib.sha256(repr(arguments[1:]).encode()).digest()
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []
        self._real: Any = None
        if (arguments[0], self._history) not in _heard:  # its grammar may be refused
            self._real = _recognizer(*arguments)
            _heard[arguments[0], self._history] = None

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, name)

    def _call(self, name: str, *arguments: Any) -> Any:
        self._history = hashlib.sha256(self._history + pickle.dumps((name, arguments))).digest()
        self._waiting.append((name, arguments))
        key = self._arguments[0], self._history
        if key not in _heard:
            self._real = self._real or _recognizer(*self._arguments)
            waiting, self._waiting = self._waiting, []
            for called, given in waiting:
                answer = getattr(self._real, called)(*given)
            _heard[key] = answer
        return _heard[key]


def _digest(samples: Samples) -> bytes:
    return hashlib.sha256(f"{samples.shape}".encode() + samples.tobytes()).digest()


def _embedded_once(self: OnnxEncoder, windows: Samples) -> Embedding:
    key = self, _digest(windows)
    if key not in _embedded:
        _embedded[key] = _embed(self, windows)
    return _embedded[key].copy()


def _spectra_once(frames: Samples) -> tuple[Any, Any]:
    key = _digest(frames)
    if key not in _spectra_of:
        _spectra_of[key] = _spectra(frames)
    return _spectra_of[key]


def _measured_once(frame: Samples, voiced: bool) -> FrameMeasures:
    key = _digest(frame), voiced
    if key not in _measured:
        _measured[key] = _measure(frame, voiced)
    return _measured[key]


class _DetectedOnce:
    """A stream of a detector that remembers what it was given before: it runs where it is given something new."""

    def __init__(self, detector: TwoStageDetector) -> None:
        self._detector = detector
        self._history = detector.id.encode()
        self._waiting: list[Samples] = []
        self._real: SpeechDetectorStream | None = None
        self._voicing = 0.0

    def probability(self, frame: Samples) -> float:
        self._history = hashlib.blake2b(self._history + frame.tobytes(), digest_size=16).digest()
        self._waiting.append(frame)
        if self._history not in _detected:
            self._real = self._real or _detect(self._detector)
            for waiting in self._waiting:
                found = self._real.probability(waiting)
            self._waiting = []
            _detected[self._history] = found, self._real.voicing()
        found, self._voicing = _detected[self._history]
        return found

    def voicing(self) -> float:
        return self._voicing


def _scored_once(self: AcousticModel, samples: Samples, tempo: float = 1.0) -> Scores:
    key = self, _digest(samples), tempo
    if key not in _scored:
        _scored[key] = _score(self, samples, tempo)
    return _scored[key].copy()


def _judged_once(self: PhraseCheck, samples: Samples, heard: Sequence[Word], *, over: bool) -> Transcript:
    sounds = pickle.dumps((self._expected, self._least_llr, self._reached, tuple(heard), over))
    key = self._model, self._judge, sounds, _digest(samples)
    if key not in _judged:
        _judged[key] = _judge(self, samples, heard, over=over), self._reached
    transcript, self._reached = _judged[key]
    return transcript


def _judged_free_once(self: FreeCheck, samples: Samples, heard: Sequence[Word], *, over: bool) -> Transcript:
    key = self._model, self._judge, pickle.dumps((tuple(heard), over)), _digest(samples)
    if key not in _judged_free:
        _judged_free[key] = _judge_free(self, samples, heard, over=over)
    return _judged_free[key]


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
    patch.setattr(database, "create_engine", _engine)
    # of one kind all are alike
    patch.setattr(SQLiteDialect_pysqlite, "__eq__", lambda one, other: type(one) is type(other))
    patch.setattr(SQLiteDialect_pysqlite, "__hash__", lambda one: hash(type(one)))
    patch.setattr(hashlib, "scrypt", _scrypt_once)
    # the certificates that the system trusts, read for each download
    patch.setattr(download, "ssl", SimpleNamespace(create_default_context=_context_once))
    # the salt of PINs
    patch.setattr(door_plan, "secrets", SimpleNamespace(token_bytes=bytes))
    patch.setattr(sqlite, "_PRAGMAS", tuple(each.replace("= FULL", "= OFF") for each in _DEFAULT_PRAGMAS))
    for room in (enrollment, replay, reenrollment):
        patch.setattr(room, "augmented_voiceprint", _augmented_once)
    for user in (voicing, declared_rate):
        patch.setattr(user, "spectra", _spectra_once)
    patch.setattr(FrameMeasures, "of", _measured_once)
    patch.setattr(TwoStageDetector, "stream", lambda detector: _DetectedOnce(detector))
    patch.setattr(OnnxEncoder, "_run", _embedded_once)
    patch.setattr(PhraseCheck, "judge", _judged_once)
    patch.setattr(FreeCheck, "judge", _judged_free_once)
    patch.setattr(vosk, "KaldiRecognizer", _DecodedOnce)
    patch.setattr(Engines, "__init__", _engines)
    patch.setattr(fastapi_models, "TypeAdapter", _adapter_once)
    # what is loaded by now stays; to look through it costs a second where a test asks for a collection
    gc.collect()
    gc.freeze()
    # else at the first test by hypothesis, which then looks for who holds a random generator, among all that there is
    with deterministic_PRNG():
        pass


def own_engines(patch: pytest.MonkeyPatch) -> None:
    """Engines as the product loads and asks them."""
    patch.setattr(Engines, "__init__", _unloaded)
    patch.setattr(TwoStageDetector, "stream", _detect)
    patch.setattr(OnnxEncoder, "_run", _embed)
    patch.setattr(PhraseCheck, "judge", _judge)
    patch.setattr(FreeCheck, "judge", _judge_free)
    patch.setattr(vosk, "KaldiRecognizer", _recognizer)


def heard_once(patch: pytest.MonkeyPatch) -> None:
    """Decoders that remember, where a test asks what becomes of what they hear."""
    patch.setattr(vosk, "KaldiRecognizer", _DecodedOnce)
    patch.setattr(AcousticModel, "scores", _scored_once)


def own_store(patch: pytest.MonkeyPatch) -> None:
    """A store as the product makes it."""
    patch.setattr(sqlite.SqliteBackend, "__init__", _make)
    patch.setattr(sqlite, "_PRAGMAS", _DEFAULT_PRAGMAS)
    patch.setattr(door_plan, "secrets", secrets)
