from functools import partial
from pathlib import Path

import numpy as np
import pytest

from streamauth.core.ports import Embedding
from streamauth.errors import BadProfileName, StoreCorrupt, TooManyTemplates, UnknownProfile, UnknownTemplate
from streamauth.store.sealing import SealingKey
from streamauth.store.store import Store
from streamauth.store.templates import FOLLOWING, templates_of
from tests.store.helpers import ENCODER, OTHER_ENCODER, enrolled, execute, files_bytes, opened, same, voiceprint


@pytest.fixture
def anna(store: Store) -> str:
    return enrolled(store, "Anna").id


def labels(store: Store, profile_id: str, encoder_id: str = ENCODER) -> list[str]:
    return [template.label for template in store.templates.of(profile_id, encoder_id)]


def halfway(enrolled: Embedding, present: Embedding) -> Embedding:
    return ((present + voiceprint(99)) / 2).astype(np.float32)


def test_templates_come_back_by_label_and_encoder(store: Store, anna: str) -> None:
    store.templates.put(anna, ENCODER, "office", voiceprint(20), most=4)
    store.templates.put(anna, ENCODER, "car", voiceprint(21), most=4)
    found = store.templates.of(anna, ENCODER)
    assert [template.label for template in found] == ["car", "office"]
    assert same(found[0].voiceprint, voiceprint(21))
    assert labels(store, anna, OTHER_ENCODER) == []
    assert store.templates.labels(anna) == ("car", "office")
    assert "voiceprint" not in repr(found[0])


def test_those_of_many_profiles_come_at_once(store: Store, anna: str) -> None:
    bert, carl = enrolled(store, "Bert").id, enrolled(store, "Carl").id
    for profile_id in (anna, bert, carl):
        store.templates.put(profile_id, ENCODER, "car", voiceprint(20), most=4)
    with store._sealed.read() as connection:
        found = templates_of(connection, partial(store._sealed.profile_key, connection), (anna, bert), ENCODER)
    assert {profile_id: len(each) for profile_id, each in found.items()} == {anna: 1, bert: 1}


def test_the_same_label_takes_the_place_of_the_former(store: Store, anna: str) -> None:
    store.templates.put(anna, ENCODER, "car", voiceprint(20), most=1)
    store.templates.put(anna, ENCODER, "car", voiceprint(21), most=1)
    (found,) = store.templates.of(anna, ENCODER)
    assert same(found.voiceprint, voiceprint(21))


def test_there_are_no_more_than_allowed(store: Store, anna: str) -> None:
    store.templates.put(anna, ENCODER, "car", voiceprint(20), most=1)
    with pytest.raises(TooManyTemplates):
        store.templates.put(anna, ENCODER, "office", voiceprint(21), most=1)
    assert labels(store, anna) == ["car"]


@pytest.mark.parametrize("label", ["", "  ", "two\nlines", "x" * 129])
def test_what_cannot_be_a_label(store: Store, anna: str, label: str) -> None:
    with pytest.raises(BadProfileName):
        store.templates.put(anna, ENCODER, label, voiceprint(20), most=4)


def test_nobody_has_templates_who_is_not_there(store: Store) -> None:
    with pytest.raises(UnknownProfile):
        store.templates.put("nobody", ENCODER, "car", voiceprint(20), most=4)
    assert store.templates.follow("nobody", ENCODER, halfway) is None


def test_following_moves_from_where_it_was_and_leaves_the_enrolled_one(store: Store, anna: str) -> None:
    first, second = voiceprint(4), halfway(voiceprint(4), voiceprint(4))
    assert store.templates.follow(anna, ENCODER, halfway) == 1
    assert same(store.templates.of(anna, ENCODER)[0].voiceprint, second)
    assert store.templates.follow(anna, ENCODER, halfway) == 2
    (found,) = store.templates.of(anna, ENCODER)
    assert (found.label, found.updates) == (FOLLOWING, 2)
    assert same(found.voiceprint, halfway(first, second))
    assert same(store.voiceprints.get(anna, ENCODER), first)
    assert store.templates.labels(anna) == ()


def test_what_does_not_move_changes_nothing(store: Store, anna: str) -> None:
    assert store.templates.follow(anna, ENCODER, lambda enrolled, present: None) is None
    assert labels(store, anna) == []


def test_it_is_taken_back(store: Store, anna: str) -> None:
    store.templates.follow(anna, ENCODER, halfway)
    store.templates.put(anna, ENCODER, "car", voiceprint(20), most=4)
    store.templates.remove(anna, FOLLOWING)
    assert labels(store, anna) == ["car"]
    with pytest.raises(UnknownTemplate):
        store.templates.remove(anna, FOLLOWING)


def test_reset_and_delete_leave_no_trace(store: Store, home: Path, anna: str) -> None:
    for forget in (store.profiles.reset, store.profiles.delete):
        store.templates.put(anna, ENCODER, "car", voiceprint(20), most=4)
        (sealed,) = execute(home, "SELECT embedding FROM templates")
        assert sealed in files_bytes(home)
        forget(anna)
        assert sealed not in files_bytes(home)


def test_another_key_seals_them_too(store: Store, home: Path, anna: str) -> None:
    store.templates.put(anna, ENCODER, "car", voiceprint(20), most=4)
    store.maintenance.rotate_key(SealingKey.generate())
    store.maintenance.check()
    store.close()
    with opened(home) as again:
        (found,) = again.templates.of(anna, ENCODER)
        assert same(found.voiceprint, voiceprint(20))


def test_one_moved_to_another_label_or_person_is_refused(store: Store, home: Path, anna: str) -> None:
    store.templates.put(anna, ENCODER, "car", voiceprint(20), most=4)
    execute(home, "UPDATE templates SET label = 'office'")
    with pytest.raises(StoreCorrupt):
        store.templates.of(anna, ENCODER)
