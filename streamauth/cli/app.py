"""The parser: names the commands, in the order of the help."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from streamauth.version import __version__

_COMMANDS = {
    "enroll": "enroll.enroll",
    "verify": "verify.verify",
    "identify": "identify.identify",
    "listen": "listen.listen",
    "phrase": "phrase.check",
    "profiles": "profiles.app",
    "prompt": "prompt.app",
    "models": "models.app",
    "serve": "serve.serve",
    "kiosk": "kiosk.kiosk",
    "doors": "doors.app",
    "stream": "stream.stream",
    "demo": "demo.demo",
    "evaluate": "evaluate.evaluate",
    "calibrate": "calibrate.calibrate",
    "config": "config.app",
    "microphones": "microphones.app",
    "doctor": "doctor.doctor",
    "completion": "completion.completion",
    "store": "store.app",
    "key": "key.app",
    "keys": "keys.app",
    "audit": "audit.app",
    "login": "login.app",
}
"""Each with its module here and its function there, or its commands. A function gives its exit code, or none for 0."""


def parser(arguments: Sequence[str] = ()) -> typer.Typer:
    """The parser of the command that the arguments begin with, which is made sooner; of all where they do not."""
    app = typer.Typer(
        name="streamauth",
        help="Real-time voice authentication: who speaks, and what is said. Exit codes: 0 accept or success, 1 reject, "
        "2 misuse or bad input, 3 undecided, 4 internal failure, 5 enrollment not complete.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for name in arguments[:1] if arguments and arguments[0] in _COMMANDS else _COMMANDS:
        module, attribute = _COMMANDS[name].split(".")
        found = getattr(import_module(f"streamauth.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"streamauth {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
