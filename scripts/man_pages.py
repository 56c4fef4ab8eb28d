"""Writes the manual pages and the shells' completions, from the command line's own parser.

python -m scripts.man_pages SHARE

SHARE is the ``share`` folder of what is installed: ``SHARE/man/man1/streamauth.1`` and the like. The build of the wheel
and that of the Debian package call this.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from streamauth.cli.completion import FOLDERS, script
from streamauth.version import __version__

_SEE_ALSO = "Everything else is in the folder docs of the source, settings and errors in docs/reference.md."


def roff(text: str) -> str:
    """Text for a line of roff: nothing in it is a request or an escape; `code` becomes bold."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return rf"\&{text}" if text[:1] in (".", "'") else text


def pages() -> Iterator[tuple[str, str]]:
    """Each page with the name of its file."""
    from streamauth.cli.app import parser

    group: Any = typer.main.get_command(parser())
    names = sorted(group.commands)
    yield "streamauth.1", _page("streamauth", group, names)
    for name in names:
        yield f"streamauth-{name}.1", _page(f"streamauth {name}", group.commands[name], ())
    yield "streamauth.5", _settings()


def _head(name: str, section: int, summary: str) -> list[str]:
    title = name.replace(" ", "-")
    version = roff(f"streamauth {__version__}")
    return [
        f'.TH "{roff(title.upper())}" {section} "" "{version}" "streamauth"',
        ".SH NAME",
        f"{roff(title)} \\- {roff(summary[:1].lower() + summary[1:])}",
    ]


def _page(name: str, command: Any, others: Any) -> str:
    """The page of a command, of all commands below it, and of the pages of ``others`` in short."""
    context = command.make_context(name, [], resilient_parsing=True)
    first, _, rest = command.help.partition("\n")
    summary = re.split(r"[.:] ", first)[0].rstrip(".")
    lines = [*_head(name, 1, summary), ".SH SYNOPSIS", *_synopsis(name, command, context)]
    below = getattr(command, "commands", {})
    if below and not others:
        for child in below.values():
            lines += [".br", *_synopsis(f"{name} {child.name}", child, _context(child, name))]
    lines += [".SH DESCRIPTION", *_text(first), *_text(rest)]
    lines += _options(command, context)
    if others:
        lines.append(".SH COMMANDS")
        for other in others:
            told = below[other].help.partition("\n")[0]
            lines += [".TP", rf"\fB{roff(f'streamauth-{other}')}\fR(1)", roff(told)]
        lines += [".SH ENVIRONMENT", *_ENVIRONMENT, ".SH FILES", *_FILES, ".SH EXIT STATUS", *_EXITS]
    else:
        for child in below.values():
            lines += [".SH " + roff(f"{name} {child.name}"), *_text(child.help)]
            lines += _options(child, _context(child, name), heading=".SS Options")
    also = [rf"\fB{roff(page)}\fR({part})" for page, part in (("streamauth", 1), ("streamauth", 5))]
    lines += [".SH SEE ALSO", ", ".join(also[1:] if others else also) + ".", roff(_SEE_ALSO)]
    return "\n".join(lines) + "\n"


def _context(child: Any, name: str) -> Any:
    return child.make_context(f"{name} {child.name}", [], resilient_parsing=True)


def _synopsis(name: str, command: Any, context: Any) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    return [rf"\fB{roff(name)}\fR {roff(pieces)}"]


def _options(command: Any, context: Any, heading: str = ".SH OPTIONS") -> list[str]:
    rows = [record for item in command.get_params(context) if (record := item.get_help_record(context)) is not None]
    lines = [heading] if rows else []
    for left, right in rows:
        lines += [".TP", rf"\fB{roff(left)}\fR", roff(" ".join(right.split())) or "\\&"]
    return lines


def _text(text: str) -> list[str]:
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return [line for paragraph in paragraphs if paragraph for line in (".PP", roff(paragraph))]


def _settings() -> str:
    from streamauth.settings import all_settings, environment_name

    lines = [
        *_head("streamauth", 5, "settings of streamauth"),
        ".SH DESCRIPTION",
        roff(
            "In rising order of strength: default, `config.toml` in the data folder (`[section]`, `name = value`), "
            "the environment variable, the command line. `streamauth config` shows and checks them."
        ),
        ".SH SETTINGS",
    ]
    for section, item in all_settings():
        meta = item.metadata
        low, high = meta["low"], meta["high"]
        legal = ", ".join(meta["choices"]) or (f"{low:g} to {high:g}" if low is not None else "")
        default = item.default if item.default != "" else "empty"
        facts = "; ".join(filter(None, (f"default {default} {meta['unit']}".rstrip(), legal)))
        told = f"{meta['help']} ({facts}). Environment: `{environment_name(section, item.name)}`."
        lines += [".TP", rf"\fB{roff(f'{section}.{item.name}')}\fR", roff(told)]
    lines += [".SH SEE ALSO", r"\fBstreamauth\fR(1), \fBstreamauth\-config\fR(1)."]
    return "\n".join(lines) + "\n"


_ENVIRONMENT = [
    *(".TP", r"\fBSTREAMAUTH_HOME\fR", "The data folder, in place of the usual one of the system."),
    *(".TP", r"\fBSTREAMAUTH_\fISECTION\fB_\fINAME\fR", r"A setting; see \fBstreamauth\fR(5)."),
]
_FILES = [
    *(".TP", r"\fI~/.local/share/streamauth\fR", "The data folder: settings, profiles, audit log, models."),
    *(".TP", r"\fI/var/lib/streamauth\-login\fR", "That of the login daemon, readable by it alone."),
]
_EXITS = [
    line
    for code, told in (
        *((0, "accept, or success"), (1, "reject"), (2, "misuse or bad input"), (3, "undecided")),
        *((4, "internal failure"), (5, "enrollment not complete")),
    )
    for line in (".TP", rf"\fB{code}\fR", told)
]


def write(share: Path) -> list[Path]:
    """Write all of it; the files, relative to the folder."""
    made = {Path("man") / f"man{name[-1]}" / name: text for name, text in pages()}
    for shell, place in FOLDERS.items():
        made[Path(place)] = script(shell) + "\n"
    for file, text in made.items():
        (share / file).parent.mkdir(parents=True, exist_ok=True)
        (share / file).write_text(text, "utf-8")
    return sorted(made)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
