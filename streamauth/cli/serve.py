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
    from streamauth.server.app import serve as run_server
    from streamauth.server.messages import url_of

    output = Output(json)
    with opened(store) as authenticator:
        given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        settings = authenticator.settings.with_values({"server": given}, "options")

        def ready(bound_host: str, bound_port: int) -> None:
            url = url_of(bound_host, bound_port)
            output.result({"url": url}, f"Listening on {url}, Ctrl-C stops.")

        output.messages.print("Loading the models.")
        run_server(authenticator, settings, ready)
    return EXIT_OK
