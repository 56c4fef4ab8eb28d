from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

from streamauth.core.ports import Samples
from streamauth.errors import ProfileExists, StoreCorrupt, UnknownProfile
from streamauth.store import sealed_values
from streamauth.store.records import Profile, ProfileKind, audio_bytes
from streamauth.store.store import Store
from tests.store.helpers import (
    ENCODER,
    OTHER_ENCODER,
    execute,
    files_bytes,
    opened,
    record,
    same,
    sqlite_only,
    voiceprint,
)

SECONDS = 2


def speech(seed: int) -> Samples:
    return np.random.default_rng(seed).uniform(-1, 1, SECONDS * 16_000).astype(np.float32)


def spoken(store: Store, name: str, seed: int = 1, keep_audio_s: float = 60.0, count: int = 3) -> Profile:
    """A profile whose utterances are ``speech(seed)`` and on."""
    profile = store.profiles.create(name, ProfileKind.TEXT_INDEPENDENT)
    for number in range(count):
        store.enrollments.add(
            profile.id,
            replace(record(seed + number), audio=speech(seed + number), pronunciation_scores=(0.5,)),
            voiceprint=voiceprint(seed + 3) if number == count - 1 else None,
            keep_audio_s=keep_audio_s,
        )
    return profile


def rows(home: Path) -> int:
    (count,) = execute(home, "SELECT count(*) FROM recordings")
    return int(count)


def test_speech_is_kept_where_it_is_asked_for(store: Store) -> None:
    profile = spoken(store, "Anna")
    kept = store.recordings.of(profile.id)
    assert [item.pronunciation_scores for item in kept] == [(0.5,)] * 3
    for number, item in enumerate(kept):
        assert item.audio is not None
        np.testing.assert_allclose(item.audio, speech(1 + number), atol=2**-15)
        assert same(item.voiceprint, voiceprint(1 + number))
    assert store.profiles.summaries()[0].kept_audio_s == pytest.approx(3 * SECONDS, abs=0.01)
    assert "audio=" not in repr(kept[0])


def test_nothing_is_kept_by_default(store: Store, home: Path) -> None:
    profile = store.profiles.create("Anna", ProfileKind.TEXT_INDEPENDENT)
    store.enrollments.add(profile.id, replace(record(1), audio=speech(1)), voiceprint=voiceprint(4))
    assert store.recordings.of(profile.id) == []
    assert rows(home) == 0


def test_a_limit_holds_for_a_profile_and_then_nothing_can_be_rebuilt(store: Store, home: Path) -> None:
    profile = spoken(store, "Anna", keep_audio_s=2.5 * SECONDS)
    assert rows(home) == 2
    assert store.recordings.of(profile.id) == []
    assert store.profiles.summaries()[0].kept_audio_s < 2.5 * SECONDS
    assert len(store.recordings.of(spoken(store, "Ben", 10, keep_audio_s=3.1 * SECONDS).id)) == 3


def test_an_enrollment_that_is_not_complete_is_not_given(store: Store) -> None:
    profile = store.profiles.create("Anna", ProfileKind.TEXT_INDEPENDENT)
    store.enrollments.add(profile.id, replace(record(1), audio=speech(1)), keep_audio_s=60)
    assert store.recordings.of(profile.id) == []


def test_speech_is_not_in_the_files_in_the_clear(store: Store, home: Path) -> None:
    spoken(store, "Anna")
    content = files_bytes(home)
    for number in range(3):
        pcm = audio_bytes(speech(1 + number))
        assert pcm[:16] not in content
        assert pcm[30_000:30_016] not in content


@pytest.mark.parametrize("how", ["profiles.delete", "profiles.reset", "recordings.delete"])
def test_what_is_deleted_leaves_no_trace(store: Store, home: Path, how: str) -> None:
    profile = spoken(store, "Anna")
    spoken(store, "Ben", 10)
    sealed = execute(home, "SELECT audio FROM recordings WHERE profile_id = ?", profile.id)
    assert len(sealed) == 3
    assert all(value[200:232] in files_bytes(home) for value in sealed)
    attrgetter(how)(store)(profile.id)
    assert rows(home) == 3
    assert not any(value[at : at + 32] in files_bytes(home) for value in sealed for at in range(0, len(value), 4096))
    assert len(store.recordings.of(store.profiles.get("Ben").id)) == 3
    if how == "recordings.delete":
        assert same(store.voiceprints.get(profile.id, ENCODER), voiceprint(4))


def test_a_rebuilt_enrollment_stands_beside_the_former_one(store: Store) -> None:
    profile = spoken(store, "Anna")
    store.enrollments.add(profile.id, record(20, OTHER_ENCODER))  # begun, and now given up
    anew = [record(30 + number, OTHER_ENCODER) for number in range(3)]
    store.enrollments.rebuild(profile.id, anew, voiceprint(40))
    assert store.voiceprints.encoders(profile.id) == (ENCODER, OTHER_ENCODER)
    assert same(store.voiceprints.get(profile.id, OTHER_ENCODER), voiceprint(40))
    assert len(store.enrollments.of(profile.id, OTHER_ENCODER)) == 3
    assert len(store.recordings.of(profile.id)) == 3
    with pytest.raises(ProfileExists):
        store.enrollments.rebuild(profile.id, anew, voiceprint(40))
    with pytest.raises(UnknownProfile):
        store.enrollments.rebuild("nobody", anew, voiceprint(40))


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_a_rotation_seals_speech_anew(home: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(sealed_values, "_AUDIO_BATCH", batch)
    with opened(home) as store:
        profile = spoken(store, "Anna")
        store.maintenance.rotate_key()
        store.maintenance.check()
    with opened(home) as store:
        assert len(store.recordings.of(profile.id)) == 3


@sqlite_only
@pytest.mark.parametrize("change", [
    "UPDATE recordings SET audio = (SELECT audio FROM recordings WHERE enrollment_id = 2)",
    "UPDATE recordings SET audio = x'00'",
    "UPDATE recordings SET audio = 'text'",
])  # fmt: skip
def test_speech_in_another_row_does_not_open(home: Path, change: str) -> None:
    with opened(home) as store:
        profile = spoken(store, "Anna")
    execute(home, f"{change} WHERE enrollment_id = 1")
    with opened(home) as store:
        with pytest.raises(StoreCorrupt):
            store.recordings.of(profile.id)
        with pytest.raises(StoreCorrupt):
            store.maintenance.check()
