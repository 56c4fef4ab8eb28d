"""What every command shares: options, messages, the JSON object on stdout, exit codes."""

import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from streamauth.service.authenticator import Authenticator

JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
LiveJsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object on stdout; of a microphone each event as it comes, a line each, the outcome last.",
    ),
]
StoreOption = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Another store than the data folder's.", show_default=False)
]
MicOption = Annotated[bool, typer.Option("--mic", help="Listen to the microphone.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Microphone by name or number.", show_default=False)]
RateOption = Annotated[
    int | None, typer.Option("--rate", metavar="HZ", help="Sample rate of the standard input.", show_default="16000")
]
EncodingOption = Annotated[
    Literal["s16le", "f32le", "mulaw", "alaw"] | None,
    typer.Option("--encoding", help="Samples of the standard input.", show_default="s16le"),
]
ChannelsOption = Annotated[
    int | None, typer.Option("--channels", metavar="COUNT", help="Channels of the standard input.", show_default="1")
]
ChannelOption = Annotated[
    int | None,
    typer.Option("--channel", metavar="NUMBER", help="Listen to this channel only.", show_default="all, mixed"),
]
PromptOption = Annotated[
    str | None,
    typer.Option("--prompt", metavar="ID", help="Drawn by `streamauth prompt new`; must be said.", show_default=False),
]
NewPromptOption = Annotated[
    Literal["digits", "words"] | None,
    typer.Option("--new-prompt", help="Draw a random prompt now, which must be said.", show_default=False),
]

EXIT_OK, EXIT_REJECT, EXIT_MISUSE, EXIT_UNDECIDED, EXIT_INTERNAL, EXIT_INCOMPLETE = range(6)
EXIT_BY_VERDICT = {"accept": EXIT_OK, "reject": EXIT_REJECT, "undecided": EXIT_UNDECIDED}


@dataclass
class Output:
    """Where a command's words go: results to stdout, everything else to stderr."""

    json: bool

    @cached_property
    def messages(self) -> "Console":
        """The console on stderr."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    @cached_property
    def console(self) -> "Console":
        """The console on stdout, for people."""
        from rich.console import Console

        return Console(highlight=False)

    def result(self, data: dict[str, Any], text: str) -> None:
        """Print the result: the JSON object or the text."""
        if self.json:
            print(json.dumps(data, ensure_ascii=False), flush=True)
        else:
            self.console.print(text, markup=False)

    def event(self, data: dict[str, Any]) -> None:
        """Print what happens before the result, as a JSON object in a line of its own; nothing for people."""
        if self.json:
            print(json.dumps(data, ensure_ascii=False), flush=True)

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """A spinner on a terminal while something takes long."""
        messages = self.messages
        if messages.is_terminal:
            with messages.status(text):
                yield
        else:
            yield


def counted(count: int, thing: str) -> str:
    """How many of a thing there are."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def table(*titles: str, whole: Collection[str] = ()) -> "Table":
    """A table for 80 columns, in which nothing is cut off: what is too long goes on in the line below.

    Args:
        titles: Of its columns.
        whole: Those whose values are copied into other commands: they stay in one line.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table

    columns = [Column(title, no_wrap=title in whole, overflow="fold") for title in titles]
    return Table(*columns, box=SIMPLE_HEAD, padding=0, show_edge=False)


def report_error(code: str, message: str, as_json: bool) -> None:
    """Print an error in its one shape."""
    if as_json:
        print(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False), flush=True)
    else:
        print(f"streamauth: {message} [{code}]", file=sys.stderr, flush=True)


@contextmanager
def opened(store: str | None) -> Iterator["Authenticator"]:
    """The authenticator of the data folder, with another store if one is named; of what it holds no core is written."""
    from streamauth.cli import ahead
    from streamauth.cli.dumps import switch_off
    from streamauth.service.authenticator import Authenticator
    from streamauth.settings import load_settings

    switch_off()
    settings = load_settings()
    if store is not None:
        settings = settings.with_values({"store": {"url": store}}, "--store")
    authenticator = Authenticator.open(settings=settings, engines=ahead.engines(settings))
    ahead.all_imported()
    try:
        yield authenticator
    finally:
        authenticator.close()


@contextmanager
def progress(output: Output) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal: tell it what is done, how much of it, and of how much."""
    if not output.messages.is_terminal:
        yield lambda stage, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.messages) as bar:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done)

        yield show
