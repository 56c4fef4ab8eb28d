"""``streamauth audit``."""

import json as json_module
from datetime import UTC, datetime
from typing import Annotated

import typer

from streamauth.cli.output import EXIT_OK, JsonOption, Output, StoreOption, opened

app = typer.Typer(help="What was decided and changed: append-only, sealed, chained so that nothing can be taken out.")


@app.command("list")
def list_(
    last: Annotated[int, typer.Option("--last", min=1, help="How many of the newest entries.")] = 50,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """The newest entries. They name ids, never a person: `streamauth profiles list --json` tells whose they are."""
    from collections import deque

    from rich.table import Table

    output = Output(json)
    with opened(store) as authenticator:
        entries = list(deque(authenticator.store.audit.entries(), maxlen=last))
    if json:
        output.result({"entries": [entry.as_dict() for entry in entries]}, "")
        return EXIT_OK
    table = Table("number", "time (UTC)", "by", "action", "of", "outcome")
    for entry in entries:
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(entry.number), at, entry.actor, entry.action, entry.subject, entry.outcome)
    output.console.print(table if entries else "The audit log is empty.")
    return EXIT_OK


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
def verify(store: StoreOption = None, json: JsonOption = False) -> int:
    """Check every link of the chain, and show its head. Keep the head elsewhere, to notice an older copy."""
    with opened(store) as authenticator:
        state = authenticator.store.audit.verify()
    text = f"{state.entries} entries, all in place. Head: {state.head}"
    Output(json).result({"entries": state.entries, "head": state.head}, text)
    return EXIT_OK
