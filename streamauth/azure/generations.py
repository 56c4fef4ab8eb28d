"""What the three generations of the API share, and where they differ."""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from streamauth.store.records import ProfileKind


class Generation(Enum):
    """One of the three."""

    V1 = "spid/v1.0"
    V2 = "speaker/v2.0"
    V3 = "2021-09-05"


class Use(StrEnum):
    """What a profile is made for."""

    TD = "text-dependent verification"
    TIV = "text-independent verification"
    TII = "text-independent identification"

    @property
    def kind(self) -> ProfileKind:
        """The kind of our profiles."""
        return ProfileKind.TEXT_DEPENDENT if self is Use.TD else ProfileKind.TEXT_INDEPENDENT


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may hold.

    Attributes:
        min_s: Shortest audio, in seconds.
        max_s: Longest audio, in seconds.
        body_mb: Largest body, in 2^20 bytes; None leaves it to the server.
        needed_speech_s: Net speech that an enrollment takes (text-independent).
        probe_speech_s: Net speech of an attempt (text-independent).
        total_s: Audio in all enrollments of a profile (text-independent).
        enrollments: Enrollments of a profile (text-dependent).
        enroll_snr_db: Least signal-to-noise ratio of an enrollment.
        probe_snr_db: Least signal-to-noise ratio of an attempt.
        candidates: Profiles of an identification.
        profiles: Profiles of a tenant.
    """

    min_s: float
    max_s: float
    body_mb: int | None
    needed_speech_s: float = 0.0
    probe_speech_s: float = 0.0
    total_s: float = float("inf")
    enrollments: int = 1_000_000
    enroll_snr_db: float = float("-inf")
    probe_snr_db: float = float("-inf")
    candidates: int = 50
    profiles: int = 1_000_000


_TD = Limits(1, 10, 5, enrollments=50, enroll_snr_db=10, probe_snr_db=10)
_TI = Limits(1, 120, 5, needed_speech_s=20, probe_speech_s=4, total_s=300, enroll_snr_db=0, probe_snr_db=0)
_TI_3 = replace(_TI, enroll_snr_db=2, probe_snr_db=2)
LIMITS = {
    (Generation.V1, Use.TD): Limits(1, 15, None, profiles=1000),
    (Generation.V1, Use.TII): Limits(5, 300, None, needed_speech_s=30, candidates=10, profiles=1000),
    (Generation.V2, Use.TD): _TD,
    (Generation.V2, Use.TIV): _TI,
    (Generation.V2, Use.TII): _TI,
    (Generation.V3, Use.TD): replace(_TD, enroll_snr_db=2),
    (Generation.V3, Use.TIV): _TI_3,
    (Generation.V3, Use.TII): _TI_3,
}
"""By generation and use."""

V1_ITEM = {Use.TD: "verificationProfileId", Use.TII: "identificationProfileId"}
"""What the first generation calls the id of a profile."""

_V3_LOCALES = ("en-US", "es-ES", "fr-FR", "zh-CN")
_V2_LOCALES = (
    *("de-DE", "en-GB", "en-AU", "en-CA", "fr-CA", "it-IT", "es-MX", "ja-JP", "pt-BR", "en-IN"),
    *_V3_LOCALES,
)
_TI_LOCALES = {Generation.V1: ("en-US", "zh-CN"), Generation.V2: _V2_LOCALES, Generation.V3: _V3_LOCALES}
LOCALES: dict[tuple[Generation, Use], tuple[str, ...]] = {
    (generation, use): ("en-US",) if use is Use.TD else locales
    for generation, locales in _TI_LOCALES.items()
    for use in Use
}
"""Languages by generation and use, as Microsoft had them."""

PHRASES = (
    "i am going to make him an offer he cannot refuse",
    "houston we have had a problem",
    "my voice is my passport verify me",
    "apple juice tastes funny after toothpaste",
    "you can get in without your password",
    "you can activate security system now",
    "my voice is stronger than passwords",
    "my password is not your business",
    "my name is unknown to you",
    "be yourself everyone else is already taken",
)
"""The pass phrases, in their order."""

ACTIVATION_PHRASE = "I'll talk for a few seconds so you can recognize my voice in the future."
API_VERSION = "2021-09-05"
NOBODY = "00000000-0000-0000-0000-000000000000"
"""The profile id of nobody."""
