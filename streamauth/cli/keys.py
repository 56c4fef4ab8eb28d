"""``streamauth keys``."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import Output, opened

if TYPE_CHECKING:
    from streamauth.store.api_keys import ApiKey

app = typer.Typer(help="API keys of programs that use the server, and the keys that sign its verdicts.")
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `streamauth keys list` shows it.")]
ExpiresOption = Annotated[
    float | None,
    typer.Option(
        "--expires-days", min=0, help="Days until it ends; 0 means never.", show_default="access.key_lifetime_days"
    ),
]
_DAY_S = 86_400.0


class ScopeName(StrEnum):
    """The scopes; the store has the same, but is not imported for the sake of the parser."""

    ENROLL = "enroll"
    VERIFY = "verify"
    IDENTIFY = "identify"
    ADMIN = "admin"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[ScopeName], typer.Option("--scope", help="What it may do; may be given again.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose profiles it reaches.")] = "default",
    expires_days: ExpiresOption = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Make an API key and show it, this once."""
    from streamauth.store.api_keys import Scope

    output = Output(json)
    with opened(store) as authenticator:
        made, key = authenticator.store.api_keys.create(
            name,
            [Scope(each) for each in scope],
            tenant=tenant,
            lifetime_s=_lifetime_s(authenticator.settings.access.key_lifetime_days, expires_days),
        )
    output.messages.print("Keep this key now: it cannot be shown again. The server asks for a key from now on.")
    output.result(_described(made) | {"key": key}, key)


@app.command("list")
def list_(store: options.Store = None, json: options.Json = False) -> None:
    """All API keys, never the keys themselves."""
    output = Output(json)
    with opened(store) as authenticator:
        rows = [_described(key) for key in authenticator.store.api_keys.all()]
    told = []
    for row in rows:
        times = [_minute(row[key]) for key in ("created_at", "expires_at", "used_at")]
        told.append((row["id"], row["name"], row["tenant"], " ".join(row["scopes"]), *times, row["state"]))
    output.listed(
        {"keys": rows},
        ("id", "name", "tenant", "scopes", "created", "ends", "used", "state"),
        told,
        whole=("id", "state"),
        none="No API keys. `streamauth keys create NAME --scope verify` makes one.",
    )


@app.command()
def rotate(
    key_id: IdArgument,
    overlap_hours: Annotated[
        float, typer.Option("--overlap-hours", min=0, help="For how long the former key is still good.")
    ] = 24.0,
    expires_days: ExpiresOption = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Make a key that may do the same as another one, which ends soon; show it, this once."""
    output = Output(json)
    with opened(store) as authenticator:
        made, key = authenticator.store.api_keys.rotate(
            key_id,
            overlap_s=overlap_hours * 3600,
            lifetime_s=_lifetime_s(authenticator.settings.access.key_lifetime_days, expires_days),
        )
    output.messages.print(f"Keep this key now: it cannot be shown again. The former one ends in {overlap_hours:g} h.")
    output.result(_described(made) | {"key": key}, key)


@app.command()
def revoke(
    key_id: IdArgument,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Make an API key useless, at once and for good."""
    with opened(store) as authenticator:
        authenticator.store.api_keys.revoke(key_id)
    Output(json).result({"id": key_id, "revoked": True}, f"The key {key_id} is revoked.")


@app.command()
def signing(store: options.Store = None, json: options.Json = False) -> None:
    """The keys that verdicts are verified with, the newest first, which signs."""
    with opened(store) as authenticator:
        ids = [key["kid"] for key in authenticator.store.signing_keys.published()]
    text = "\n".join(ids) or "None yet: the server makes one when it first signs."
    Output(json).result({"signing_keys": ids}, text)


@app.command("revoke-signing")
def revoke_signing(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `streamauth keys signing` shows it.")],
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Make a key that signs verdicts useless: whoever reads /v1/keys.json anew refuses what it signed."""
    with opened(store) as authenticator:
        authenticator.store.signing_keys.revoke(key_id)
    text = f"The key {key_id} is revoked. Backends that keep the published keys learn it within 5 minutes."
    Output(json).result({"id": key_id, "revoked": True}, text)


def _lifetime_s(usual_days: float, given_days: float | None) -> float | None:
    days = usual_days if given_days is None else given_days
    return days * _DAY_S or None


def _minute(at: str | None) -> str:
    return "never" if at is None else at[:16].replace("T", " ")


def _described(key: "ApiKey") -> dict[str, Any]:
    ended = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "expires_at": key.expires_at and key.expires_at.isoformat(timespec="seconds"),
        "used_at": key.used_at and key.used_at.isoformat(timespec="seconds"),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(timespec="seconds"),
        "state": "revoked" if key.revoked_at else "ended" if ended else "good",
    }
