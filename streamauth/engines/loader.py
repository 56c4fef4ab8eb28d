"""The engines that the settings name, each loaded once, at first use, and shared by all streams."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from streamauth.catalog.calibrations import load_calibration
from streamauth.catalog.registry import Catalog
from streamauth.core.ports import PhraseRecognizer, SpeakerEncoder, SpeechDetector
from streamauth.core.sessions.base import Models
from streamauth.errors import ModelMissing
from streamauth.settings import Settings

Engine = TypeVar("Engine")
_JUDGE_LOCALE = "en-US"
"""Whose judge makes renderings of other languages."""


class Once(Generic[Engine]):
    """An engine that is loaded at its first use, behind a lock of its own: no other engine waits for it.

    Args:
        load: Loads it; what it raises goes to the caller, and the next use tries again.
    """

    def __init__(self, load: Callable[[], Engine]) -> None:
        self._load = load
        self._lock = Lock()
        self._engine: Engine | None = None

    def get(self) -> Engine:
        """The engine, loaded if it is not yet."""
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
            return self._engine


class Engines:
    """Lazy access to the engines, safe from any thread; making it loads nothing.

    Args:
        settings: All settings.
        catalog: The models of the installation; those of the usual data folder if None.
    """

    def __init__(self, settings: Settings, catalog: Catalog | None = None) -> None:
        self._settings = settings
        self._catalog = catalog or Catalog()
        self._detector: Once[SpeechDetector] = Once(self._load_detector)
        self._encoder: Once[SpeakerEncoder] = Once(self._load_encoder)
        self._own_words: Once[PhraseRecognizer] = Once(self._load_own_words)
        self._lock = Lock()  # of the two tables only; held while nothing is loaded
        self._folders: dict[str, Once[str]] = {}
        self._recognizers: dict[str, Once[PhraseRecognizer]] = {}

    def models(self, *, with_words: bool, locale: str | None = None) -> Models:
        """What a session needs, loaded.

        Args:
            with_words: Whether the recognizer is needed.
            locale: The language of its words, as for ``recognizer``.

        Raises:
            ModelMissing, ModelCorrupt, EngineError: An engine cannot be loaded.
        """
        encoder = self.encoder()
        calibration = load_calibration(self._catalog, self._settings.voice.encoder, encoder.id)
        return Models(
            self.detector(),
            encoder,
            calibration,
            self.recognizer(locale) if with_words else None,
        )

    def detector(self) -> SpeechDetector:
        """The voice activity detector."""
        return self._detector.get()

    def encoder(self) -> SpeakerEncoder:
        """The speaker encoder."""
        return self._encoder.get()

    def recognizer(self, locale: str | None = None) -> PhraseRecognizer:
        """The pass-phrase recognizer for a language, ``phrase.locale`` if None; locales of one model share it.

        Raises:
            ModelMissing: None is installed; the message tells how to get one.
        """
        phrase = self._settings.phrase
        try:
            folder = phrase.vosk_model or self._folder_of(locale or phrase.locale)
        except ModelMissing:
            if not phrase.own_renderings_alone:
                raise
            return self._own_words.get()
        with self._lock:
            recognizer = self._recognizers.setdefault(
                folder, Once(lambda: self._load_recognizer(folder, locale or phrase.locale))
            )
        return recognizer.get()

    def _folder_of(self, locale: str) -> str:
        def found() -> str:
            return str(self._catalog.recognizer_folder(self._catalog.recognizer_of(locale)))

        with self._lock:
            folder = self._folders.setdefault(locale, Once(found))
        return folder.get()

    def _load_detector(self) -> SpeechDetector:
        if self._settings.speech.detector == "silero":
            from streamauth.engines.vad.silero import SileroDetector

            return SileroDetector()
        from streamauth.engines.vad.two_stage import TwoStageDetector, load_voicing
        from streamauth.engines.vad.webrtc import WebrtcDetector

        network_id, network = load_voicing(self._catalog)
        return TwoStageDetector(WebrtcDetector(self._settings.speech.aggressiveness), network, network_id)

    def _load_encoder(self) -> SpeakerEncoder:
        from streamauth.engines.encoder.load import load_encoder

        return load_encoder(self._settings.voice.encoder, self._settings.voice.threads, self._catalog)

    def _load_recognizer(self, folder: str, locale: str) -> PhraseRecognizer:
        from streamauth.engines.phrase.vosk import VoskRecognizer

        phrase = self._settings.phrase
        judge = self._catalog.judge_of(locale) if phrase.judge and (Path(folder) / "phrase").is_dir() else None
        judge_folder = self._catalog.judge_folder(judge) if judge is not None else None
        return VoskRecognizer(folder, trusted=not phrase.vosk_model, judge=judge_folder)

    def _load_own_words(self) -> PhraseRecognizer:
        from streamauth.engines.phrase.own_words import OwnWordsRecognizer

        judge = self._catalog.judge_of(_JUDGE_LOCALE)
        if judge is None:
            raise ModelMissing("No model is installed that compares how a phrase is said.")
        return OwnWordsRecognizer(self._catalog.judge_folder(judge))
