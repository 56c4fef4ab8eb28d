"""Options that several commands have."""

from typing import Annotated, Literal

import typer

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
LiveJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object on stdout; of a microphone each event as it comes, a line each, the outcome last.",
    ),
]
Store = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Another store than the data folder's.", show_default=False)
]
Mic = Annotated[bool, typer.Option("--mic", help="Listen to the microphone.")]
Device = Annotated[str | None, typer.Option("--device", help="Microphone by name or number.", show_default=False)]
Rate = Annotated[
    int | None, typer.Option("--rate", metavar="HZ", help="Sample rate of the standard input.", show_default="16000")
]
Encoding = Annotated[
    Literal["s16le", "f32le", "mulaw", "alaw"] | None,
    typer.Option("--encoding", help="Samples of the standard input.", show_default="s16le"),
]
Channels = Annotated[
    int | None, typer.Option("--channels", metavar="COUNT", help="Channels of the standard input.", show_default="1")
]
Channel = Annotated[
    int | None,
    typer.Option("--channel", metavar="NUMBER", help="Listen to this channel only.", show_default="all, mixed"),
]
Prompt = Annotated[
    str | None,
    typer.Option("--prompt", metavar="ID", help="Drawn by `streamauth prompt new`; must be said.", show_default=False),
]
NewPrompt = Annotated[
    Literal["digits", "words"] | None,
    typer.Option("--new-prompt", help="Draw a random prompt now, which must be said.", show_default=False),
]
