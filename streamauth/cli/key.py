"""``streamauth key``."""

import typer

from streamauth.cli.output import EXIT_OK, JsonOption, Output, StoreOption, opened

app = typer.Typer(help="The key that seals voiceprints at rest.")


@app.command()
def rotate(store: StoreOption = None, json: JsonOption = False) -> int:
    """Seal everything with a new key and put it in place of the old one."""
    output = Output(json)
    with opened(store) as authenticator, output.busy("Sealing with the new key"):
        authenticator.store.rotate_key()
    output.result({"rotated": True}, "Everything is sealed with a new key. Back up the new key file.")
    return EXIT_OK
