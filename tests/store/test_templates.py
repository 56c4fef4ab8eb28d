import sqlite3
from pathlib import Path

import numpy as np
import pytest

from streamauth.core.ports import Embedding
from streamauth.errors import BadProfileName, StoreCorrupt, TooManyTemplates, UnknownProfile, UnknownTemplate
from streamauth.store.profiles import ProfileStore
from streamauth.store.sealing import SealingKey
from streamauth.store.templates import FOLLOWING
from tests.store.helpers import ENCODER, OTHER_ENCODER, embedding, enrolled, files_bytes, opened


@pytest.fixture
def anna(store: ProfileStore) -> str:
    return enrolled(store, "Anna").id


def labels(store: ProfileStore, profile_id: str, encoder_id: str = ENCODER) -> list[str]:
    return [template.label for template in store.templates(encoder_id, (profile_id,))[profile_id]]


def halfway(enrolled: Embedding, present: Embedding) -> Embedding:
    return ((present + embedding(99)) / 2).astype(np.float32)


def test_templates_come_back_by_label_and_encoder(store: ProfileStore, anna: str) -> None:
    store.put_template(anna, ENCODER, "office", embedding(20), most=4)
    store.put_template(anna, ENCODER, "car", embedding(21), most=4)
    found = store.templates(ENCODER, (anna,))[anna]
    assert [template.label for template in found] == ["car", "office"]
    assert np.array_equal(found[0].voiceprint, embedding(21))
    assert labels(store, anna, OTHER_ENCODER) == []
    assert store.labels(anna) == ("car", "office")
    assert "voiceprint" not in repr(found[0])


def test_those_of_many_profiles_come_at_once(store: ProfileStore, anna: str) -> None:
    bert, carl = enrolled(store, "Bert").id, enrolled(store, "Carl").id
    for profile_id in (anna, bert, carl):
        store.put_template(profile_id, ENCODER, "car", embedding(20), most=4)
    found = store.templates(ENCODER, (anna, bert))
    assert {profile_id: len(each) for profile_id, each in found.items()} == {anna: 1, bert: 1}


def test_the_same_label_takes_the_place_of_the_former(store: ProfileStore, anna: str) -> None:
    store.put_template(anna, ENCODER, "car", embedding(20), most=1)
    store.put_template(anna, ENCODER, "car", embedding(21), most=1)
    (found,) = store.templates(ENCODER, (anna,))[anna]
    assert np.array_equal(found.voiceprint, embedding(21))


def test_there_are_no_more_than_allowed(store: ProfileStore, anna: str) -> None:
    store.put_template(anna, ENCODER, "car", embedding(20), most=1)
    with pytest.raises(TooManyTemplates):
        store.put_template(anna, ENCODER, "office", embedding(21), most=1)
    assert labels(store, anna) == ["car"]


@pytest.mark.parametrize("label", ["", "  ", "two\nlines", "x" * 129])
def test_what_cannot_be_a_label(store: ProfileStore, anna: str, label: str) -> None:
    with pytest.raises(BadProfileName):
        store.put_template(anna, ENCODER, label, embedding(20), most=4)


def test_nobody_has_templates_who_is_not_there(store: ProfileStore) -> None:
    with pytest.raises(UnknownProfile):
        store.put_template("nobody", ENCODER, "car", embedding(20), most=4)
    assert store.follow("nobody", ENCODER, halfway) is None


def test_following_moves_from_where_it_was_and_leaves_the_enrolled_one(store: ProfileStore, anna: str) -> None:
    first, second = embedding(4), halfway(embedding(4), embedding(4))
    assert store.follow(anna, ENCODER, halfway) == 1
    assert np.array_equal(store.templates(ENCODER, (anna,))[anna][0].voiceprint, second)
    assert store.follow(anna, ENCODER, halfway) == 2
    (found,) = store.templates(ENCODER, (anna,))[anna]
    assert (found.label, found.updates) == (FOLLOWING, 2)
    assert np.array_equal(found.voiceprint, halfway(first, second))
    assert np.array_equal(store.voiceprint(anna, ENCODER), first)
    assert store.labels(anna) == ()


def test_what_does_not_move_changes_nothing(store: ProfileStore, anna: str) -> None:
    assert store.follow(anna, ENCODER, lambda enrolled, present: None) is None
    assert labels(store, anna) == []


def test_it_is_taken_back(store: ProfileStore, anna: str) -> None:
    store.follow(anna, ENCODER, halfway)
    store.put_template(anna, ENCODER, "car", embedding(20), most=4)
    store.remove_template(anna, FOLLOWING)
    assert labels(store, anna) == ["car"]
    with pytest.raises(UnknownTemplate):
        store.remove_template(anna, FOLLOWING)


def test_reset_and_delete_leave_no_trace(store: ProfileStore, home: Path, anna: str) -> None:
    for forget in (store.reset, store.delete):
        store.put_template(anna, ENCODER, "car", embedding(20), most=4)
        database = sqlite3.connect(home / "streamauth.db")
        (sealed,) = database.execute("SELECT embedding FROM templates").fetchone()
        database.close()
        assert sealed in files_bytes(home)
        forget(anna)
        assert sealed not in files_bytes(home)


def test_another_key_seals_them_too(store: ProfileStore, home: Path, anna: str) -> None:
    store.put_template(anna, ENCODER, "car", embedding(20), most=4)
    store.rotate_key(SealingKey.generate())
    store.check()
    store.close()
    with opened(home) as again:
        (found,) = again.templates(ENCODER, (anna,))[anna]
        assert np.array_equal(found.voiceprint, embedding(20))


def test_one_moved_to_another_label_or_person_is_refused(store: ProfileStore, home: Path, anna: str) -> None:
    store.put_template(anna, ENCODER, "car", embedding(20), most=4)
    database = sqlite3.connect(home / "streamauth.db")
    database.execute("UPDATE templates SET label = 'office'")
    database.commit()
    database.close()
    with pytest.raises(StoreCorrupt):
        store.templates(ENCODER, (anna,))
