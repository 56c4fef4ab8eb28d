import re
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from streamauth.errors import BadPhrase, BadProfileName, InputError, NobodyToIdentify, ProfileExists, UnknownProfile
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.store.helpers import (
    ENCODER,
    OTHER_ENCODER,
    enrolled,
    execute,
    files_bytes,
    opened,
    record,
    same,
    sqlite_only,
    voiceprint,
)

TD = ProfileKind.TEXT_DEPENDENT
TI = ProfileKind.TEXT_INDEPENDENT


def test_a_profile_is_found_as_it_was_made(store: Store) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    made = store.profiles.create("Anna Østergård", TD, phrase="open the door", locale="da-DK")
    assert store.profiles.get("Anna Østergård") == made == store.profiles.get_by_id(made.id)
    assert (made.tenant, made.kind, made.locale, made.phrase) == ("default", TD, "da-DK", "open the door")
    assert made.id == str(uuid.UUID(made.id)) == made.id.lower()
    assert before <= made.created_at == made.updated_at <= datetime.now(UTC)
    assert made.created_at.utcoffset() == timedelta(0)


def test_the_defaults_of_a_profile(store: Store) -> None:
    profile = store.profiles.create("Ben", TI)
    assert (profile.locale, profile.phrase) == ("en-US", None)


def test_nothing_personal_is_in_the_repr(store: Store) -> None:
    profile = store.profiles.create("Anna", TD, phrase="secret words")
    shown = repr(profile) + repr(record(1)) + repr(store.profiles.summaries())
    assert not re.search(r"Anna|secret|array|0\.\d{4}", shown)


def test_a_name_means_one_profile_however_it_is_composed(store: Store) -> None:
    profile = store.profiles.create("Zoe\u0301", TD)
    assert profile.name == "Zo\u00e9"
    assert store.profiles.get("Zo\u00e9") == store.profiles.get("Zoe\u0301") == profile
    with pytest.raises(ProfileExists):
        store.profiles.create("Zo\u00e9", TD)


def test_a_profile_is_found_in_upper_and_lower_case_and_not_by_what_looks_like_it(store: Store) -> None:
    made = store.profiles.create("Ada Straße", TI)
    for name in ("ada straße", "ADA STRASSE", " Ada  Straße "):
        assert store.profiles.get(name) == made
        assert [each.profile.id for each in store.profiles.summaries(name=name)] == [made.id]
    for name in ("\u0410da Straße", "Ada Stra\u03b2e", "Ada"):
        with pytest.raises(UnknownProfile):
            store.profiles.get(name)
        with pytest.raises(UnknownProfile):
            store.profiles.summaries(name=name)


@pytest.mark.parametrize("name", ["", "   ", "x" * 129, "a\nb", "a\tb", "a\0b", "a\u2028b", "a\ud800b"])
def test_a_name_that_cannot_be_used(store: Store, name: str) -> None:
    with pytest.raises(BadProfileName):
        store.profiles.create(name, TD)
    with pytest.raises(BadProfileName):
        store.profiles.get(name)
    assert store.profiles.summaries() == []


@pytest.mark.parametrize("name", ["x" * 128, "李雷", "'; DROP TABLE profiles; --", "%", "🎙"])
def test_an_unusual_name(store: Store, name: str) -> None:
    profile = store.profiles.create(name, TD)
    assert store.profiles.get(name) == profile
    assert [summary.profile for summary in store.profiles.summaries()] == [profile]


def test_an_unknown_name_or_id(store: Store) -> None:
    nobody = str(uuid.uuid4())
    store.profiles.create("Anna", TD)
    for call in (
        lambda: store.profiles.get("ann"),
        lambda: store.profiles.get_by_id(nobody),
        lambda: store.profiles.summaries(name="Ben"),
        lambda: store.profiles.reset(nobody),
        lambda: store.profiles.delete(nobody),
    ):
        with pytest.raises(UnknownProfile):
            call()


def test_a_name_is_taken_once(store: Store) -> None:
    first = store.profiles.create("Anna", TD, phrase="first words")
    with pytest.raises(ProfileExists):
        store.profiles.create("Anna", TI)
    assert store.profiles.get("Anna") == first


@pytest.mark.parametrize("phrase", ["", "  ", "half \ud800"])
def test_a_phrase_that_cannot_be_used_makes_no_profile(store: Store, phrase: str) -> None:
    with pytest.raises(BadPhrase):
        store.profiles.create("Anna", TD, phrase=phrase)
    assert store.profiles.summaries() == []


def test_a_text_independent_profile_has_no_phrase(store: Store) -> None:
    with pytest.raises(BadPhrase):
        store.profiles.create("Anna", TI, phrase="some words")
    assert store.profiles.summaries() == []


def test_the_list_has_counts_and_is_sorted_by_name(store: Store) -> None:
    store.profiles.create("Cleo", TI)
    anna = enrolled(store, "Anna")
    store.enrollments.add(anna.id, record(9, OTHER_ENCODER))
    ben = store.profiles.create("Ben", TD)
    store.enrollments.add(ben.id, record(5))
    summaries = store.profiles.summaries()
    assert [
        (s.profile.name, s.utterances, s.speech_s, s.audio_s, s.enrolled_encoders, s.failures) for s in summaries
    ] == [
        ("Anna", 4, 6.0, 9.0, (ENCODER,), 0),
        ("Ben", 1, 1.5, 2.25, (), 0),
        ("Cleo", 0, 0.0, 0.0, (), 0),
    ]
    assert [s.utterances for s in store.profiles.summaries(encoder_id=ENCODER)] == [3, 1, 0]
    assert [s.profile.name for s in store.profiles.summaries(name="Ben")] == ["Ben"]


