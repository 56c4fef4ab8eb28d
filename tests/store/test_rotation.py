"""Voiceprints at rest: keyed per profile, so that what is stored of one voice is unlike wherever else it is stored."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from streamauth.core.ports import Voiceprint
from streamauth.errors import StoreCorrupt
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import ProfileKind, voiceprint_from
from streamauth.store.rotation import restored, restored_all, rotated
from streamauth.store.schema import profiles, voiceprints
from streamauth.store.sealing import SealingKey
from streamauth.store.store import Store
from tests.store.helpers import ENCODER, enrolled, put, same, voiceprint


def cosine(first: Voiceprint, second: Voiceprint) -> float:
    a, b = first.ravel(), second.ravel()
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("dim", [1, 2, 3, 192, 256, 512])
def test_a_rotation_keeps_scores_and_comes_back(dim: int) -> None:
    secret = os.urandom(32)
    pair = np.random.default_rng(dim).standard_normal((2, dim)).astype(np.float32)
    turned = rotated(pair, secret)
    assert abs(cosine(turned[0], turned[1]) - cosine(pair[0], pair[1])) < 1e-5
    assert np.allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(pair, axis=1), rtol=1e-5)
    assert np.allclose(restored(turned, secret), pair, atol=1e-5)


def test_many_are_turned_back_as_each_by_itself() -> None:
    rng = np.random.default_rng(3)
    voiceprints = rng.standard_normal((20, 3, 192)).astype(np.float32)
    secrets = [rng.bytes(32) for _ in voiceprints]
    turned = np.stack([rotated(each, secret) for each, secret in zip(voiceprints, secrets, strict=True)])
    assert np.allclose(restored_all(turned, secrets), voiceprints, atol=1e-5)
    for one, back, secret in zip(turned, restored_all(turned, secrets), secrets, strict=True):
        assert np.allclose(restored(one, secret), back, atol=1e-6)


def test_what_two_rotations_give_of_one_voice_is_as_far_apart_as_two_voices() -> None:
    one = voiceprint(1)
    rng = np.random.default_rng(2)
    turned = [rotated(one, rng.bytes(32)) for _ in range(200)]
    linked = [cosine(turned[number], turned[number + 1]) for number in range(199)]
    # cosines of unrelated directions in 256 dimensions: none on the average, 1/16 of spread
    assert abs(np.mean(linked)) < 0.02
    assert abs(np.std(linked) - 1 / 16) < 0.01
    # and not by the sizes of the numbers either, which signs and another order alone would keep
    sizes = [np.sort(np.abs(each.ravel())) for each in turned[:50]]
    others = [np.sort(np.abs(rotated(voiceprint(number), rng.bytes(32)).ravel())) for number in range(3, 53)]
    of_same = [cosine(sizes[number], sizes[number + 1]) for number in range(49)]
    of_other = [cosine(size, other) for size, other in zip(sizes, others, strict=True)]
    assert abs(np.mean(of_same) - np.mean(of_other)) < 0.005


def stored(store: Store, profile_id: str) -> Voiceprint:
    """What lies at rest of a profile's voiceprint, once the seal is broken."""
    with store._sealed.read() as connection:
        key = store._sealed.profile_key(connection, profile_id)
        row = connection.execute(voiceprints.select().where(voiceprints.c.profile_id == profile_id)).one()
        return voiceprint_from(key.unseal(row.embedding, "voiceprint", profile_id, ENCODER))


def test_the_same_voice_is_stored_differently_everywhere(store: Store) -> None:
    made = voiceprint(5)
    store.tenants.create("north")
    ids = []
    for tenant, name in (("default", "Anna"), ("default", "Another"), ("north", "Anna")):
        profile = store.profiles.create(name, ProfileKind.TEXT_INDEPENDENT, tenant=tenant)
        put(store, profile.id, ENCODER, made)
        ids.append(profile.id)
    first, *others = (stored(store, profile_id) for profile_id in ids)
    assert abs(cosine(first, made)) < 0.4
    assert all(abs(cosine(first, other)) < 0.4 for other in others)
    assert all(same(store.voiceprints.get(profile_id, ENCODER), made) for profile_id in ids)
    store.profiles.reset(ids[0])
    put(store, ids[0], ENCODER, made)
    assert abs(cosine(first, stored(store, ids[0]))) < 0.4, "a new one differs from the one that was stolen"


def test_tenants_and_profiles_cannot_open_what_is_of_others(store: Store) -> None:
    anna, ben = enrolled(store, "Anna", 1), enrolled(store, "Ben", 50)
    with store._sealed.read() as connection:
        key = store._sealed.key(connection)
        rows = {row.id: row for row in connection.execute(profiles.select())}
    for wrong in ({"tenant_id": "north"}, {"own_key": rows[ben.id].own_key}, {"id": ben.id}):
        with pytest.raises(StoreCorrupt):
            ProfileKey.of(key, SimpleNamespace(**{**rows[anna.id]._mapping, **wrong}))


def test_a_profile_key_is_renewed_by_the_new_key_alone() -> None:
    former, new = SealingKey.generate(), SealingKey.generate()
    own = ProfileKey.generate(former)
    renewed = own.renewed(new)
    assert own.renewed(new).unseal(renewed.seal(b"x", "a"), "a") == b"x"
    with pytest.raises(StoreCorrupt):
        own.unseal(renewed.seal(b"x", "a"), "a")
    assert np.array_equal(own.rotated(voiceprint(1)), renewed.rotated(voiceprint(1)))
