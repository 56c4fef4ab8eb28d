"""What every command shares: messages, the JSON object on stdout, exit codes."""

import json
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from streamauth.service.authenticator import Authenticator
    from streamauth.settings import Settings

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

        return Console(stderr=True, highlight=False, emoji=False)

    @cached_property
    def console(self) -> "Console":
        """The console on stdout, for people."""
        from rich.console import Console

        return Console(highlight=False, emoji=False)

    def result(self, data: dict[str, Any], text: str) -> None:
        """Print the result: the JSON object or the text."""
        if self.json:
            print(json.dumps(data, ensure_ascii=False), flush=True)
        else:
            self.console.print(text, markup=False)

    def listed(
        self,
        data: dict[str, Any],
        titles: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        whole: Collection[str] = (),
        none: str = "",
    ) -> None:
        """Print a list: the JSON object, or a table for 80 columns, in which what is too long goes on below.

        Args:
            data: The object.
            titles: Of the columns.
            rows: Their texts.
            whole: Titles of those whose values are copied into other commands: they stay in one line.
            none: What is said where there are no rows.
        """
        if self.json:
            self.result(data, "")
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Column, Table

        columns = [Column(title, no_wrap=title in whole, overflow="fold") for title in titles]
        told = Table(*columns, box=SIMPLE_HEAD, padding=0, show_edge=False)
        for row in rows:
            told.add_row(*row)
        self.console.print(told if rows or not none else none)

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


def report_error(code: str, message: str, as_json: bool) -> None:
    """Print an error in its one shape."""
    if as_json:
        print(json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False), flush=True)
    else:
        print(f"streamauth: {message} [{code}]", file=sys.stderr, flush=True)


def settings_with(store: str | None, **values: object) -> "Settings":
    """The settings of the data folder, with another store if one is named, and further settings of it."""
    from streamauth.settings import load_settings

    return load_settings().with_values({"store": values if store is None else values | {"url": store}}, "--store")


@contextmanager
def opened(store: str | None, **values: object) -> Iterator["Authenticator"]:
    """The authenticator of the data folder, with another store if one is named; of what it holds no core is written.

    Args:
        store: Its URL.
        values: Further settings of the store.
    """
    from streamauth.cli import ahead
    from streamauth.cli.dumps import switch_off
    from streamauth.service.authenticator import Authenticator

    switch_off()
    settings = settings_with(store, **values)
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
