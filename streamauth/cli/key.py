"""``streamauth key``."""

import os
from typing import Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import Output, opened

app = typer.Typer(help="The key that seals voiceprints at rest.")


@app.command()
def rotate(
    new_key_from: Annotated[
        str | None,
        typer.Option(
            "--new-key-from",
            metavar="VARIABLE",
            help="Environment variable that holds the new key; needed where the key does not come from a file.",
            show_default=False,
        ),
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Seal everything with a new key; a key file is replaced, and the former one kept beside it for old backups."""
    from streamauth.errors import InputError
    from streamauth.store.sealing import SealingKey

    output = Output(json)
    new = None
    if new_key_from is not None:
        if not os.environ.get(new_key_from):
            raise InputError("The environment variable of the new key is not set.")
        new = SealingKey.parse(os.environ[new_key_from])
    with opened(store) as authenticator, output.busy("Sealing with the new key"):
        authenticator.store.maintenance.rotate_key(new)
    output.result({"rotated": True}, "Everything is sealed with the new key. Back it up.")
