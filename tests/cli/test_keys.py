"""``streamauth keys``."""

from tests.cli.rig import Shell


def test_the_life_of_a_key(shell: Shell) -> None:
    assert "No API keys" in shell("keys", "list").out
    made = shell.json("keys", "create", "backend", "--scope", "verify", "--scope", "enroll", "--tenant", "shop").data
    assert (made["scopes"], made["tenant"], made["revoked_at"]) == (["enroll", "verify"], "shop", None)
    assert made["key"].startswith(f"sa_{made['id']}_")
    listed = shell.json("keys", "list").data["keys"]
    assert [key["id"] for key in listed] == [made["id"]]
    assert "key" not in listed[0]
    table = shell("keys", "list").out
    assert "good" in table
    assert made["key"] not in table
    assert shell.json("keys", "revoke", made["id"]).data == {"id": made["id"], "revoked": True}
    assert shell.json("keys", "list").data["keys"][0]["revoked_at"] is not None
    assert "revoked" in shell("keys", "list").out


def test_the_key_alone_is_on_stdout(shell: Shell) -> None:
    outcome = shell("keys", "create", "backend", "--scope", "admin")
    assert outcome.code == 0
    assert outcome.out.startswith("sa_")
    assert len(outcome.out.split()) == 1
    assert "cannot be shown again" in outcome.err


def test_what_makes_no_key(shell: Shell) -> None:
    assert shell.json("keys", "create", "backend").error == "bad_usage"
    assert shell.json("keys", "create", "backend", "--scope", "everything").error == "bad_usage"
    assert shell.json("keys", "create", "", "--scope", "admin").error == "bad_profile_name"
    assert shell.json("keys", "revoke", "nothing").error == "unknown_api_key"
    assert shell.json("keys", "list").data["keys"] == []
