import uuid

import numpy as np
import pytest

from streamauth.errors import (
    EncoderChanged,
    NobodyToIdentify,
    ProfileExists,
    ProfileNotEnrolled,
    StoreError,
    UnknownProfile,
)
from streamauth.store.profiles import EnrollmentRecord, ProfileKind, ProfileStore
from tests.store.helpers import ENCODER, OTHER_ENCODER, assert_enrolled, embedding, enrolled, record

TD = ProfileKind.TEXT_DEPENDENT
NOBODY = str(uuid.UUID(int=0))


def test_an_enrollment_reads_as_it_was_stored(store: ProfileStore) -> None:
    profile = enrolled(store, "Anna")
    assert_enrolled(store, "Anna")
    assert store.enrolled_encoders(profile.id) == (ENCODER,)
    records = store.enrollments(profile.id, ENCODER)
    assert [(r.encoder_id, r.speech_s, r.audio_s) for r in records] == [(ENCODER, 1.5, 2.25)] * 3
    times = [r.created_at for r in records if r.created_at is not None]
    assert len(times) == 3
    assert profile.created_at <= times[0] <= times[1] <= times[2] == store.get("Anna").updated_at
    assert records[0].voiceprint.dtype == np.float32


def test_encoders_are_kept_apart(store: ProfileStore) -> None:
    profile = enrolled(store, "Anna", 1, ENCODER)
    with pytest.raises(EncoderChanged):
        store.voiceprint(profile.id, OTHER_ENCODER)
    assert store.enrollments(profile.id, OTHER_ENCODER) == []
    store.add_enrollment(profile.id, record(9, OTHER_ENCODER), voiceprint=embedding(9))
    assert store.enrolled_encoders(profile.id) == (ENCODER, OTHER_ENCODER)
    assert np.array_equal(store.voiceprint(profile.id, OTHER_ENCODER), embedding(9))
    assert_enrolled(store, "Anna")


def test_a_voiceprint_that_is_not_there(store: ProfileStore) -> None:
    with pytest.raises(UnknownProfile):
        store.voiceprint(NOBODY, ENCODER)
    profile = store.create("Anna", TD)
    store.add_enrollment(profile.id, record(1))
    with pytest.raises(ProfileNotEnrolled):
        store.voiceprint(profile.id, ENCODER)
    assert store.enrollments(NOBODY, ENCODER) == []
    assert store.enrolled_encoders(NOBODY) == ()


def test_an_enrollment_of_a_profile_that_is_gone(store: ProfileStore) -> None:
    with pytest.raises(UnknownProfile):
        store.add_enrollment(NOBODY, record(1))
    with pytest.raises(UnknownProfile):
        store.put_voiceprint(NOBODY, ENCODER, embedding(1))


def test_a_complete_enrollment_takes_no_more(store: ProfileStore) -> None:
    profile = enrolled(store, "Anna")
    with pytest.raises(ProfileExists):
        store.add_enrollment(profile.id, record(9))
    assert_enrolled(store, "Anna")


def test_a_voiceprint_is_replaced(store: ProfileStore) -> None:
    profile = enrolled(store, "Anna")
    store.put_voiceprint(profile.id, ENCODER, embedding(77))
    assert np.array_equal(store.voiceprint(profile.id, ENCODER), embedding(77))
    assert store.enrolled_encoders(profile.id) == (ENCODER,)


def test_the_first_phrase_stays(store: ProfileStore) -> None:
    profile = store.create("Anna", TD)
    store.add_enrollment(profile.id, record(1), phrase="open the door")
    store.add_enrollment(profile.id, record(2), phrase="open the door")
    with pytest.raises(ProfileExists):
        store.add_enrollment(profile.id, record(3), phrase="close the door", voiceprint=embedding(4))
    assert store.get("Anna").phrase == "open the door"
    assert len(store.enrollments(profile.id, ENCODER)) == 2
    assert store.enrolled_encoders(profile.id) == ()


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
def test_a_voiceprint_that_is_none_changes_nothing(store: ProfileStore, bad: np.ndarray) -> None:
    profile = store.create("Anna", TD)
    with pytest.raises(StoreError):
        store.add_enrollment(profile.id, EnrollmentRecord(ENCODER, bad, 1.0, 1.0))
    with pytest.raises(StoreError):
        store.add_enrollment(profile.id, record(1), phrase="some words", voiceprint=bad)
    assert store.get("Anna") == profile
    assert store.enrollments(profile.id, ENCODER) == []


def test_the_group_to_identify_among(store: ProfileStore) -> None:
    enrolled(store, "Ben", 11)
    enrolled(store, "Anna", 1)
    store.create("Cleo", TD)
    everyone = store.voiceprints(ENCODER)
    assert [profile for profile, _ in everyone] == [store.get("Anna"), store.get("Ben")]
    assert np.array_equal([voiceprint for _, voiceprint in everyone], [embedding(4), embedding(14)])
    assert [profile.name for profile, _ in store.voiceprints(ENCODER, names=["Ben", "Ben"])] == ["Ben"]


def test_a_group_that_cannot_be_compared_with(store: ProfileStore) -> None:
    with pytest.raises(NobodyToIdentify):
        store.voiceprints(ENCODER)
    store.create("Cleo", TD)
    with pytest.raises(NobodyToIdentify):
        store.voiceprints(ENCODER)
    enrolled(store, "Anna", 1, OTHER_ENCODER)
    with pytest.raises(EncoderChanged):
        store.voiceprints(ENCODER)
    enrolled(store, "Ben", 11)
    with pytest.raises(NobodyToIdentify):
        store.voiceprints(ENCODER, names=[])
    with pytest.raises(UnknownProfile):
        store.voiceprints(ENCODER, names=["Ben", "Dora"])
    with pytest.raises(ProfileNotEnrolled):
        store.voiceprints(ENCODER, names=["Ben", "Cleo"])
    with pytest.raises(EncoderChanged):
        store.voiceprints(ENCODER, names=["Ben", "Anna"])
