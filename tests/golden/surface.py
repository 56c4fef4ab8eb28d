"""What a user can name: commands with their options, settings with their defaults, codes of errors and reasons."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from streamauth import Reason, Settings, StreamAuthError, Verdict
from tests.golden.command_line import run
from tests.golden.fixed import environment

Json = dict[str, Any]
_BOX = re.compile(r"╭─ (?P<title>\w+) ─+╮\n(?P<rows>(?:│.*│\n)+)╰─+╯")


def record(home: Path) -> Json:
    """All of it. The sentences of the help are left out: they may be put better."""
    with environment(home):
        commands = {" ".join(("streamauth", *path)): options for path, options in _commands(())}
    defaults = Settings()
    settings = {
        f"{section.name}.{item.name}": getattr(getattr(defaults, section.name), item.name)
        for section in fields(defaults)
        for item in fields(getattr(defaults, section.name))
    }
    errors = {error.code: error.exit_code for error in _errors(StreamAuthError)}
    return {
        "commands": commands,
        "settings": settings,
        "error codes and exit codes": dict(sorted(errors.items())),
        "reasons": {reason.name: reason.value for reason in Reason},
        "verdicts": {verdict.name: verdict.value for verdict in Verdict},
    }


def _errors(base: type[StreamAuthError]) -> Iterator[type[StreamAuthError]]:
    for error in base.__subclasses__():
        yield error
        yield from _errors(error)


def _commands(path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    code, text = run(*path, "--help")
    assert code == 0
    boxes = {box["title"]: list(_rows(box["rows"])) for box in _BOX.finditer(text)}
    yield path, {name: how for title in ("Arguments", "Options") for name, how in boxes.get(title, ())}
    for name, _ in boxes.get("Commands", ()):
        yield from _commands((*path, name))


def _rows(text: str) -> Iterator[tuple[str, str]]:
    """Name of each row, with its type, default and whether it is required."""
    rows: list[str] = []
    for line in text.splitlines():
        inner = line.strip("│")
        if inner[:8].strip():
            rows.append(inner.strip())
        else:
            rows[-1] += f"  {inner.strip()}"
    for row in rows:
        name, *cells = re.split(r"\s{2,}", row.removeprefix("*").strip())
        kinds = [cell for cell in cells if re.fullmatch(r"-\w|<.*>|[A-Z,{}]+", cell)]
        facts = re.findall(r"\[(?:required|default: [^\]]*)\]", row)
        yield name, " ".join([*kinds, *facts])
