"""``streamauth serve``."""

from typing import Annotated

import typer

from streamauth.cli.output import EXIT_OK, JsonOption, Output, StoreOption, opened


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            "--host", help="Address to listen on; others than loopback ones need an API key.", show_default=False
        ),
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes a free one.", show_default=False)] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Run the server until it is stopped: web page, streaming, REST."""
    from streamauth.azure.mount import azure_mounts
    from streamauth.protocol.messages import PATH
    from streamauth.server.hosting import serve as run_server

    output = Output(json)
    with opened(store) as authenticator:
        given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        settings = authenticator.settings.with_values({"server": given}, "options")

        def ready(url: str) -> None:
            page = url.replace("ws", "http", 1).removesuffix(PATH)
            open_this = f"Open {page} in a browser. Programs use {url}. Ctrl-C stops."
            output.result({"url": url, "page": page}, f"Listening on {url}.\n{open_this}")

        output.messages.print("Loading the models.")
        run_server(authenticator, settings, ready, azure_mounts(settings))
    return EXIT_OK
