from typing import Any

import typer

from streamauth.cli.app import parser


def commands(*arguments: str) -> dict[str, Any]:
    group: Any = typer.main.get_command(parser(arguments))
    return dict(group.commands)


def told(command: Any) -> Any:
    """All that the help of a command tells."""
    children = {name: told(child) for name, child in getattr(command, "commands", {}).items()}
    return command.help, [(parameter.opts, parameter.help) for parameter in command.params], children


def test_a_command_alone_is_what_it_is_among_all() -> None:
    every = commands()
    assert len(every) > 20
    for name, command in every.items():
        alone = commands(name, "--help")
        assert list(alone) == [name]
        assert told(alone[name]) == told(command)


def test_what_is_no_command_meets_all_of_them() -> None:
    every = list(commands())
    assert list(commands("verfy")) == every
    assert list(commands("--help")) == every
