"""``streamauth serve``."""

from typing import Annotated

import typer

from streamauth.cli.output import EXIT_OK, JsonOption, Output, StoreOption, opened


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Loopback address to listen on.", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes a free one.", show_default=False)] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Run the streaming server until it is stopped."""
    from dataclasses import replace

    from streamauth.server.app import serve as run_server

    output = Output(json)
    with opened(store) as authenticator:
        given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        settings = authenticator.settings.with_values({"server": given}, "options")
        authenticator.settings = replace(settings)

        def ready(bound_host: str, bound_port: int) -> None:
            url = f"ws://{bound_host}:{bound_port}/v1/stream"
            output.result({"url": url}, f"Listening on {url}, Ctrl-C stops.")

        with output.busy("Loading the models"):
            authenticator.engines.models(with_words=True)
        run_server(authenticator, ready)
    return EXIT_OK
