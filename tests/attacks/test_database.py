"""Attack: to write into the database, by whoever has a way into it but not the sealing key."""

import shutil
from pathlib import Path

import pytest

from streamauth.errors import StoreExposed, StoreRolledBack
from streamauth.store.api_keys import Scope
from streamauth.store.store import Store
from tests.attacks.rig import attacked
from tests.server.rig import ADA, BOB, PHRASE, spoken
from tests.server.web import Web, key_of, wav
from tests.store.helpers import execute

BY_ADA = wav(spoken(PHRASE, ADA))
BY_BOB = wav(spoken(PHRASE, BOB))
LONG_BY_BOB = wav(spoken(" ".join([PHRASE] * 3), BOB))

SWAPPED = (
    "UPDATE profiles SET name = 'x', looks = 'x' WHERE name = 'ada'",
    "UPDATE profiles SET name = 'ada', looks = 'ada' WHERE name = 'bob'",
    "UPDATE profiles SET name = 'bob', looks = 'bob' WHERE name = 'x'",
)
WITHOUT_PHRASE = ("UPDATE profiles SET phrase = NULL, kind = 'text_independent' WHERE name = 'ada'",)
ANOTHER_VOICE = (
    "UPDATE voiceprints SET embedding = (SELECT embedding FROM voiceprints WHERE profile_id ="
    " (SELECT id FROM profiles WHERE name = 'bob')) WHERE profile_id = (SELECT id FROM profiles WHERE name = 'ada')",
)


@pytest.mark.parametrize("statements", [SWAPPED, WITHOUT_PHRASE, ANOTHER_VOICE])
def test_nobody_is_accepted_by_rows_that_were_changed(tmp_path: Path, statements: tuple[str, ...]) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched, Scope.VERIFY, Scope.IDENTIFY))
        victim = web.profile_id("ada")
        assert web("POST", f"/v1/profiles/{victim}/verifications", BY_ADA).json["decision"] == "accept"
        for statement in statements:
            execute(tmp_path / "home", statement)
        for clip in (BY_ADA, BY_BOB):
            answer = web("POST", f"/v1/profiles/{victim}/verifications?audience=door", clip)
            assert (answer.status, answer.code) == (500, "store_tampered")
        identified = web("POST", "/v1/identifications", LONG_BY_BOB)
        if statements is SWAPPED:  # nobody is told to be ada, whose name bob's row now has
            assert identified.code == "store_tampered"
        else:
            assert identified.json["name"] == "bob"


def test_keys_that_were_put_in_open_nothing(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched, Scope.VERIFY, Scope.IDENTIFY)
        assert Web(url, key)("GET", "/v1/profiles").code == "forbidden"
        execute(tmp_path / "home", "UPDATE api_keys SET scopes = 'admin,enroll,verify'")
        assert Web(url, key)("GET", "/v1/profiles").code == "store_tampered"
        execute(tmp_path / "home", "DELETE FROM api_keys")  # a server without any key is open to its own machine
        assert Web(url)("GET", "/v1/profiles").code == "store_tampered"


def test_an_older_copy_of_the_whole_database_is_not_opened(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Store.open(home) as store:
        key_id = store.api_keys.create("lost", [Scope.ADMIN])[0].id
    copy = shutil.copy(home / "streamauth.db", tmp_path / "copy.db")
    with Store.open(home) as store:
        store.api_keys.revoke(key_id)
    shutil.copy(copy, home / "streamauth.db")
    with pytest.raises(StoreRolledBack):
        Store.open(home)


@pytest.mark.parametrize(("path", "mode"), [("streamauth.db", 0o640), ("streamauth.db", 0o602), (".", 0o777)])
def test_a_database_that_others_can_reach_is_not_opened(tmp_path: Path, path: str, mode: int) -> None:
    home = tmp_path / "home"
    Store.open(home).close()
    (home / path).chmod(mode)
    with pytest.raises(StoreExposed):
        Store.open(home)
