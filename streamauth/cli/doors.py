"""``streamauth doors``."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_INTERNAL, EXIT_OK, Output, counted, opened

if TYPE_CHECKING:
    from streamauth.store.doors import DoorStanding

app = typer.Typer(help="Doors: how they stand, commands, who may pass when, what happened.")

NameArgument = Annotated[str, typer.Argument(help="The door.")]
_TAKEN_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.1


# as of the service, which is not imported for the sake of the parser
TableArgument = Annotated[
    Literal["people", "permissions", "schedules", "holidays"], typer.Argument(help="Which table.")
]


@app.command("list")
def list_(store: options.Store = None, json: options.Json = False) -> None:
    """All doors and how they stood when they were last heard of."""
    output = Output(json)
    with opened(store) as authenticator:
        rows = [_described(door) for door in authenticator.store.doors.all()]
    output.listed(
        {"doors": rows},
        ("door", "state", "mode", "problem", "last heard of"),
        [(row["name"], row["state"], row["mode"], "yes" if row["problem"] else "", row["seen_at"]) for row in rows],
        whole=("door",),
        none="No doors. `streamauth kiosk` is one, once it runs.",
    )


@app.command()
def state(name: NameArgument, store: options.Store = None, json: options.Json = False) -> None:
    """How one door stands."""
    with opened(store) as authenticator:
        row = _described(authenticator.store.doors.get(name))
        waiting = authenticator.store.outbox.waiting(name)
    problem = ", something needs you" if row["problem"] else ""
    text = f"{row['state']}, {row['mode']}{problem}; heard of at {row['seen_at']}; {waiting} deliveries wait."
    Output(json).result(row | {"waiting": waiting}, text)


@app.command("open")
def open_(
    name: NameArgument,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="For how long; the strike time if not given.", show_default=False)
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> int:
    """Open a door from afar."""
    return _tell(name, "open", store, json, seconds)


@app.command()
def lock(name: NameArgument, store: options.Store = None, json: options.Json = False) -> int:
    """End what was opened: the lock falls back at once."""
    return _tell(name, "lock", store, json)


@app.command()
def lockdown(name: NameArgument, store: options.Store = None, json: options.Json = False) -> int:
    """Let nobody in until further notice, over restarts too. People may still leave."""
    return _tell(name, "lockdown", store, json)


@app.command()
def evacuate(name: NameArgument, store: options.Store = None, json: options.Json = False) -> int:
    """Release the lock until further notice. This is no fire release, which is wiring of its own."""
    return _tell(name, "evacuate", store, json)


@app.command()
def normal(name: NameArgument, store: options.Store = None, json: options.Json = False) -> int:
    """End lockdown or evacuation."""
    return _tell(name, "normal", store, json)


@app.command()
def forget(name: NameArgument, store: options.Store = None, json: options.Json = False) -> None:
    """Remove a door that is no more. Its events stay."""
    from streamauth.service.door_operator import DoorOperator

    with opened(store) as authenticator:
        DoorOperator(authenticator.store).forget(name)
    Output(json).result({"name": name, "forgotten": True}, f"The door {name} is forgotten.")


@app.command()
def events(
    door: Annotated[str | None, typer.Option("--door", help="Of this door alone.", show_default=False)] = None,
    days: Annotated[float, typer.Option("--days", help="Of the last days.")] = 7.0,
    store: options.Store = None,
) -> None:
    """What happened, as CSV on stdout, the oldest first."""
    from streamauth.service.door_tables import events_table

    with opened(store) as authenticator:
        since_ms = round((time.time() - days * 86_400) * 1000)
        for line in events_table(authenticator.store.outbox.log(door, since_ms)):
            sys.stdout.write(line)
    sys.stdout.flush()


@app.command("import")
def import_(
    table: TableArgument,
    file: Annotated[Path, typer.Argument(help="A CSV file; - is the standard input.")],
    replace: Annotated[bool, typer.Option("--replace", help="Remove people who are not in it.")] = False,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Read a table, all of it or nothing. Permissions, schedules and holidays replace what was there."""
    from streamauth.errors import BadPlan
    from streamauth.service.door_operator import DoorOperator
    from streamauth.service.door_tables import TableKind

    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = data.decode("utf-8")
    except OSError:
        raise BadPlan("The file cannot be read.") from None
    except UnicodeDecodeError:
        raise BadPlan("The file must be UTF-8.") from None
    with opened(store) as authenticator:
        count = DoorOperator(authenticator.store).import_table(TableKind(table), text, replace=replace)
    Output(json).result({"table": table, "rows": count}, f"{counted(count, 'row')} of {table}.")


@app.command("export")
def export(table: TableArgument, store: options.Store = None) -> None:
    """Write a table as CSV on stdout. PINs are not in it: nobody knows them."""
    from streamauth.service.door_tables import TableKind, export_table

    with opened(store) as authenticator:
        sys.stdout.write(export_table(authenticator.store.door_plan, TableKind(table)))
    sys.stdout.flush()


def _tell(name: str, action: str, store: str | None, json: bool, seconds: float | None = None) -> int:
    from streamauth.core.door.command import DoorAction
    from streamauth.service.door_operator import DoorOperator

    output = Output(json)
    with opened(store) as authenticator:
        doors = authenticator.store.doors
        taken = _taken(DoorOperator(authenticator.store).tell(name, DoorAction(action), seconds), doors)
    data: dict[str, Any] = {"name": name, "command": action, "taken": taken}
    text = f"The door {name} has taken the command."
    if not taken:
        text = f"The door {name} does not answer. The command is void: it is not carried out later."
    output.result(data, text)
    return EXIT_OK if taken else EXIT_INTERNAL


def _taken(command_id: int, doors: Any) -> bool:
    deadline = time.monotonic() + _TAKEN_WITHIN_S
    while not (taken := bool(doors.was_taken(command_id))) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    return taken or not doors.withdraw(command_id)


def _described(door: "DoorStanding") -> dict[str, Any]:
    return {
        "name": door.name,
        "state": door.state.value,
        "mode": door.mode.value,
        "problem": door.problem,
        "seen_at": door.seen_at.isoformat(timespec="seconds"),
    }
