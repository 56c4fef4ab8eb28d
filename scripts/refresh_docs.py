"""Writes docs/reference.md (commands, settings, reasons, errors) and docs/protocol-v1.schema.json, from the code.

python -m scripts.refresh_docs           write it
python -m scripts.refresh_docs --check   exit 1 where it is out of date
"""

import json
import sys
from pathlib import Path
from typing import Any

import typer.main

DOCS = Path(__file__).resolve().parents[1] / "docs"


def reference() -> str:
    """The whole page."""
    from streamauth.core.events import REASON_TEXTS, Reason
    from streamauth.errors import all_errors
    from streamauth.settings import all_settings, environment_name

    lines = ["# Reference", "", "Made by `python -m scripts.refresh_docs`; do not edit.", "", "## Settings", ""]
    lines += [
        "In rising order of strength: default, `config.toml` in the data folder (`[section]`, `name = value`), the "
        "environment variable, the command line.",
        "",
        "| setting | default | unit | range | what it is | environment |",
        "|---|---|---|---|---|---|",
    ]
    for section, item in all_settings():
        meta = item.metadata
        low, high = meta["low"], meta["high"]
        legal = ", ".join(meta["choices"]) or (f"{low:g} to {high:g}" if low is not None else "")
        default = item.default if item.default != "" else "(empty)"
        name = environment_name(section, item.name)
        lines.append(f"| {section}.{item.name} | {default} | {meta['unit']} | {legal} | {meta['help']} | `{name}` |")
    lines += ["", "## Reasons", "", "| code | sentence |", "|---|---|"]
    lines += [f"| `{reason}` | {REASON_TEXTS[reason]} |" for reason in Reason]
    lines += ["", "## Errors", "", "| code | exit code | retry may help | sentence |", "|---|---|---|---|"]
    for error in all_errors():
        retry = "yes" if error.retryable else ""
        lines.append(f"| `{error.code}` | {error.exit_code} | {retry} | {error.default_message} |")
    return "\n".join([*lines, "", "## Commands", "", *commands()])


def commands() -> list[str]:
    """Every command with its arguments and options."""
    from streamauth.cli.app import parser

    group: Any = typer.main.get_command(parser())
    lines = []
    for name, command in sorted(group.commands.items()):
        for child_name, child in sorted(getattr(command, "commands", {"": command}).items()):
            lines += [f"### streamauth {name} {child_name}".rstrip(), "", child.help, ""]
            lines += ["| argument or option | what it is |", "|---|---|"]
            for parameter in child.params:
                called = ", ".join(parameter.opts) if parameter.opts[0].startswith("-") else parameter.name.upper()
                lines.append(f"| `{called}`{' (required)' if parameter.required else ''} | {parameter.help} |")
            lines.append("")
    return lines


def pages() -> dict[str, str]:
    """What is made, by the name of its file in docs."""
    from scripts.protocol_schema import schema

    return {
        "reference.md": reference(),
        "protocol-v1.schema.json": json.dumps(schema(), indent=1, ensure_ascii=False) + "\n",
    }


def main() -> None:
    """Write or check."""
    made = pages()
    if "--check" in sys.argv:
        sys.exit(any((DOCS / name).read_text("utf-8") != text for name, text in made.items()))
    for name, text in made.items():
        (DOCS / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
