"""``streamauth serve``."""

from typing import TYPE_CHECKING, Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import Output, opened

if TYPE_CHECKING:
    from streamauth.server.place import Place


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            "--host", help="Address to listen on; others than loopback ones need an API key.", show_default=False
        ),
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes a free one.", show_default=False)] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes that share the address.", show_default=False)
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Run the server until it is stopped: web page, streaming, REST."""
    from streamauth.azure.mount import azure_mounts
    from streamauth.protocol.messages import PATH
    from streamauth.server.hosting import listen
    from streamauth.server.hosting import serve as run_server
    from streamauth.server.workers import serve_by_workers
    from streamauth.settings import load_settings

    output = Output(json)
    wanted = {"host": host, "port": port, "workers": workers}
    given = {"server": {name: value for name, value in wanted.items() if value is not None}}
    limits = load_settings().with_values(given, "options").server

    def ready(url: str) -> None:
        page = url.replace("ws", "http", 1).removesuffix(PATH)
        open_this = f"Open {page} in a browser. Programs use {url}. Ctrl-C stops."
        output.result({"url": url, "page": page}, f"Listening on {url}.\n{open_this}")

    output.messages.print("Loading the models.")
    if limits.workers > 1:

        def work(place: "Place") -> None:
            with opened(store) as authenticator:
                settings = authenticator.settings.with_values(given, "options")
                run_server(authenticator, settings, place.ready, azure_mounts(settings), place)

        serve_by_workers(limits, listen(limits), work, ready)
        return
    with opened(store) as authenticator:
        settings = authenticator.settings.with_values(given, "options")
        run_server(authenticator, settings, ready, azure_mounts(settings))
