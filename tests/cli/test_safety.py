"""Commands about what is kept of people, who may come in, and whether the store is as it was left."""

import json
import shutil

from streamauth.store.records import ProfileKind
from tests.cli.rig import Shell
from tests.store.helpers import enrolled, execute, opened


def known(shell: Shell) -> str:
    """The id of ada, who is in the shell's store beside bob."""
    with opened(shell.home) as store:
        store.profiles.create("bob", ProfileKind.TEXT_INDEPENDENT)
        return enrolled(store, "ada", 1).id


def test_a_person_gets_a_copy_and_a_receipt(shell: Shell) -> None:
    ada = known(shell)
    data = json.loads(shell("profiles", "export", "ada").out)
    assert data["profile"]["id"] == ada
    assert shell.json("audit", "list", "--profile", "ada").data["entries"][-1]["action"] == "profile.enrolled"
    receipt = shell.json("profiles", "delete", "ada").data["receipt"]
    checked = shell.json("audit", "receipt", receipt).data
    assert (checked["action"], checked["subject"]) == ("profile.deleted", ada)
    assert "Genuine" in shell("audit", "receipt", receipt).out
    assert shell.json("audit", "receipt", receipt + "0").error == "bad_input"
    entries = shell.json("audit", "list", "--profile", ada, "--since", "2020-01-01").data["entries"]
    assert [entry["action"] for entry in entries] == ["profile.created", "profile.enrolled", "profile.deleted"]
    assert shell.json("audit", "list", "--until", "2020-01-01T00:00").data["entries"] == []


def test_who_is_unused_is_purged(shell: Shell) -> None:
    known(shell)
    assert shell.json("profiles", "purge").error == "bad_input"
    assert shell.json("profiles", "purge", "--unused-days", "1").data == {"deleted": 0, "receipts": []}
    with opened(shell.home) as store:
        store._sealed.database._clock = lambda: 1e10
        assert len(store.profiles.unused(1)) == 2


def test_keys_end_are_replaced_and_revoked(shell: Shell) -> None:
    made = shell.json("keys", "create", "web", "--scope", "identify", "--expires-days", "30").data
    assert (made["scopes"], made["state"]) == (["identify"], "good")
    assert made["expires_at"] is not None
    fresh = shell.json("keys", "rotate", made["id"], "--overlap-hours", "0").data
    assert fresh["key"] != made["key"]
    states = {row["id"]: row["state"] for row in shell.json("keys", "list").data["keys"]}
    assert states == {made["id"]: "ended", fresh["id"]: "good"}
    assert shell.json("keys", "signing").data["signing_keys"] == []
    with opened(shell.home) as store:
        signing = store.signing_keys.current(max_age_s=1e6).id
    assert shell.json("keys", "signing").data["signing_keys"] == [signing]
    assert shell.json("keys", "revoke-signing", signing).data["revoked"]
    assert shell.json("keys", "revoke-signing", signing).error == "unknown_signing_key"


def test_what_was_written_by_others_is_named(shell: Shell) -> None:
    ada = known(shell)
    assert shell.json("store", "check").data == {"good": True, "forged": []}
    execute(shell.home, "UPDATE profiles SET phrase = NULL WHERE id = ?", ada)
    outcome = shell.json("store", "check")
    assert outcome.code == 4
    assert outcome.data["forged"] == [{"kind": "profile", "id": ada, "fault": "changed"}]
    told = shell("store", "check").out
    assert ada in told
    assert "ada " not in told
    rows = next(check for check in shell.json("doctor").data["checks"] if check["name"] == "rows of the store")
    assert not rows["ok"]
    assert ada in rows["advice"]


def test_an_older_copy_is_taken_only_when_it_is_meant(shell: Shell) -> None:
    known(shell)
    copy = shutil.copy(shell.home / "streamauth.db", shell.home / "copy")
    assert shell.json("profiles", "delete", "ada").data["deleted"]
    shutil.copy(copy, shell.home / "streamauth.db")
    assert shell.json("profiles", "list").error == "store_rolled_back"
    assert shell.json("store", "accept-older").data["accepted"]
    assert len(shell.json("profiles", "list").data["profiles"]) == 2
    assert shell.json("store", "check").data["good"]
