import uuid
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from streamauth.errors import (
    EncoderChanged,
    NobodyToIdentify,
    ProfileExists,
    ProfileNotEnrolled,
    StoreCorrupt,
    StoreError,
    UnknownProfile,
)
from streamauth.store.records import EnrollmentRecord, ProfileKind, rendering_bytes, rendering_from
from streamauth.store.schema import enrollments
from streamauth.store.store import Store
from tests.store.helpers import ENCODER, OTHER_ENCODER, assert_enrolled, enrolled, put, record, same, voiceprint

TD = ProfileKind.TEXT_DEPENDENT
NOBODY = str(uuid.UUID(int=0))


def test_an_enrollment_reads_as_it_was_stored(store: Store) -> None:
    profile = enrolled(store, "Anna")
    assert_enrolled(store, "Anna")
    assert store.voiceprints.encoders(profile.id) == (ENCODER,)
    records = store.enrollments.of(profile.id, ENCODER)
    assert [(r.encoder_id, r.speech_s, r.audio_s) for r in records] == [(ENCODER, 1.5, 2.25)] * 3
    times = [r.created_at for r in records if r.created_at is not None]
    assert len(times) == 3
    assert profile.created_at <= times[0] <= times[1] <= times[2] == store.profiles.get("Anna").updated_at
    assert records[0].voiceprint.dtype == np.float32


def test_a_rendering_reads_as_it_was_stored_sealed(store: Store) -> None:
    profile = store.profiles.create("Anna", TD)
    rendering = np.arange(-64, 64, dtype=np.int8).reshape(4, 32)
    store.enrollments.add(profile.id, replace(record(1), rendering=rendering))
    store.enrollments.add(profile.id, record(2))
    one, other = store.enrollments.of(profile.id, ENCODER)
    assert one.rendering is not None
    assert np.array_equal(one.rendering, rendering)
    assert other.rendering is None
    with store._sealed.read() as connection:
        sealed = connection.scalar(select(enrollments.c.rendering))
    assert sealed is not None
    assert rendering.tobytes() not in sealed
    for damaged in (b"", rendering_bytes(rendering)[:-1], bytes(34)):
        with pytest.raises(StoreCorrupt):
            rendering_from(damaged)


def test_encoders_are_kept_apart(store: Store) -> None:
    profile = enrolled(store, "Anna", 1, ENCODER)
    with pytest.raises(EncoderChanged):
        store.voiceprints.get(profile.id, OTHER_ENCODER)
    assert store.enrollments.of(profile.id, OTHER_ENCODER) == []
    store.enrollments.add(profile.id, record(9, OTHER_ENCODER), voiceprint=voiceprint(9))
    assert store.voiceprints.encoders(profile.id) == (ENCODER, OTHER_ENCODER)
    assert same(store.voiceprints.get(profile.id, OTHER_ENCODER), voiceprint(9))
    assert_enrolled(store, "Anna")


def test_a_voiceprint_that_is_not_there(store: Store) -> None:
    with pytest.raises(UnknownProfile):
        store.voiceprints.get(NOBODY, ENCODER)
    profile = store.profiles.create("Anna", TD)
    store.enrollments.add(profile.id, record(1))
    with pytest.raises(ProfileNotEnrolled):
        store.voiceprints.get(profile.id, ENCODER)
    assert store.enrollments.of(NOBODY, ENCODER) == []
    assert store.voiceprints.encoders(NOBODY) == ()


def test_an_enrollment_of_a_profile_that_is_gone(store: Store) -> None:
    with pytest.raises(UnknownProfile):
        store.enrollments.add(NOBODY, record(1))
    with pytest.raises(UnknownProfile):
        put(store, NOBODY, ENCODER, voiceprint(1))


def test_a_complete_enrollment_takes_no_more(store: Store) -> None:
    profile = enrolled(store, "Anna")
    with pytest.raises(ProfileExists):
        store.enrollments.add(profile.id, record(9))
    assert_enrolled(store, "Anna")


def test_a_voiceprint_is_replaced(store: Store) -> None:
    profile = enrolled(store, "Anna")
    put(store, profile.id, ENCODER, voiceprint(77))
    assert same(store.voiceprints.get(profile.id, ENCODER), voiceprint(77))
    assert store.voiceprints.encoders(profile.id) == (ENCODER,)


def test_the_first_phrase_stays(store: Store) -> None:
    profile = store.profiles.create("Anna", TD)
    store.enrollments.add(profile.id, record(1), phrase="open the door")
    store.enrollments.add(profile.id, record(2), phrase="open the door")
    with pytest.raises(ProfileExists):
        store.enrollments.add(profile.id, record(3), phrase="close the door", voiceprint=voiceprint(4))
    assert store.profiles.get("Anna").phrase == "open the door"
    assert len(store.enrollments.of(profile.id, ENCODER)) == 2
    assert store.voiceprints.encoders(profile.id) == ()


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 3, 1), np.float32),
        np.zeros((2, 0), np.float32),
        np.zeros(0, np.float32),
        np.array([1, np.nan], np.float32),
        np.array([np.inf], np.float32),
    ],
)
def test_a_voiceprint_that_is_none_changes_nothing(store: Store, bad: np.ndarray) -> None:
    profile = store.profiles.create("Anna", TD)
    with pytest.raises(StoreError):
        store.enrollments.add(profile.id, EnrollmentRecord(ENCODER, bad, 1.0, 1.0))
    with pytest.raises(StoreError):
        store.enrollments.add(profile.id, record(1), phrase="some words", voiceprint=bad)
    assert store.profiles.get("Anna") == profile
    assert store.enrollments.of(profile.id, ENCODER) == []


def test_the_group_to_identify_among(store: Store) -> None:
    enrolled(store, "Ben", 11)
    enrolled(store, "Anna", 1)
    store.profiles.create("Cleo", TD)
    everyone = store.gallery.enrolled(ENCODER)
    assert [one.profile_id for one in everyone] == [store.profiles.get(name).id for name in ("Anna", "Ben")]
    assert same([one.voiceprint for one in everyone], [voiceprint(4), voiceprint(14)])
    assert [one.name for one in store.gallery.enrolled(ENCODER, names=["Ben", "Ben"])] == ["Ben"]


def test_a_group_that_cannot_be_compared_with(store: Store) -> None:
    with pytest.raises(NobodyToIdentify):
        store.gallery.enrolled(ENCODER)
    store.profiles.create("Cleo", TD)
    with pytest.raises(NobodyToIdentify):
        store.gallery.enrolled(ENCODER)
    enrolled(store, "Anna", 1, OTHER_ENCODER)
    with pytest.raises(EncoderChanged):
        store.gallery.enrolled(ENCODER)
    enrolled(store, "Ben", 11)
    with pytest.raises(NobodyToIdentify):
        store.gallery.enrolled(ENCODER, names=[])
    with pytest.raises(UnknownProfile):
        store.gallery.enrolled(ENCODER, names=["Ben", "Dora"])
    with pytest.raises(ProfileNotEnrolled):
        store.gallery.enrolled(ENCODER, names=["Ben", "Cleo"])
    with pytest.raises(EncoderChanged):
        store.gallery.enrolled(ENCODER, names=["Ben", "Anna"])
