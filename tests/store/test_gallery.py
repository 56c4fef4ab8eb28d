from collections.abc import Callable
from pathlib import Path

import pytest

from streamauth.errors import EncoderChanged, ProfileNotEnrolled, UnknownProfile, VoiceprintChanged
from streamauth.store import changes, gallery, records
from streamauth.store.store import Store
from tests.store.helpers import ENCODER, OTHER_ENCODER, enrolled, opened, put, same, voiceprint


def names(store: Store, **given: str) -> list[str]:
    return [one.name for one in store.gallery.enrolled(ENCODER, **given)]


def test_what_one_process_changes_another_finds(store: Store, home: Path) -> None:
    with opened(home) as other:
        anna = enrolled(store, "Anna", 1)
        assert names(other) == ["Anna"]
        ben = enrolled(store, "Ben", 11)
        enrolled(store, "Cleo", 21, OTHER_ENCODER)
        assert names(other) == ["Anna", "Ben"]
        store.templates.put(ben.id, ENCODER, "car", voiceprint(40), most=4)
        assert [len(one.templates) for one in other.gallery.enrolled(ENCODER)] == [0, 1]
        put(store, anna.id, ENCODER, voiceprint(50))
        assert same(other.gallery.enrolled(ENCODER)[0].voiceprint, voiceprint(50))
        store.profiles.reset(ben.id)
        assert names(other) == ["Anna"]
        store.profiles.delete(anna.id)
        with pytest.raises(EncoderChanged):
            names(other)


def test_a_profile_that_changed_and_then_went_is_gone(store: Store, home: Path) -> None:
    anna = enrolled(store, "Anna", 1)
    enrolled(store, "Ben", 11)
    with opened(home) as other:
        assert names(other) == ["Anna", "Ben"]
        put(store, anna.id, ENCODER, voiceprint(50))
        store.profiles.delete(anna.id)
        enrolled(store, "Anna", 61)
        found, _ = other.gallery.enrolled(ENCODER)
        assert same(found.voiceprint, voiceprint(64))


def test_whoever_is_far_behind_reads_everything_again(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEPT_REMOVALS", 5)
    monkeypatch.setattr(gallery, "KEPT_REMOVALS", 5)
    anna = enrolled(store, "Anna", 1)
    with opened(home) as other:
        assert names(other) == ["Anna"]
        store.profiles.delete(anna.id)
        for number in range(4):
            enrolled(store, f"Ben {number}", number * 10)  # the row that tells of Anna's end is swept
            store.profiles.delete(store.profiles.get(f"Ben {number}").id)
        enrolled(store, "Cleo", 90)
        assert names(other) == ["Cleo"]


def test_nobody_is_unsealed_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    unsealed: list[str] = []
    unseal: Callable[..., object] = records.opened_voiceprints

    def counted(sealed: list[tuple[object, bytes, tuple[str, ...]]]) -> object:
        unsealed.extend(profile_id for *_, (_, profile_id, _) in sealed)
        return unseal(sealed)

    monkeypatch.setattr("streamauth.store.gallery.opened_voiceprints", counted)
    for number in range(3):
        enrolled(store, f"Anna {number}", number * 10)
    assert len(names(store)) == len(names(store)) == 3
    assert len(unsealed) == 3
    ben = enrolled(store, "Ben", 50)
    assert len(names(store)) == 4
    assert unsealed[3:] == [ben.id]


def test_the_same_people_are_the_same_object_until_one_changes(store: Store) -> None:
    store.tenants.create("north")
    enrolled(store, "Ben", 1)
    first = store.gallery.everybody(ENCODER)
    enrolled(store, "Anna", 11, tenant="north")
    assert store.gallery.everybody(ENCODER) is first
    enrolled(store, "Anna", 21)
    assert sorted(store.gallery.everybody(ENCODER)) == ["Anna", "Ben"]
    assert list(first) == ["Ben"]


def test_tenants_have_galleries_of_their_own(store: Store) -> None:
    store.tenants.create("north")
    enrolled(store, "Anna", 1)
    enrolled(store, "Ben", 11, tenant="north")
    assert (names(store), names(store, tenant="north")) == (["Anna"], ["Ben"])


def test_who_is_named_is_read_again(store: Store) -> None:
    anna, ben, cleo = (enrolled(store, name, seed) for name, seed in (("Anna", 1), ("Ben", 11), ("Cleo", 21)))
    store.templates.put(cleo.id, ENCODER, "car", voiceprint(40), most=4)
    first, second, third = store.gallery.enrolled(ENCODER)
    store.templates.put(anna.id, ENCODER, "car", voiceprint(41), most=4)  # one more harms nobody
    store.standings.check(store.gallery.confirming(first, ENCODER))
    put(store, anna.id, ENCODER, voiceprint(50))
    store.templates.remove(cleo.id, "car")
    for changed in (first, third):
        with pytest.raises(VoiceprintChanged):
            store.standings.check(store.gallery.confirming(changed, ENCODER))
    store.profiles.reset(ben.id)
    with pytest.raises(ProfileNotEnrolled):
        store.standings.check(store.gallery.confirming(second, ENCODER))
    store.profiles.delete(ben.id)
    with pytest.raises(UnknownProfile):
        store.standings.check(store.gallery.confirming(second, ENCODER))
