"""``streamauth audit``."""

import json as json_module
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import typer

from streamauth.cli.output import EXIT_OK, JsonOption, Output, StoreOption, opened, table

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
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
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
    if json:
        output.result({"entries": [entry.as_dict() for entry in entries]}, "")
        return EXIT_OK
    rows = table("number", "time (UTC)", "by", "action", "of", "outcome", whole=("number", "outcome"))
    for entry in entries:
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        rows.add_row(str(entry.number), at, entry.actor, entry.action, entry.subject, entry.outcome)
    output.console.print(rows if entries else "No such entries.")
    return EXIT_OK


def _ms(time: datetime | None) -> int | None:
    return None if time is None else round(time.replace(tzinfo=UTC).timestamp() * 1000)


@app.command()
def export(
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries above this number.")] = 0,
    store: StoreOption = None,
) -> int:
    """All entries as JSON, one a line."""
    with opened(store) as authenticator:
        for entry in authenticator.store.audit.entries(after):
            print(json_module.dumps(entry.as_dict()))
    return EXIT_OK


@app.command()
def receipt(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="As it was given for a deletion.")],
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Check a receipt: that the log is whole, and holds what the receipt is of."""
    with opened(store) as authenticator:
        entry = authenticator.store.audit.by_receipt(receipt)
    at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    Output(json).result(entry.as_dict(), f"Genuine: {entry.action} of {entry.subject}, {at}.")
    return EXIT_OK


@app.command()
def verify(store: StoreOption = None, json: JsonOption = False) -> int:
    """Check every link of the chain, and show its head. Keep the head elsewhere, to notice an older copy."""
    with opened(store) as authenticator:
        state = authenticator.store.audit.verify()
    text = f"{state.entries} entries, all in place. Head: {state.head}"
    Output(json).result({"entries": state.entries, "head": state.head}, text)
    return EXIT_OK
