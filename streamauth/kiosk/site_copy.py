"""A kiosk's own sealed copy of what its site knows of one door, so that a cut network changes nothing at the door.

The kiosk works from the copy alone, always; what differs between a good day and a cut is only how old it is. It holds
the people who may pass this door with their voiceprints, PINs and permissions, and nobody else. What happens here goes
back: events by an outbox, failed attempts by ``merge_charges``.
"""

import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from streamauth.core.settings import ReplaySettings
from streamauth.errors import StoreCorrupt
from streamauth.store.attempts import Charge
from streamauth.store.store import Store

_SAVE_AGE_EVERY_S = 60.0
_UNKNOWN_DOWNTIME_S = 7_200.0
"""What a restart counts as where the clock says that no time has passed: a machine without a battery for its clock."""

_MANY = 1_000_000
_USE_STEP_MS = 86_400_000


@dataclass
class _Known:
    """What the copy remembers between two looks at the site.

    Attributes:
        profiles: Number of the last change of each profile that is here, by its id.
        charges: The charges that both sides had at the last look.
        passages: Place of the last passage that was taken over.
        age_s: Age of the copy when this was saved, in seconds; None before the first look.
        saved_s: When that was, in seconds since the epoch.
    """

    profiles: dict[str, int] = field(default_factory=dict)
    charges: set[Charge] = field(default_factory=set)
    passages: int = 0
    age_s: float | None = None
    saved_s: float = 0.0


def steady_s() -> float:
    """Seconds of a clock that nobody sets, and that counts sleep too where the system has such a one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(eq=False, repr=False)
class SiteCopy:
    """The copy of one door's site.

    Attributes:
        near: The kiosk's own store, which nothing else is kept in.
        door: Name of the door.
        area: Whose passages at other doors count here; empty for none.
        most_age_s: Age above which it is not to be used, in seconds.
        clock: Seconds since the epoch.
        steady: Seconds of a clock that nobody sets.

    Raises:
        StoreError: The kiosk's own store cannot be read.
    """

    near: Store
    door: str
    _: KW_ONLY
    area: str = ""
    most_age_s: float
    clock: Callable[[], float] = time.time
    steady: Callable[[], float] = steady_s

    def __post_init__(self) -> None:
        self._known = _known_of(self.near.site_state.load())
        self._fresh_at_s = self._began_at_s()
        self._saved_age_at_s = self.steady()

    @property
    def age_s(self) -> float:
        """Seconds since the site was last seen; infinite before the first time."""
        return float("inf") if self._fresh_at_s is None else max(0.0, self.steady() - self._fresh_at_s)

    @property
    def too_old(self) -> bool:
        """Whether nobody may be let in by it."""
        return self.age_s > self.most_age_s

    def pull(self, site: Store) -> None:
        """Learn what the site knows now: whom it has removed first, whom it has added then.

        Raises:
            StoreError: One of the stores cannot be used; what was learned until then stays.
        """
        plan = site.door_plan.extract(self.door)
        if plan != self.near.door_plan.extract():
            self.near.door_plan.adopt(plan)
        marks = site.profiles.marks(sorted(plan.profiles()))
        for profile_id in sorted(set(self._here()) - set(marks)):
            self._forget(profile_id)
        for profile_id, change in marks.items():
            if self._known.profiles.get(profile_id) != change or profile_id not in self._here():
                self._forget(profile_id)
                self._take(site, profile_id)
                self._known.profiles[profile_id] = change
                self._save()
        self.merge_charges(site)
        self._push_uses(site)
        self._pull_passages(site)
        self._fresh_at_s = self.steady()
        self._save()

    def merge_charges(self, site: Store) -> None:
        """Bring failed attempts of both sides together, and what cleared them on either.

        A charge is told by its profile and its moment, so a kill between the two sides counts none twice.
        """
        ids = sorted(self._known.profiles)
        here, there, both = self.near.attempts.charges(ids), site.attempts.charges(ids), self._known.charges
        self.near.attempts.change_charges(add=there - both - here, drop=both - there)
        site.attempts.change_charges(add=here - both - there, drop=both - here)
        self._known.charges = (here | there) - (both - there) - (both - here)

    def tick(self) -> None:
        """Note from time to time how old the copy is, so that a restart does not make it young."""
        if self.steady() - self._saved_age_at_s >= _SAVE_AGE_EVERY_S:
            self._save()

    def _push_uses(self, site: Store) -> None:
        """Who is accepted here is used, and not to be deleted at the site as somebody who is not."""
        known = site.profiles.uses()
        for profile_id, used_ms in self.near.profiles.uses().items():
            if used_ms - known.get(profile_id, 0) >= _USE_STEP_MS:
                site.profiles.use(profile_id, used_ms)

    def _pull_passages(self, site: Store) -> None:
        if self.area:
            found = site.outbox.passages(self.area, self._known.passages)
            for place, message in found:
                if message.door != self.door:
                    self.near.outbox.record_once(message)
                self._known.passages = place

    def _here(self) -> list[str]:
        return self.near.profiles.ids()

    def _forget(self, profile_id: str) -> None:
        self._known.profiles.pop(profile_id, None)
        # gone here, but not cleared: they come back with the profile
        self._known.charges = {charge for charge in self._known.charges if charge.profile_id != profile_id}
        if profile_id in self._here():
            self._save()
            self.near.profiles.delete(profile_id)

    def _take(self, site: Store, profile_id: str) -> None:
        profile = site.profiles.get_by_id(profile_id)
        near = self.near
        near.profiles.create(
            profile.name,
            profile.kind,
            phrase=profile.phrase,
            locale=profile.locale,
            profile_id=profile_id,
            consent=profile.consent,
        )
        for encoder_id in site.voiceprints.encoders(profile_id):
            records = site.enrollments.of(profile_id, encoder_id)
            voiceprint = site.voiceprints.get(profile_id, encoder_id)
            for number, record in enumerate(records, 1):
                last = number == len(records)
                near.enrollments.add(profile_id, record, voiceprint=voiceprint if last else None, more=True)
            for template in site.templates.of(profile_id, encoder_id):
                near.templates.put(profile_id, encoder_id, template.label, template.voiceprint, most=_MANY)
        for trail in site.trails.enrolled(profile_id):
            near.trails.keep(profile_id, trail, ReplaySettings(), enrolled=True)

    def _began_at_s(self) -> float | None:
        """When, by the steady clock, the copy was fresh; of an earlier start."""
        known = self._known
        if known.age_s is None:
            return None
        down_s = self.clock() - known.saved_s
        return self.steady() - known.age_s - (down_s if down_s > 0 else _UNKNOWN_DOWNTIME_S)

    def _save(self) -> None:
        known = self._known
        known.age_s = None if self._fresh_at_s is None else self.age_s
        known.saved_s = self.clock()
        self.near.site_state.save(
            {
                "profiles": known.profiles,
                "charges": [[charge.profile_id, charge.began_at_s] for charge in known.charges],
                "passages": known.passages,
                "age_s": known.age_s,
                "saved_s": known.saved_s,
            }
        )
        self._saved_age_at_s = self.steady()


def _known_of(state: dict[str, Any]) -> _Known:
    if not state:
        return _Known()
    try:
        charges = {Charge(profile_id, began_at_s) for profile_id, began_at_s in state["charges"]}
        return _Known(state["profiles"], charges, state["passages"], state["age_s"], state["saved_s"])
    except (KeyError, TypeError, ValueError):
        raise StoreCorrupt from None
