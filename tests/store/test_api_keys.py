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
)
from streamauth.store.api_keys import Scope
from streamauth.store.profiles import ProfileStore
from tests.store.helpers import files_bytes, opened


def test_a_key_is_found_by_itself_and_only_its_hash_is_stored(home: Path, store: ProfileStore) -> None:
    made, key = store.create_api_key("backend", [Scope.VERIFY, Scope.ENROLL], tenant="shop")
    assert made.scopes == {Scope.VERIFY, Scope.ENROLL}
    assert (made.tenant, made.used_at) == ("shop", None)
    found = store.find_api_key(key)
    assert (found.id, found.tenant, found.scopes) == (made.id, "shop", made.scopes)
    secret = key.split("_", 2)[2]
    assert len(secret) == 43, "256 bits"
    assert secret.encode() not in files_bytes(home)
    assert "backend" not in repr(made)


def test_its_use_is_noted(store: ProfileStore) -> None:
    _, key = store.create_api_key("backend", [Scope.VERIFY])
    assert store.api_keys()[0].used_at is None
    store.find_api_key(key)
    first = store.api_keys()[0].used_at
    assert first is not None
    store.find_api_key(key)
    assert store.api_keys()[0].used_at == first, "to the minute: a request must not always write"


def test_what_is_no_key(store: ProfileStore) -> None:
    made, key = store.create_api_key("backend", [Scope.VERIFY])
    _, other = store.create_api_key("other", [Scope.VERIFY])
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
            store.find_api_key(text)


def test_a_revoked_key_is_none_and_its_tokens_are_none_either(store: ProfileStore) -> None:
    made, key = store.create_api_key("backend", [Scope.VERIFY])
    token = store.add_session_token(made.id, b"{}", 0.0, lifetime_s=60, max_open=9)
    assert store.has_api_keys(good=True)
    store.revoke_api_key(made.id)
    with pytest.raises(Unauthorized):
        store.find_api_key(key)
    with pytest.raises(SessionTokenRefused):
        store.take_session_token(token, 1.0)
    assert store.has_api_keys()
    assert not store.has_api_keys(good=True)
    revoked_at = store.api_keys()[0].revoked_at
    assert revoked_at is not None
    store.revoke_api_key(made.id)
    assert store.api_keys()[0].revoked_at == revoked_at
    with pytest.raises(UnknownApiKey):
        store.revoke_api_key("nothing")


def test_what_makes_no_key(store: ProfileStore) -> None:
    with pytest.raises(InputError):
        store.create_api_key("backend", [])
    with pytest.raises(BadProfileName):
        store.create_api_key("", [Scope.VERIFY])
    assert not store.has_api_keys()


def test_a_session_token_is_good_once(home: Path, store: ProfileStore) -> None:
    made, _ = store.create_api_key("backend", [Scope.VERIFY], tenant="shop")
    token = store.add_session_token(made.id, b"marker", 0.0, lifetime_s=60, max_open=9)
    assert token.encode() not in files_bytes(home)
    assert b"marker" not in files_bytes(home)
    grant = store.take_session_token(token, 59.0)
    assert (grant.tenant, grant.key_id, grant.purpose) == ("shop", made.id, b"marker")
    for wrong in (token, "", "st_", token[:-1], "\ud800"):
        with pytest.raises(SessionTokenRefused):
            store.take_session_token(wrong, 1.0)


def test_of_many_who_take_a_token_at_once_one_gets_it(home: Path, store: ProfileStore) -> None:
    made, _ = store.create_api_key("backend", [Scope.VERIFY])
    token = store.add_session_token(made.id, b"{}", 0.0, lifetime_s=60, max_open=9)
    got: list[str] = []

    def take(mine: ProfileStore) -> None:
        try:
            mine.take_session_token(token, 1.0)
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


def test_a_session_token_expires_and_is_swept(store: ProfileStore) -> None:
    made, _ = store.create_api_key("backend", [Scope.VERIFY])
    token = store.add_session_token(made.id, b"{}", 0.0, lifetime_s=60, max_open=2)
    with pytest.raises(SessionTokenRefused):
        store.take_session_token(token, 60.0)
    for _ in range(2):
        store.add_session_token(made.id, b"{}", 0.0, lifetime_s=60, max_open=2)
    with pytest.raises(TooManySessions):
        store.add_session_token(made.id, b"{}", 1.0, lifetime_s=60, max_open=2)
    store.add_session_token(made.id, b"{}", 60.0, lifetime_s=60, max_open=2)


def test_tokens_and_signing_keys_follow_a_change_of_the_sealing_key(home: Path, store: ProfileStore) -> None:
    made, _ = store.create_api_key("backend", [Scope.VERIFY])
    token = store.add_session_token(made.id, b"marker", 0.0, lifetime_s=60, max_open=9)
    before = store.signing_key(0.0, max_age_s=100)
    store.rotate_key()
    store.check()
    assert store.take_session_token(token, 1.0).purpose == b"marker"
    assert store.signing_key(1.0, max_age_s=100).private.private_bytes_raw() == before.private.private_bytes_raw()
    assert before.private.private_bytes_raw() not in files_bytes(home)


def test_signing_keys_are_replaced_and_published_for_a_while(store: ProfileStore) -> None:
    first = store.signing_key(0.0, max_age_s=100)
    assert store.signing_key(99.0, max_age_s=100).id == first.id
    second = store.signing_key(100.0, max_age_s=100)
    assert second.id != first.id
    assert [key["kid"] for key in store.published_keys()] == [second.id, first.id]
    third = store.signing_key(100.0 + 86_400 + 1, max_age_s=100)
    assert [key["kid"] for key in store.published_keys()] == [third.id, second.id]
    assert all(key["alg"] == "EdDSA" and len(key["x"]) == 43 for key in store.published_keys())
