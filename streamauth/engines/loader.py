"""The engines that the settings name, each loaded once, at first use, and shared by all streams."""

from threading import Lock

from streamauth.core.listening import Models
from streamauth.core.ports import PhraseRecognizer, SpeakerEncoder, SpeechDetector
from streamauth.settings import Settings

EMBEDDED_RECOGNIZER = "vosk-en"


class Engines:
    """Lazy, thread-safe access to the engines; making it loads nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._detector: SpeechDetector | None = None
        self._encoder: SpeakerEncoder | None = None
        self._recognizer: PhraseRecognizer | None = None

    def models(self, *, with_words: bool) -> Models:
        """What a session needs, loaded.

        Raises:
            ModelMissing, ModelCorrupt, EngineError: An engine cannot be loaded.
        """
        from streamauth.engines.calibrations import load_calibration

        encoder = self.encoder()
        return Models(
            self.detector(),
            encoder,
            load_calibration(self._settings.voice.encoder, encoder.id),
            self.recognizer() if with_words else None,
        )

    def detector(self) -> SpeechDetector:
        """The voice activity detector."""
        with self._lock:
            if self._detector is None:
                if self._settings.speech.detector == "silero":
                    from streamauth.engines.silero_detector import SileroDetector

                    self._detector = SileroDetector()
                else:
                    from streamauth.engines.webrtc_detector import WebrtcDetector

                    self._detector = WebrtcDetector(self._settings.speech.aggressiveness)
            return self._detector

    def encoder(self) -> SpeakerEncoder:
        """The speaker encoder."""
        with self._lock:
            if self._encoder is None:
                from streamauth.engines.registry import load_encoder

                self._encoder = load_encoder(self._settings.voice.encoder, self._settings.voice.threads)
            return self._encoder

    def recognizer(self) -> PhraseRecognizer:
        """The pass-phrase recognizer."""
        with self._lock:
            if self._recognizer is None:
                phrase = self._settings.phrase
                from streamauth.engines.registry import recognizer_folder
                from streamauth.engines.vosk_recognizer import VoskRecognizer

                folder = phrase.vosk_model or recognizer_folder(EMBEDDED_RECOGNIZER)
                self._recognizer = VoskRecognizer(str(folder), trusted=not phrase.vosk_model)
            return self._recognizer
