"""What the store takes and gives: profiles, enrolled utterances, counts.

None of them shows a name, phrase or voiceprint in its ``repr``, so that none gets into a log.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Rendering, Samples, Voiceprint
from streamauth.errors import BadPhrase, StoreCorrupt, StoreError
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.sealing import SealingKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DTYPE = np.dtype("<f4")  # the same bytes on every machine
_HEADER = struct.Struct("<BHH")  # version, views, dimensions
_WIDTH = struct.Struct("<H")
_HEADER_VERSION = 1


class ProfileKind(StrEnum):
    """Whether a pass phrase belongs to a profile."""

    TEXT_DEPENDENT = "text_dependent"
    TEXT_INDEPENDENT = "text_independent"


@dataclass(frozen=True, slots=True)
class Profile:
    """A person known to a tenant.

    Attributes:
        id: A GUID in lower case, the same for ever.
        tenant: Who owns it.
        name: Unique within the tenant, 1 to 128 characters, NFC.
        kind: With or without a pass phrase.
        locale: Language of the speech, BCP 47.
        phrase: The pass phrase; None while it is not chosen, and for text-independent profiles.
        created_at: When it was made, UTC, to the millisecond.
        updated_at: When its phrase, enrollments or voiceprints last changed, likewise.
        consent: Version of the text that the person agreed to; None where nothing was recorded.
        consent_at: When.
        used_at: When it was last accepted, to the day; None if never.
    """

    id: str
    tenant: str = field(repr=False)
    name: str = field(repr=False)
    kind: ProfileKind
    locale: str
    phrase: str | None = field(repr=False)
    created_at: datetime
    updated_at: datetime
    consent: str | None = None
    consent_at: datetime | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EnrollmentRecord:
    """One confirmed utterance of an enrollment.

    Attributes:
        encoder_id: The encoder that made the voiceprint.
        voiceprint: Of this utterance.
        speech_s: Net speech, in seconds.
        audio_s: Audio, silence included, in seconds.
        pronunciation_scores: For each word of the phrase how well it was said; then, where the recognizer tells, for
            each word how sure the second judge was of it.
        rendering: How the phrase was said, shape (frames, dim), int8; None where the recognizer makes none.
        created_at: When it was stored, UTC; None before that.
        audio: Its speech at 16 kHz, shape (samples,); None where it is not kept.
    """

    encoder_id: str
    voiceprint: Voiceprint = field(repr=False)
    speech_s: float
    audio_s: float
    pronunciation_scores: tuple[float, ...] = field(default=(), repr=False)
    created_at: datetime | None = None
    audio: Samples | None = field(default=None, repr=False)
    rendering: Rendering | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """A profile with its counts.

    Attributes:
        profile: The profile.
        utterances: Confirmed utterances.
        speech_s: Net speech in them, in seconds.
        audio_s: Audio in them, in seconds.
        enrolled_encoders: Ids of the encoders that the enrollment is complete for, sorted.
        failures: Failed attempts in a row.
        kept_audio_s: Speech that is kept of it, in seconds.
    """

    profile: Profile
    utterances: int
    speech_s: float
    audio_s: float
    enrolled_encoders: tuple[str, ...]
    failures: int
    kept_audio_s: float = 0.0


def phrase_bytes(phrase: str) -> bytes:
    """A pass phrase as bytes to seal.

    Raises:
        BadPhrase: Blank, or no text that UTF-8 can hold.
    """
    try:
        data = phrase.encode("utf-8")
    except UnicodeEncodeError:
        raise BadPhrase from None
    if not phrase.strip():
        raise BadPhrase
    return data


def voiceprint_bytes(voiceprint: Voiceprint) -> bytes:
    """A voiceprint, shape (views, dim), as bytes to seal: a versioned header with its shape, then its numbers.

    Raises:
        StoreError: It does not hold vectors of finite numbers, which no encoder may give.
    """
    _check(voiceprint)
    return _HEADER.pack(_HEADER_VERSION, *voiceprint.shape) + voiceprint.astype(_DTYPE).tobytes()


def voiceprint_from(data: bytes) -> Voiceprint:
    """The voiceprint of unsealed bytes, shape (views, dim).

    Raises:
        StoreCorrupt: They are none.
    """
    if len(data) < _HEADER.size:
        raise StoreCorrupt
    version, views, dim = _HEADER.unpack_from(data)
    numbers = _numbers(data[_HEADER.size :])
    if version != _HEADER_VERSION or not numbers.size or numbers.size != views * dim:
        raise StoreCorrupt
    return numbers.reshape(views, dim)


def _check(voiceprint: Voiceprint) -> None:
    if voiceprint.ndim != 2 or not voiceprint.size or not np.isfinite(voiceprint).all():
        raise StoreError("A voiceprint that does not hold vectors of finite numbers cannot be stored.")


def sealed_voiceprint(key: ProfileKey, voiceprint: Voiceprint, *context: str) -> bytes:
    """A voiceprint, shape (views, dim), as it is kept at rest: rotated and sealed by its profile's key.

    Raises:
        StoreError: It does not hold vectors of finite numbers.
    """
    _check(voiceprint)
    return key.seal(voiceprint_bytes(key.rotated(voiceprint)), *context)


def opened_voiceprint(key: ProfileKey, sealed: bytes, *context: str) -> Voiceprint:
    """The voiceprint, shape (views, dim), as it was to about 1e-7.

    Raises:
        StoreCorrupt: It was changed, or belongs somewhere else.
    """
    return key.restored(voiceprint_from(key.unseal(sealed, *context)))


def opened_voiceprints(sealed: Sequence[tuple[ProfileKey, bytes, tuple[str, ...]]]) -> list[Voiceprint]:
    """Many of them, each given by its profile's key, the sealed value and its context.

    Raises:
        StoreCorrupt: One was changed, or belongs somewhere else.
    """
    keys = [key for key, *_ in sealed]
    return ProfileKey.restored_all(keys, [voiceprint_from(key.unseal(value, *where)) for key, value, where in sealed])


def _numbers(data: bytes) -> NDArray[np.float32]:
    if len(data) % _DTYPE.itemsize:
        raise StoreCorrupt
    return np.frombuffer(data, _DTYPE).astype(np.float32)


def scores_bytes(scores: tuple[float, ...]) -> bytes:
    """Pronunciation scores as bytes to seal."""
    return np.asarray(scores, _DTYPE).tobytes()


def scores_of(data: bytes) -> tuple[float, ...]:
    """The pronunciation scores of unsealed bytes."""
    return tuple(float(score) for score in _numbers(data))


def rendering_bytes(rendering: Rendering) -> bytes:
    """A rendering, shape (frames, dim), as bytes to seal: its width, then its numbers."""
    return _WIDTH.pack(rendering.shape[1]) + rendering.astype(np.int8).tobytes()


def rendering_from(data: bytes) -> Rendering:
    """The rendering of unsealed bytes, shape (frames, dim).

    Raises:
        StoreCorrupt: They are none.
    """
    width = _WIDTH.unpack_from(data)[0] if len(data) > _WIDTH.size else 0
    if not width or (len(data) - _WIDTH.size) % width:
        raise StoreCorrupt
    return np.frombuffer(data, np.int8, offset=_WIDTH.size).reshape(-1, width)


def audio_bytes(audio: Samples) -> bytes:
    """Speech, shape (samples,), as bytes to seal: 16-bit samples."""
    pcm: bytes = np.clip(np.rint(audio * 32768.0), -32768, 32767).astype("<i2").tobytes()
    return pcm


def audio_of(data: bytes) -> Samples:
    """The speech of unsealed bytes, shape (samples,), float32 in [-1, 1]."""
    if len(data) % 2:
        raise StoreCorrupt
    return (np.frombuffer(data, "<i2") / 32768.0).astype(np.float32)


def audio_seconds(sealed_bytes: int) -> float:
    """Speech in sealed audio, in seconds."""
    return sealed_bytes / (2 * SAMPLE_RATE_HZ)


def utc(ms: int) -> datetime:
    """The moment of a stored time.

    Raises:
        StoreCorrupt: No moment that a calendar has.
    """
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except (OverflowError, TypeError):
        raise StoreCorrupt from None


def profile_of(row: Any, key: SealingKey) -> Profile:
    """The profile of a row of the table ``profiles``, by the store's key.

    Raises:
        StoreCorrupt: The row is damaged.
    """
    phrase = None
    if row.phrase is not None:
        phrase = ProfileKey.of(key, row).unseal(row.phrase, "phrase", row.id).decode("utf-8")
    try:
        kind = ProfileKind(row.kind)
    except ValueError:
        raise StoreCorrupt from None
    times = (row.created_ms, row.updated_ms, row.consent_ms, row.used_ms)
    created_at, updated_at, consent_at, used_at = (None if ms is None else utc(ms) for ms in times)
    if created_at is None or updated_at is None:
        raise StoreCorrupt
    return Profile(
        *(row.id, row.tenant_id, row.name, kind, row.locale, phrase, created_at, updated_at),
        *(row.consent, consent_at, used_at),
    )


def record_of(row: Any, key: ProfileKey) -> EnrollmentRecord:
    """The utterance of a row of the table ``enrollments``, without its audio."""
    whose, sealed, rendering = (row.profile_id, row.encoder_id), row.pronunciation_scores, row.rendering
    return EnrollmentRecord(
        row.encoder_id,
        opened_voiceprint(key, row.embedding, "enrollment", *whose),
        row.speech_s,
        row.audio_s,
        () if sealed is None else scores_of(key.unseal(sealed, "pronunciation scores", *whose)),
        utc(row.created_ms),
        rendering=None if rendering is None else rendering_from(key.unseal(rendering, "rendering", *whose)),
    )
