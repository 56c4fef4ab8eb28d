"""A kiosk's two clocks, its way to the site, and profiles with counted attempts."""

from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from streamauth.core.settings import AttemptSettings
from streamauth.errors import StoreUnavailable
from streamauth.kiosk.gate import Gate, GateRule
from streamauth.kiosk.site_copy import SiteCopy
from streamauth.kiosk.site_link import SiteLink, SiteSink
from streamauth.store.records import EnrollmentRecord, ProfileKind
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, voiceprint
from tests.kiosk.rig import DOOR, MockDoor

HOUR_S = 3600.0
LIMITS = AttemptSettings(free_failures=100, lock_after=5)


@dataclass
class Clocks:
    """The kiosk's two clocks: one that people set, one that nobody sets."""

    wall_s: float = 1_800_000_000.0
    steady_s: float = 1000.0

    def passes(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds


@dataclass
class Network:
    """The way to the site, which can be cut."""

    store: Store
    cut: bool = False
    opened: int = field(default=0)

    def open(self) -> Store:
        self.opened += 1
        if self.cut:
            raise StoreUnavailable
        return self.store


def enroll(store: Store, name: str, speaker: int, phrase: str | None = None) -> str:
    """A profile with a voiceprint; its id."""
    kind = ProfileKind.TEXT_INDEPENDENT if phrase is None else ProfileKind.TEXT_DEPENDENT
    profile = store.profiles.create(name, kind, phrase=phrase)
    record = EnrollmentRecord(FakeEncoder.id, voiceprint(speaker)[None], 3.0, 4.0)
    store.enrollments.add(profile.id, record, phrase=phrase, voiceprint=record.voiceprint)
    return profile.id


def copy_of(near: Store, clocks: Clocks, **options: str) -> SiteCopy:
    return SiteCopy(
        near,
        DOOR,
        most_age_s=24 * HOUR_S,
        clock=lambda: clocks.wall_s,
        steady=lambda: clocks.steady_s,
        **options,
    )


def failures(store: Store, name: str) -> int:
    return store.profiles.summaries(name=name)[0].failures


class Kept:
    """A mock door on the near store with a link to the site."""

    def __init__(self, folder: Path, near: Store, network: Network, clocks: Clocks) -> None:
        self.door = MockDoor(folder)
        self.copy = copy_of(near, clocks)
        self.ages: list[bool] = []
        self.link = SiteLink(self.copy, network.open, self.door.keeper, self.ages.append)
        rule = GateRule(ZoneInfo("UTC"))
        self.gate = Gate(
            rule,
            near.door_plan,
            near.outbox,
            self.door.keeper,
            lambda: clocks.wall_s,
            out_of_date=lambda: self.copy.too_old,
        )
        self.sink = SiteSink([self.link])
