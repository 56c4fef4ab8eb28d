"""``streamauth config``."""

import re
from typing import Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import Output

_PASSWORD = re.compile(r"(://[^:/@\s]*:)\S*@")

app = typer.Typer(help="Show the settings in force and where they come from, or check them.")


@app.command()
def show(
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
    json: options.Json = False,
) -> None:
    """Each setting in force, with its origin: default, config.toml or a variable of the environment."""
    from rich.table import Column, Table

    from streamauth.settings import all_settings, data_folder, environment_name, load_settings, origins

    output, settings, given = Output(json), load_settings(), origins()
    rows = [
        {
            "setting": f"{section}.{item.name}",
            "value": _shown(getattr(getattr(settings, section), item.name)),
            "unit": item.metadata["unit"],
            "origin": given.get((section, item.name), "default"),
            "variable": environment_name(section, item.name),
            "help": item.metadata["help"],
        }
        for section, item in all_settings()
        if not changed or (section, item.name) in given
    ]
    if json:
        output.result({"file": str(data_folder() / "config.toml"), "settings": rows}, "")
        return
    table = Table(Column("setting", no_wrap=True), Column("value", overflow="fold"), Column("from", overflow="fold"))
    for row in rows:
        style = "bold" if row["origin"] != "default" else None
        value = str(row["value"]) if row["value"] != "" else "(empty)"
        table.add_row(row["setting"], f"{value} {row['unit']}".rstrip(), row["origin"], style=style)
    output.console.print(table if rows else "All settings are at their defaults.")
    output.console.print(f"Settings are read from {data_folder() / 'config.toml'} and the environment.", markup=False)


def _shown(value: Any) -> Any:
    """A setting as people may see it: without the password of an address."""
    return _PASSWORD.sub(r"\1***@", value) if isinstance(value, str) else value


@app.command()
def check(json: options.Json = False) -> None:
    """Whether all settings can be used; exit code 2 and the first fault where they cannot."""
    from streamauth.settings import load_settings, origins

    load_settings()
    changed = len(origins())
    text = f"The settings are good; {changed} of them {'is' if changed == 1 else 'are'} not at their defaults."
    Output(json).result({"ok": True, "changed": changed}, text)
