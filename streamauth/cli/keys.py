"""``streamauth keys``."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamauth.cli.output import EXIT_OK, JsonOption, Output, StoreOption, opened

if TYPE_CHECKING:
    from streamauth.store.api_keys import ApiKey

app = typer.Typer(help="API keys of programs that use the server.")


class ScopeName(StrEnum):
    """The scopes; the store has the same, but is not imported for the sake of the parser."""

    ENROLL = "enroll"
    VERIFY = "verify"
    ADMIN = "admin"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[ScopeName], typer.Option("--scope", help="What it may do; may be given again.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose profiles it reaches.")] = "default",
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Make an API key and show it, this once."""
    from streamauth.store.api_keys import Scope

    output = Output(json)
    with opened(store) as authenticator:
        made, key = authenticator.store.api_keys.create(name, [Scope(each) for each in scope], tenant=tenant)
    output.messages.print("Keep this key now: it cannot be shown again. The server asks for a key from now on.")
    output.result(_described(made) | {"key": key}, key)
    return EXIT_OK


@app.command("list")
def list_(store: StoreOption = None, json: JsonOption = False) -> int:
    """All API keys, never the keys themselves."""
    from rich.table import Table

    output = Output(json)
    with opened(store) as authenticator:
        rows = [_described(key) for key in authenticator.store.api_keys.all()]
    if json:
        output.result({"keys": rows}, "")
        return EXIT_OK
    table = Table("id", "name", "tenant", "scopes", "created", "used", "state")
    for row in rows:
        state = "revoked" if row["revoked_at"] else "good"
        used = row["used_at"] or "never"
        table.add_row(row["id"], row["name"], row["tenant"], " ".join(row["scopes"]), row["created_at"], used, state)
    output.console.print(table if rows else "No API keys. `streamauth keys create NAME --scope verify` makes one.")
    return EXIT_OK


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `streamauth keys list` shows it.")],
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Make an API key useless, at once and for good."""
    with opened(store) as authenticator:
        authenticator.store.api_keys.revoke(key_id)
    Output(json).result({"id": key_id, "revoked": True}, f"The key {key_id} is revoked.")
    return EXIT_OK


def _described(key: "ApiKey") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "used_at": key.used_at and key.used_at.isoformat(timespec="seconds"),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(timespec="seconds"),
    }
