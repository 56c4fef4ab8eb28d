"""``streamauth store``."""

from typing import Annotated

import typer

from streamauth.cli.output import EXIT_OK, JsonOption, Output, StoreOption, opened

app = typer.Typer(help="The store as a whole: check it, or copy it into another database.")


@app.command()
def check(store: StoreOption = None, json: JsonOption = False) -> int:
    """Read everything there is, and unseal it."""
    output = Output(json)
    with opened(store) as authenticator, output.busy("Reading everything"):
        authenticator.store.maintenance.check()
    output.result({"good": True}, "The store is in order.")
    return EXIT_OK


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="URL or file of the store to copy.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="URL or file of a store with nothing in it; made if new.")
    ],
    json: JsonOption = False,
) -> int:
    """Copy a whole store into another database, such as from SQLite into PostgreSQL, and check the copy.

    Stop the servers of both first: what is written to the old store after that is not in the new one.
    """
    output = Output(json)
    with opened(source) as old, opened(target) as new, output.busy("Copying"):
        counts = old.store.maintenance.copy_to(new.store.maintenance)
        new.store.maintenance.check()
    output.result({"rows": counts}, f"Copied and checked: {sum(counts.values())} rows in {len(counts)} tables.")
    return EXIT_OK
