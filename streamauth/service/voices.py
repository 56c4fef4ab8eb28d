"""Enrolled voices: what a person is compared with, and how it follows the voice after sure accepts."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Lock

from streamauth.core.ports import Embedding, Voiceprint
from streamauth.core.voice.adaptation import adapted
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.roster import Roster
from streamauth.settings import AdaptationSettings
from streamauth.store.gallery import Enrolled
from streamauth.store.overlay import Overlay
from streamauth.store.schema import DEFAULT_TENANT
from streamauth.store.store import Store
from streamauth.store.templates import FOLLOWING, Template


@dataclass(frozen=True, slots=True)
class People:
    """Who is in a roster.

    Attributes:
        by_name: By name.
        names: Names by id.
    """

    by_name: Overlay[str, Enrolled]
    names: Overlay[str, str]

    @classmethod
    def of(cls, by_name: Overlay[str, Enrolled]) -> "People":
        """Those of a table by name."""
        return cls(by_name, Overlay({one.profile_id: name for name, one in by_name.items()}))

    def names_of(self, profile_ids: Collection[str]) -> set[str]:
        """The names of those profiles that are among them."""
        return {self.names[profile_id] for profile_id in profile_ids if profile_id in self.names}


class _Held:
    """The roster of one tenant and encoder, that of the latest state which a session has asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calibration: Calibration | None = None
        self._roster: Roster | None = None
        self._people = People(Overlay({}), Overlay({}))

    def brought_to(
        self,
        found: Overlay[str, Enrolled],
        calibration: Calibration,
        voiceprints_of: Callable[[Enrolled], tuple[Voiceprint, ...]],
    ) -> tuple[Roster, People]:
        """The roster of these people: the one that is there where they are the same, else what differs is changed."""
        with self._lock:
            former = self._people.by_name
            if self._roster is None or self._calibration is not calibration:
                people = {name: voiceprints_of(one) for name, one in found.items()}
                self._roster, self._calibration = Roster.of(people, calibration), calibration
                self._people = People.of(found)
            elif found is not former:
                gone, fresh = found.since(former)
                self._roster = self._roster.changed(gone, {name: voiceprints_of(one) for name, one in fresh.items()})
                out = [former[name].profile_id for name in {*gone, *fresh} if name in former]
                names = self._people.names.changed(out, {one.profile_id: name for name, one in fresh.items()})
                self._people = People(found, names)
            return self._roster, self._people


class Voices:
    """Reads voiceprints for comparison."""

    def __init__(self, store: Store, settings: AdaptationSettings) -> None:
        self._store = store
        self._settings = settings
        self._lock = Lock()
        self._held: dict[tuple[str, str], _Held] = {}

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

    def everybody(
        self, encoder_id: str, calibration: Calibration, tenant: str = DEFAULT_TENANT
    ) -> tuple[Roster, "People"]:
        """All enrolled profiles of a tenant: to search among, which all sessions share, and to look up.

        Raises:
            NobodyToIdentify, EncoderChanged: There is none.
        """
        found = self._store.gallery.everybody(encoder_id, tenant=tenant)
        with self._lock:
            held = self._held.setdefault((tenant, encoder_id), _Held())
        return held.brought_to(found, calibration, self._all_of)

    def _all_of(self, one: Enrolled) -> tuple[Voiceprint, ...]:
        voiceprint, further = self._compared_by(one.voiceprint, one.templates)
        return (voiceprint, *further)

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
