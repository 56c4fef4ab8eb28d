"""Enrolled voices: what a person is compared with, and how it follows the voice after sure accepts."""

from collections.abc import Callable, Sequence

from streamauth.core.ports import Embedding, Voiceprint
from streamauth.core.voice.adaptation import adapted
from streamauth.settings import AdaptationSettings
from streamauth.store.gallery import Enrolled
from streamauth.store.schema import DEFAULT_TENANT
from streamauth.store.store import Store
from streamauth.store.templates import FOLLOWING, Template


class Voices:
    """Reads voiceprints for comparison.

    Args:
        store: Where they are.
        settings: Whether voiceprints follow their owners' voices.
    """

    def __init__(self, store: Store, settings: AdaptationSettings) -> None:
        self._store = store
        self._settings = settings

    def of(self, profile_id: str, encoder_id: str) -> tuple[Voiceprint, tuple[Voiceprint, ...]]:
        """The voiceprint of a person, as it has followed their voice, and those of other places.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is none.
        """
        beside = self._store.templates.of(profile_id, encoder_id)
        return self._compared_by(self._store.voiceprints.get(profile_id, encoder_id), beside)

    def of_group(
        self, encoder_id: str, names: Sequence[str] | None, tenant: str = DEFAULT_TENANT
    ) -> list[tuple[Enrolled, Voiceprint, tuple[Voiceprint, ...]]]:
        """The same of all enrolled profiles of a tenant, or those named.

        Raises:
            NobodyToIdentify: There is none.
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: One that is named cannot be compared.
        """
        found = self._store.gallery.enrolled(encoder_id, names=names, tenant=tenant)
        return [(one, *self._compared_by(one.voiceprint, one.templates)) for one in found]

    def follower(self, profile_id: str, encoder_id: str) -> Callable[[Embedding], int | None] | None:
        """What moves a voiceprint after a sure accept; None where voiceprints stay as they were enrolled."""
        settings = self._settings
        if not settings.enabled:
            return None
        return lambda heard: self._store.templates.follow(
            profile_id, encoder_id, lambda enrolled, current: adapted(enrolled, current, heard, settings)
        )

    def _compared_by(
        self, voiceprint: Voiceprint, beside: Sequence[Template]
    ) -> tuple[Voiceprint, tuple[Voiceprint, ...]]:
        further = []
        for template in beside:
            if template.label != FOLLOWING:
                further.append(template.voiceprint)
            elif self._settings.enabled:
                voiceprint = template.voiceprint
        return voiceprint, tuple(further)
