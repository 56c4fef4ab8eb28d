"""``streamauth store``."""

from typing import Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_INTERNAL, EXIT_OK, Output, opened

app = typer.Typer(help="The store as a whole: check it, or copy it into another database.")


@app.command()
def check(store: options.Store = None, json: options.Json = False) -> int:
    """Read everything there is, unseal it, and say what was not written by streamauth."""
    from streamauth.errors import StoreTampered

    output = Output(json)
    with opened(store) as authenticator, output.busy("Reading everything"):
        forged = authenticator.store.maintenance.forged()
        if not forged:
            authenticator.store.maintenance.check()
    if not forged:
        output.result({"good": True, "forged": []}, "The store is in order.")
        return EXIT_OK
    lines = [f"{each.kind} {each.id}: {each.fault}" for each in forged]
    rows = [{"kind": each.kind, "id": each.id, "fault": each.fault} for each in forged]
    text = "\n".join([StoreTampered.default_message, *lines])
    output.result({"good": False, "forged": rows}, text)
    return EXIT_INTERNAL


@app.command("accept-older")
def accept_older(store: options.Store = None, json: options.Json = False) -> None:
    """Go on with an older copy of the store, such as a backup that you have put back.

    What was deleted, revoked or locked after that copy was made is there again.
    """
    with opened(store, refuse_older=False) as authenticator:
        authenticator.store.maintenance.accept_older()
    Output(json).result({"accepted": True}, "The store goes on from here. Start the servers again.")


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="URL or file of the store to copy.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="URL or file of a store with nothing in it; made if new.")
    ],
    json: options.Json = False,
) -> None:
    """Copy a whole store into another database, such as from SQLite into PostgreSQL, and check the copy.

    Stop the servers of both first: what is written to the old store after that is not in the new one.
    """
    output = Output(json)
    with opened(source) as old, opened(target) as new, output.busy("Copying"):
        counts = old.store.maintenance.copy_to(new.store.maintenance)
        new.store.maintenance.check()
    output.result({"rows": counts}, f"Copied and checked: {sum(counts.values())} rows in {len(counts)} tables.")
