"""The kiosk's use of the authenticator: attempts to identify and to verify, as every other entrance makes them."""

from collections.abc import Sequence
from contextlib import suppress

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.phrase.prompt import Prompt
from streamauth.core.ports import SpeechDetector
from streamauth.errors import UnknownProfile
from streamauth.service.authenticator import Authenticator, IdentificationAttempt, VerificationAttempt


class Voices:
    """Whose voices the kiosk knows."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def detector(self) -> SpeechDetector:
        """The voice activity detector.

        Raises:
            EngineError: It cannot be loaded.
        """
        return self._authenticator.engines.models(with_words=False).detector

    def warm_up(self, *, with_words: bool) -> None:
        """Load the models, so that the first visitor does not wait for them.

        Raises:
            EngineError: One cannot be loaded.
        """
        self._authenticator.engines.models(with_words=with_words)

    def identify(
        self, profiles: Sequence[str], audio_format: AudioFormat, prompt: Prompt | None
    ) -> IdentificationAttempt:
        """Begin to identify a visitor among these profiles, as far as they are enrolled.

        Raises:
            NobodyToIdentify: None of them is.
            StoreError, EngineError: The store or a model cannot be used.
        """
        encoder_id = self._authenticator.engines.models(with_words=False).encoder.id
        store = self._authenticator.store
        enrolled = []
        for name in profiles:
            with suppress(UnknownProfile):
                if encoder_id in store.voiceprints.encoders(store.profiles.get(name).id):
                    enrolled.append(name)
        return self._authenticator.identify(audio_format, among=enrolled, prompt=prompt, charged=False)

    def verify(self, profile: str, audio_format: AudioFormat, prompt: Prompt | None) -> VerificationAttempt:
        """Begin to verify a visitor.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is nothing to compare with.
            AttemptDelayed, ProfileLocked: There were too many failures.
            StoreError, EngineError: The store or a model cannot be used.
        """
        return self._authenticator.verify(profile, audio_format, prompt=prompt)

    def has_phrase(self, profile: str) -> bool:
        """Whether a profile has a pass phrase; False where there is no such profile any more.

        Raises:
            StoreError: The store cannot be used.
        """
        with suppress(UnknownProfile):
            return self._authenticator.store.profiles.get(profile).phrase is not None
        return False

    def forgive(self, profile: str) -> None:
        """Take back the failures of a profile whose owner was accepted by another one.

        Raises:
            StoreError: The store cannot be used.
        """
        with suppress(UnknownProfile):
            self._authenticator.store.attempts.unlock(self._authenticator.store.profiles.get(profile).id)
