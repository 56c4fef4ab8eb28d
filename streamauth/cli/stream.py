"""``streamauth stream``."""

import os
from pathlib import Path
from typing import Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_BY_VERDICT, Output


def stream(
    name: Annotated[str, typer.Argument(help="Who the speaker claims to be.")],
    file: Annotated[Path, typer.Argument(help="An audio file.", show_default=False)],
    url: Annotated[
        str | None, typer.Option("--url", help="The server; that of the settings if not given.", show_default=False)
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0, help="Times real-time pace; 0 sends as fast as the server takes it.")
    ] = 1.0,
    key_from: Annotated[
        str,
        typer.Option("--key-from", metavar="VARIABLE", help="Environment variable with the API key, where one is set."),
    ] = "STREAMAUTH_API_KEY",
    authorities: Annotated[
        Path | None,
        typer.Option("--authorities", help="Certificates (PEM) to trust for wss:.", show_default=False),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate", help="This device's certificate and key (PEM), where a server asks.", show_default=False
        ),
    ] = None,
    json: options.Json = False,
) -> int:
    """Send a file to a running server, like a live microphone."""
    from streamauth.cli.live import LiveView, decision_text
    from streamauth.cli.remote import decide_remotely
    from streamauth.client import Mode, Start
    from streamauth.protocol.events import verification_object
    from streamauth.protocol.messages import url_of
    from streamauth.settings import load_settings
    from streamauth.sources.files import open_audio

    output = Output(json)
    settings = load_settings()
    server = settings.server
    address = url or url_of(server.host, server.port, secure=bool(server.tls_certificate))
    limits = settings.audio
    with (
        open_audio(file, max_s=limits.max_attempt_s, max_mb=limits.max_file_mb) as audio,
        LiveView(output.messages, 0.0) as view,
    ):
        start = Start(Mode.VERIFY, audio.format, name=name)
        key = os.environ.get(key_from) or None
        decided = decide_remotely(
            address, start, audio, speed, view.show, api_key=key, authorities=authorities, certificate=certificate
        )
    output.result(verification_object(decided), decision_text(decided))
    return EXIT_BY_VERDICT[decided.verdict]
