"""``streamauth audit``."""

import json as json_module
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import Output, opened

if TYPE_CHECKING:
    from streamauth.store.audit import AuditEntry

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
app = typer.Typer(help="What was decided and changed: append-only, sealed, chained so that nothing can be taken out.")


@app.command("list")
def list_(
    last: Annotated[int, typer.Option("--last", min=1, help="How many of the newest entries.")] = 50,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="ID|NAME", help="Only those of one profile, by its id or name."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_TIMES, help="Only from this time on, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_TIMES, help="Only before this time, UTC.")
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """The newest entries. They name ids, never a person: `streamauth profiles list --json` tells whose they are."""
    from streamauth.errors import UnknownProfile
    from streamauth.store.audit import AuditFilter

    output = Output(json)
    with opened(store) as authenticator:
        subject = profile
        if profile is not None:
            with suppress(UnknownProfile):  # the id of one that is gone is looked for as it is
                subject = authenticator.store.profiles.get(profile).id
        wanted = AuditFilter(subject, _ms(since) or 0, _ms(until))
        entries = authenticator.store.audit.newest(limit=last, wanted=wanted)[::-1]
    output.listed(
        {"entries": [asdict(entry) for entry in entries]},
        ("number", "time (UTC)", "by", "action", "of", "outcome"),
        [
            (str(entry.number), _time(entry), entry.actor, entry.action, entry.subject, entry.outcome)
            for entry in entries
        ],
        whole=("number", "outcome"),
        none="No such entries.",
    )


def _time(entry: "AuditEntry") -> str:
    return datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _ms(time: datetime | None) -> int | None:
    return None if time is None else round(time.replace(tzinfo=UTC).timestamp() * 1000)


@app.command()
def export(
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries above this number.")] = 0,
    store: options.Store = None,
) -> None:
    """All entries as JSON, one a line."""
    with opened(store) as authenticator:
        for entry in authenticator.store.audit.entries(after):
            print(json_module.dumps(asdict(entry)))


@app.command()
def receipt(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="As it was given for a deletion.")],
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Check a receipt: that the log is whole, and holds what the receipt is of."""
    with opened(store) as authenticator:
        entry = authenticator.store.audit.by_receipt(receipt)
    Output(json).result(asdict(entry), f"Genuine: {entry.action} of {entry.subject}, {_time(entry)} UTC.")


@app.command()
def verify(store: options.Store = None, json: options.Json = False) -> None:
    """Check every link of the chain, and show its head. Keep the head elsewhere, to notice an older copy."""
    with opened(store) as authenticator:
        state = authenticator.store.audit.verify()
    text = f"{state.entries} entries, all in place. Head: {state.head}"
    Output(json).result({"entries": state.entries, "head": state.head}, text)