def test_a_reset_keeps_nothing_but_the_profile(store: Store) -> None:
    profile = enrolled(store, "Anna")
    store.profiles.reset(profile.id)
    (summary,) = store.profiles.summaries()
    assert (summary.utterances, summary.speech_s, summary.enrolled_encoders) == (0, 0.0, ())
    assert (summary.profile.id, summary.profile.phrase) == (profile.id, None)
    assert store.enrollments.of(profile.id, ENCODER) == []


def test_deleting_several_is_all_or_nothing(store: Store) -> None:
    ids = [store.profiles.create(name, TD).id for name in ("Anna", "Ben")]
    with pytest.raises(UnknownProfile):
        store.profiles.delete(*ids, str(uuid.uuid4()))
    assert len(store.profiles.summaries()) == 2
    store.profiles.delete(*ids)
    assert store.profiles.summaries() == []


def _stored_blobs(home: Path, profile_id: str) -> list[bytes]:
    return [
        blob
        for query in (
            "SELECT embedding FROM enrollments WHERE profile_id = ?",
            "SELECT embedding FROM voiceprints WHERE profile_id = ?",
            "SELECT phrase FROM profiles WHERE id = ?",
        )
        for blob in execute(home, query, profile_id)
    ]


def test_a_deleted_profile_leaves_no_trace(store: Store, home: Path) -> None:
    gone = enrolled(store, "MARKER-OF-ANNA", 1)
    enrolled(store, "Ben", 11)
    blobs = _stored_blobs(home, gone.id)
    traces = [b"MARKER-OF-ANNA", gone.id.encode(), *(blob[21:53] for blob in blobs)]
    assert len(blobs) == 5
    before = files_bytes(home)
    assert all(trace in before for trace in traces)
    store.profiles.delete(gone.id)
    after = files_bytes(home)
    assert not any(trace in after for trace in traces)
    assert b"Ben" in after


def test_a_reset_leaves_no_trace_of_voice_and_phrase(store: Store, home: Path) -> None:
    profile = enrolled(store, "Anna", 1)
    traces = [blob[21:53] for blob in _stored_blobs(home, profile.id)]
    before = files_bytes(home)
    assert len(traces) == 5
    assert all(trace in before for trace in traces)
    store.profiles.reset(profile.id)
    after = files_bytes(home)
    assert not any(trace in after for trace in traces)
    assert b"Anna" in after


@sqlite_only
def test_no_trace_stays_in_the_unused_parts_of_pages(home: Path) -> None:
    # when SQLite moves rows between pages, it may leave copies that secure_delete does not see: rarely, so this
    # is a course of insertions and deletions that was searched for one, and found with SQLite 3.40
    opened(home).close()
    random = Random(3)
    living: list[str] = []
    database = sqlite3.connect(home / "streamauth.db")
    database.execute("PRAGMA secure_delete = ON")
    with database:
        for step in range(2000):
            if step < 1000 or random.random() < 0.5:
                living.append(f"MARKER-{random.getrandbits(128):032x}")
                database.execute(
                    "INSERT INTO profiles VALUES"
                    " (?1, 'default', ?2, ?2, 'text_dependent', 'en-US', NULL, x'', NULL, NULL, NULL, 0, 0, ?3, 0)",
                    (str(uuid.UUID(int=random.getrandbits(128))), living[-1], step),
                )
            else:
                gone = living.pop(random.randrange(len(living)))
                database.execute("DELETE FROM profiles WHERE tenant_id = 'default' AND name = ?", (gone,))
    database.close()
    with opened(home) as store:
        store.profiles.delete(execute(home, "SELECT id FROM profiles WHERE name = ?", living.pop())[0])
        found = set(re.findall(r"MARKER-[0-9a-f]{32}", files_bytes(home).decode("latin-1")))
    assert found == set(living)


def test_tenants_never_see_each_other(store: Store) -> None:
    store.tenants.create("north")
    store.tenants.create("south")
    north = enrolled(store, "Anna", 1, tenant="north")
    south = enrolled(store, "Anna", 21, tenant="south")
    assert north.id != south.id
    assert store.profiles.get("Anna", tenant="north") == store.profiles.get_by_id(north.id, tenant="north")
    assert store.profiles.get("Anna", tenant="south").id == south.id
    assert [s.profile.id for s in store.profiles.summaries(tenant="north")] == [north.id]
    (found,) = store.gallery.enrolled(ENCODER, tenant="south")
    assert found.profile_id == south.id
    assert same(found.voiceprint, voiceprint(24))
    for call in (
        lambda: store.profiles.get("Anna"),
        lambda: store.profiles.get_by_id(north.id, tenant="south"),
        lambda: store.profiles.summaries(name="Anna"),
        lambda: store.gallery.enrolled(ENCODER, names=["Anna"]),
    ):
        with pytest.raises(UnknownProfile):
            call()
    with pytest.raises(NobodyToIdentify):
        store.gallery.enrolled(ENCODER)
    store.profiles.delete(north.id)
    assert store.profiles.summaries(tenant="north") == []
    assert len(store.profiles.summaries(tenant="south")) == 1


def test_an_unknown_tenant(store: Store) -> None:
    with pytest.raises(InputError):
        store.profiles.create("Anna", TD, tenant="nowhere")
    assert store.profiles.summaries(tenant="nowhere") == []
