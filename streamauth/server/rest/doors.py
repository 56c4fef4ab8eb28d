"""REST: doors, who may pass them, and what happened. Scope: admin, of the default tenant, which owns the doors."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse

from streamauth.core.door.command import DoorAction
from streamauth.core.door.door import MAX_UNLOCK_MS
from streamauth.core.door.message import DoorMessage
from streamauth.server.context import Context
from streamauth.server.rest.part import Known, part_of_rest
from streamauth.service.door_operator import DoorOperator
from streamauth.service.door_tables import TableKind, events_table, export_table
from streamauth.store.doors import DoorStanding

DoorName = Annotated[str, Path(max_length=64, description="Name of the door.")]
_MAX_EVENTS = 10_000
_MAX_RECENT = 1000
_MAX_TABLE_CHARS = 4_000_000
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}


class DoorBody(BaseModel):
    """How a door stood when it was last heard of."""

    name: str
    state: Literal["locked", "granted", "open", "held", "forced"]
    mode: Literal["normal", "lockdown", "evacuation"]
    problem: bool
    seen_at: datetime


class DoorList(BaseModel):
    """All doors."""

    doors: list[DoorBody]


class NewCommand(BaseModel, extra="forbid"):
    """A command. What the door has not taken within ten seconds is void."""

    command: Literal["open", "lock", "lockdown", "evacuate", "normal"]
    seconds: float | None = Field(None, gt=0, le=MAX_UNLOCK_MS / 1000, description="For how long, with `open`.")


class CommandBody(BaseModel):
    """A command that was left for a door."""

    id: int
    taken: bool


class DoorEventBody(BaseModel):
    """What happened at a door."""

    place: int = Field(description="In the order of all events.")
    id: str
    door: str
    event: str
    at_ms: int
    person: str | None
    reason: str


class DoorLogBody(BaseModel):
    """Events of doors."""

    events: list[DoorEventBody]


class NewTable(BaseModel, extra="forbid"):
    """A table of who may pass when."""

    csv: str = Field(max_length=_MAX_TABLE_CHARS, description="The table, with a first line that names its columns.")
    replace: bool = Field(False, description="Remove people who are not in it.")


class PersonName(BaseModel, extra="forbid"):
    """Whom to remove."""

    name: str = Field(max_length=128)


class ImportedBody(BaseModel):
    """A table that was read."""

    rows: int


def door_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = part_of_rest("doors")
    store, pool = context.authenticator.store, context.store_pool

    @routes.get("/doors")
    async def list_doors(caller: Known) -> DoorList:
        """All doors, by name. Scope: admin."""
        caller.need_site()
        return DoorList(doors=[_described(door) for door in await pool.run(store.doors.all)])

    @routes.get("/doors/{name}")
    async def get_door(caller: Known, name: DoorName) -> DoorBody:
        """One door. Scope: admin."""
        caller.need_site()
        return _described(await pool.run(lambda: store.doors.get(name)))

    @routes.post("/doors/{name}/commands", status_code=202)
    async def tell_door(caller: Known, name: DoorName, given: NewCommand) -> CommandBody:
        """Leave a command for a door. Scope: admin."""
        caller.need_site()
        action = DoorAction(given.command)
        operator = DoorOperator(store, caller.key_id)
        number = await pool.run(lambda: operator.tell(name, action, given.seconds))
        return CommandBody(id=number, taken=False)

    @routes.get("/doors/{name}/commands/{number}")
    async def get_command(caller: Known, name: DoorName, number: Annotated[int, Path(ge=1, lt=2**63)]) -> CommandBody:
        """Whether a door has taken a command. Scope: admin."""
        caller.need_site()
        return CommandBody(id=number, taken=await pool.run(lambda: store.doors.was_taken(number)))

    @routes.get("/door-log")
    async def get_log(
        caller: Known,
        response: Response,
        door: Annotated[str | None, Query(max_length=64)] = None,
        after: Annotated[int, Query(ge=0, lt=2**62, description="Only events at later places in the order.")] = 0,
        limit: Annotated[int, Query(ge=1, le=_MAX_RECENT)] = 100,
    ) -> DoorLogBody:
        """The newest events, the newest first; ask again with the greatest `place` as `after`. Scope: admin."""
        caller.need_site()
        response.headers["Cache-Control"] = "no-store"
        found = await pool.run(lambda: store.outbox.recent(door, after, limit))
        return DoorLogBody(events=[_event(place, message) for place, message in found])

    @routes.get("/door-events", responses=_CSV, response_class=Response)
    async def get_events(
        caller: Known,
        door: Annotated[str | None, Query(max_length=64)] = None,
        since_ms: Annotated[int, Query(ge=0, lt=2**62, description="Milliseconds since the epoch.")] = 0,
        limit: Annotated[int, Query(ge=1, le=_MAX_EVENTS)] = 1000,
    ) -> PlainTextResponse:
        """What happened, as CSV, the oldest first. Scope: admin."""
        caller.need_site()

        def look() -> str:
            lines = []
            for line in events_table(store.outbox.log(door, since_ms)):
                lines.append(line)
                if len(lines) > limit:
                    break
            return "".join(lines)

        return PlainTextResponse(await pool.run(look), media_type="text/csv; charset=utf-8")

    @routes.get("/door-plan/{table}", responses=_CSV, response_class=Response)
    async def get_table(caller: Known, table: TableKind) -> PlainTextResponse:
        """A table of who may pass when, as CSV; without PINs. Scope: admin."""
        caller.need_site()
        text = await pool.run(lambda: export_table(store.door_plan, table))
        return PlainTextResponse(text, media_type="text/csv; charset=utf-8")

    @routes.put("/door-plan/{table}")
    async def put_table(
        caller: Known,
        table: TableKind,
        given: NewTable,
    ) -> ImportedBody:
        """Read a table from CSV, all of it or nothing. Scope: admin."""
        caller.need_site()
        operator = DoorOperator(store, caller.key_id)
        rows = await pool.run(lambda: operator.import_table(table, given.csv, replace=given.replace))
        return ImportedBody(rows=rows)

    @routes.post("/door-plan/people/remove", status_code=204, response_class=Response)
    async def remove_person(caller: Known, given: PersonName) -> None:
        """Remove a person with their PINs and permissions; their profile stays. Scope: admin."""
        caller.need_site()
        await pool.run(lambda: DoorOperator(store, caller.key_id).remove_person(given.name))

    return routes


def _event(place: int, message: DoorMessage) -> DoorEventBody:
    return DoorEventBody(
        place=place,
        id=message.id,
        door=message.door,
        event=message.kind.value,
        at_ms=message.at_ms,
        person=message.person,
        reason=message.reason,
    )


def _described(door: DoorStanding) -> DoorBody:
    return DoorBody(
        name=door.name, state=door.state.value, mode=door.mode.value, problem=door.problem, seen_at=door.seen_at
    )
