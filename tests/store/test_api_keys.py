"""API keys and session tokens in the store."""

import threading
from pathlib import Path

import pytest

from streamauth.errors import (
    BadProfileName,
    InputError,
    SessionTokenRefused,
    TooManySessions,
    Unauthorized,
    UnknownApiKey,
    UnknownSigningKey,
)
from streamauth.store.api_keys import Scope
from streamauth.store.sign_ins import SignInRule
from streamauth.store.standing import check_key
from streamauth.store.store import Store
from tests.store.helpers import at, files_bytes, opened


def test_a_key_is_found_by_itself_and_only_its_hash_is_stored(home: Path, store: Store) -> None:
    made, key = store.api_keys.create("backend", [Scope.VERIFY, Scope.ENROLL], tenant="shop")
    assert made.scopes == {Scope.VERIFY, Scope.ENROLL}
    assert (made.tenant, made.used_at) == ("shop", None)
    found = store.api_keys.find(key)
    assert (found.id, found.tenant, found.scopes) == (made.id, "shop", made.scopes)
    secret = key.split("_", 2)[2]
    assert len(secret) == 43, "256 bits"
    assert secret.encode() not in files_bytes(home)
    assert "backend" not in repr(made)


def test_its_use_is_noted(store: Store) -> None:
    _, key = store.api_keys.create("backend", [Scope.VERIFY])
    assert store.api_keys.all()[0].used_at is None
    store.api_keys.find(key)
    first = store.api_keys.all()[0].used_at
    assert first is not None
    store.api_keys.find(key)
    assert store.api_keys.all()[0].used_at == first, "to the minute: a request must not always write"


def test_what_is_no_key(store: Store) -> None:
    made, key = store.api_keys.create("backend", [Scope.VERIFY])
    _, other = store.api_keys.create("other", [Scope.VERIFY])
    wrong = [
        "",
        "sa",
        "sa__",
        key[:-1],
        key + "x",
        key.upper(),
        "sb" + key[2:],
        f"sa_{made.id}_",
        f"sa_{made.id}_{other.split('_', 2)[2]}",
        "é" * 100,
        "\ud800",
        "sa_" + "0" * 12 + "_" + "A" * 43,
    ]
    for text in wrong:
        with pytest.raises(Unauthorized):
            store.api_keys.find(text)


def test_a_revoked_key_is_none_and_its_tokens_are_none_either(store: Store) -> None:
    made, key = store.api_keys.create("backend", [Scope.VERIFY])
    token = at(store, 0.0).session_tokens.add(made.id, b"{}", lifetime_s=60, max_open=9)
    assert store.api_keys.exist(good=True)
    store.api_keys.revoke(made.id)
    with pytest.raises(Unauthorized):
        store.api_keys.find(key)
    with pytest.raises(SessionTokenRefused):
        at(store, 1.0).session_tokens.take(token)
    assert store.api_keys.exist()
    assert not store.api_keys.exist(good=True)
    revoked_at = store.api_keys.all()[0].revoked_at
    assert revoked_at is not None
    store.api_keys.revoke(made.id)
    assert store.api_keys.all()[0].revoked_at == revoked_at
    with pytest.raises(UnknownApiKey):
        store.api_keys.revoke("nothing")


def test_what_makes_no_key(store: Store) -> None:
    with pytest.raises(InputError):
        store.api_keys.create("backend", [])
    with pytest.raises(BadProfileName):
        store.api_keys.create("", [Scope.VERIFY])
    assert not store.api_keys.exist()


def test_a_session_token_is_good_once(home: Path, store: Store) -> None:
    made, _ = store.api_keys.create("backend", [Scope.VERIFY], tenant="shop")
    token = at(store, 0.0).session_tokens.add(made.id, b"marker", lifetime_s=60, max_open=9)
    assert token.encode() not in files_bytes(home)
    assert b"marker" not in files_bytes(home)
    grant = at(store, 59.0).session_tokens.take(token)
    assert (grant.tenant, grant.key_id, grant.purpose) == ("shop", made.id, b"marker")
    for wrong in (token, "", "st_", token[:-1], "\ud800"):
        with pytest.raises(SessionTokenRefused):
            at(store, 1.0).session_tokens.take(wrong)


