"""The engines that the settings name, each loaded once, at first use, and shared by all streams."""

from threading import Lock

from streamauth.core.ports import PhraseRecognizer, SpeakerEncoder, SpeechDetector
from streamauth.core.sessions.base import Models
from streamauth.settings import Settings


class Engines:
    """Lazy, thread-safe access to the engines; making it loads nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._detector: SpeechDetector | None = None
        self._encoder: SpeakerEncoder | None = None
        self._recognizers: dict[str, PhraseRecognizer] = {}

    def models(self, *, with_words: bool, locale: str | None = None) -> Models:
        """What a session needs, loaded.

        Args:
            with_words: Whether the recognizer is needed.
            locale: The language of its words, as for ``recognizer``.

        Raises:
            ModelMissing, ModelCorrupt, EngineError: An engine cannot be loaded.
        """
        from streamauth.catalog.calibrations import load_calibration

        encoder = self.encoder()
        return Models(
            self.detector(),
            encoder,
            load_calibration(self._settings.voice.encoder, encoder.id),
            self.recognizer(locale) if with_words else None,
        )

    def detector(self) -> SpeechDetector:
        """The voice activity detector."""
        with self._lock:
            if self._detector is None:
                if self._settings.speech.detector == "silero":
                    from streamauth.engines.vad.silero import SileroDetector

                    self._detector = SileroDetector()
                else:
                    from streamauth.engines.vad.webrtc import WebrtcDetector

                    self._detector = WebrtcDetector(self._settings.speech.aggressiveness)
            return self._detector

    def encoder(self) -> SpeakerEncoder:
        """The speaker encoder."""
        with self._lock:
            if self._encoder is None:
                from streamauth.engines.encoder.load import load_encoder

                self._encoder = load_encoder(self._settings.voice.encoder, self._settings.voice.threads)
            return self._encoder

    def recognizer(self, locale: str | None = None) -> PhraseRecognizer:
        """The pass-phrase recognizer for a language, ``phrase.locale`` if None; locales of one model share it.

        Raises:
            ModelMissing: None is installed; the message tells how to get one.
        """
        phrase = self._settings.phrase
        locale = "" if phrase.vosk_model else locale or phrase.locale
        with self._lock:
            if locale not in self._recognizers:
                from streamauth.catalog.registry import recognizer_folder, recognizer_of
                from streamauth.engines.phrase.vosk import VoskRecognizer

                folder = phrase.vosk_model or str(recognizer_folder(recognizer_of(locale)))
                if folder not in self._recognizers:
                    self._recognizers[folder] = VoskRecognizer(
                        folder, grammar=phrase.decoding == "grammar", trusted=not phrase.vosk_model
                    )
                self._recognizers[locale] = self._recognizers[folder]
            return self._recognizers[locale]
