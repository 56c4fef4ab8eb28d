"""The engines that the settings name, each loaded once, at first use, and shared by all streams."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

from streamauth.catalog.calibrations import load_calibration
from streamauth.catalog.registry import Catalog
from streamauth.core.ports import PhraseRecognizer, SpeakerEncoder, SpeechDetector
from streamauth.core.sessions.base import Models
from streamauth.engines.once import Once
from streamauth.errors import ModelMissing
from streamauth.settings import Settings

_JUDGE_LOCALE = "en-US"
"""Whose judge makes renderings of other languages."""


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
        self._lock = Lock()  # of the tables only; held while nothing is loaded
        self._folders: dict[str, Once[str]] = {}
        self._recognizers: dict[str, Once[PhraseRecognizer]] = {}
        self._soon_over = False
        self._waiting_judges: list[Callable[[], None]] = []

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

    @contextmanager
    def loading(self, *, with_words: bool) -> Iterator[None]:
        """Load what ``models`` gives in a thread beside the caller, who opens the store meanwhile.

        The judge of phrases comes last, and whoever asks for the recognizer does not wait for it: it is needed at the
        end of a phrase only, and listens beside the alignment. An encoder that passed its test on this machine before
        is not tested again. What cannot be loaded is told when it is used. At the end of the context nothing more is
        begun, and what is begun is waited for: a runtime must not be left in the middle of it.
        """
        self._soon_over = True
        left = Event()
        parts: tuple[Callable[[], object], ...] = (self.encoder, self.detector)
        parts += (self.recognizer, self._load_judges) if with_words else ()

        def load() -> None:
            for part in parts:
                with suppress(Exception):
                    if not left.is_set():
                        part()

        thread = Thread(target=load, name="loading")
        # modules are imported one after the other anyway: by the caller, while the thread needs no interpreter
        with suppress(ImportError):
            import streamauth.engines.encoder.onnx
        thread.start()
        with suppress(ImportError):
            import streamauth.engines.vad.webrtc
        if with_words:
            with suppress(ImportError):
                import streamauth.engines.phrase.vosk  # noqa: F401
        try:
            yield
        finally:
            left.set()
            thread.join()

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

        marks = self._catalog.tested if self._soon_over else None
        return load_encoder(self._settings.voice.encoder, self._settings.voice.threads, self._catalog, marks)

    def _load_recognizer(self, folder: str, locale: str) -> PhraseRecognizer:
        from streamauth.engines.phrase.vosk import VoskRecognizer

        phrase = self._settings.phrase
        judge = self._catalog.judge_of(locale) if phrase.judge and (Path(folder) / "phrase").is_dir() else None
        find = partial(self._catalog.judge_folder, judge) if judge is not None else None
        waits = self._soon_over
        recognizer = VoskRecognizer(folder, trusted=not phrase.vosk_model, judge=find, judge_waits=waits)
        if waits:
            self._waiting_judges.append(recognizer.load_judge)
        return recognizer

    def _load_judges(self) -> None:
        for load in self._waiting_judges:
            load()

    def _load_own_words(self) -> PhraseRecognizer:
        from streamauth.engines.phrase.own_words import OwnWordsRecognizer

        judge = self._catalog.judge_of(_JUDGE_LOCALE)
        if judge is None:
            raise ModelMissing("No model is installed that compares how a phrase is said.")
        return OwnWordsRecognizer(self._catalog.judge_folder(judge))