def test_of_many_who_take_a_token_at_once_one_gets_it(home: Path, store: Store) -> None:
    made, _ = store.api_keys.create("backend", [Scope.VERIFY])
    token = at(store, 0.0).session_tokens.add(made.id, b"{}", lifetime_s=60, max_open=9)
    got: list[str] = []

    def take(mine: Store) -> None:
        try:
            at(mine, 1.0).session_tokens.take(token)
            got.append("taken")
        except SessionTokenRefused:
            got.append("refused")

    with opened(home) as other:
        threads = [threading.Thread(target=take, args=(mine,)) for mine in (store, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(got) == ["refused"] * 7 + ["taken"]


def test_a_session_token_expires_and_is_swept(store: Store) -> None:
    made, _ = store.api_keys.create("backend", [Scope.VERIFY])
    token = at(store, 0.0).session_tokens.add(made.id, b"{}", lifetime_s=60, max_open=2)
    with pytest.raises(SessionTokenRefused):
        at(store, 60.0).session_tokens.take(token)
    for _ in range(2):
        at(store, 0.0).session_tokens.add(made.id, b"{}", lifetime_s=60, max_open=2)
    with pytest.raises(TooManySessions):
        at(store, 1.0).session_tokens.add(made.id, b"{}", lifetime_s=60, max_open=2)
    at(store, 60.0).session_tokens.add(made.id, b"{}", lifetime_s=60, max_open=2)


def test_tokens_and_signing_keys_follow_a_change_of_the_sealing_key(home: Path, store: Store) -> None:
    made, _ = store.api_keys.create("backend", [Scope.VERIFY])
    token = at(store, 0.0).session_tokens.add(made.id, b"marker", lifetime_s=60, max_open=9)
    before = at(store, 0.0).signing_keys.current(max_age_s=100)
    store.maintenance.rotate_key()
    store.maintenance.check()
    assert at(store, 1.0).session_tokens.take(token).purpose == b"marker"
    assert (
        at(store, 1.0).signing_keys.current(max_age_s=100).private.private_bytes_raw()
        == before.private.private_bytes_raw()
    )
    assert before.private.private_bytes_raw() not in files_bytes(home)


def test_signing_keys_are_replaced_and_published_for_a_while(store: Store) -> None:
    first = at(store, 0.0).signing_keys.current(max_age_s=100)
    assert at(store, 99.0).signing_keys.current(max_age_s=100).id == first.id
    second = at(store, 100.0).signing_keys.current(max_age_s=100)
    assert second.id != first.id
    assert [key["kid"] for key in store.signing_keys.published()] == [second.id, first.id]
    third = at(store, 100.0 + 86_400 + 1).signing_keys.current(max_age_s=100)
    assert [key["kid"] for key in store.signing_keys.published()] == [third.id, second.id]
    assert all(key["alg"] == "EdDSA" and len(key["x"]) == 43 for key in store.signing_keys.published())


def test_a_key_ends(store: Store) -> None:
    made, key = at(store, 1000.0).api_keys.create("backend", [Scope.VERIFY], lifetime_s=60)
    token = store.session_tokens.add(made.id, b"verify", lifetime_s=600, max_open=5)
    secret = store.sign_ins.add(made.id, SignInRule(600, 600))
    assert made.expires_at is not None
    assert made.expires_at.timestamp() == 1060
    assert at(store, 1059.9).api_keys.find(key).id == made.id
    assert store.api_keys.exist(good=True)
    at(store, 1060.0)
    with pytest.raises(Unauthorized):
        store.api_keys.find(key)
    with pytest.raises(SessionTokenRefused):
        store.session_tokens.take(token)
    with pytest.raises(Unauthorized):
        store.sign_ins.find(secret, SignInRule(600, 600))
    with pytest.raises(Unauthorized):
        store.standings.check(lambda sealed, connection: check_key(sealed, connection, made.id))
    assert store.api_keys.exist(), "a server whose keys have ended is not open"
    assert not store.api_keys.exist(good=True)
    with pytest.raises(UnknownApiKey):
        store.api_keys.rotate(made.id)


def test_a_key_is_replaced_by_another_one(store: Store) -> None:
    made, key = at(store, 1000.0).api_keys.create("backend", [Scope.VERIFY], tenant="shop", lifetime_s=100)
    fresh, other = store.api_keys.rotate(made.id, overlap_s=10)
    assert (fresh.name, fresh.tenant, fresh.expires_at) == ("backend", "shop", None)
    assert fresh.scopes == {Scope.VERIFY}
    assert at(store, 1009.0).api_keys.find(key).id == made.id
    with pytest.raises(Unauthorized):
        at(store, 1010.0).api_keys.find(key)
    assert store.api_keys.find(other).id == fresh.id
    assert [entry.action for entry in store.audit.entries()] == ["key.created", "key.replaced", "key.created"]


def test_a_signing_key_that_is_revoked_signs_no_more(store: Store) -> None:
    lost = store.signing_keys.current(max_age_s=1e6)
    store.signing_keys.revoke(lost.id)
    assert store.signing_keys.published() == []
    fresh = store.signing_keys.current(max_age_s=1e6)
    assert fresh.id != lost.id
    assert [key["kid"] for key in store.signing_keys.published()] == [fresh.id]
    with pytest.raises(UnknownSigningKey):
        store.signing_keys.revoke(lost.id)
    assert "signing_key.revoked" in [entry.action for entry in store.audit.entries()]
    store.maintenance.check()
