"""REST: doors and who may pass them, for the operators of the default tenant alone."""

from pathlib import Path

import pytest

from streamauth.core.door.events import DoorMode, DoorState
from streamauth.store.api_keys import Scope
from tests.outputs.making import message
from tests.server.rig import Watched, server
from tests.server.web import Web, key_of

EVERYTHING = [
    ("GET", "/v1/doors", None),
    ("GET", "/v1/doors/front", None),
    ("POST", "/v1/doors/front/commands", {"command": "open"}),
    ("GET", "/v1/doors/front/commands/1", None),
    ("GET", "/v1/door-events", None),
    ("GET", "/v1/door-plan/people", None),
    ("PUT", "/v1/door-plan/people", {"csv": "name\nEve\n"}),
    ("POST", "/v1/door-plan/people/remove", {"name": "Ada"}),
]


def test_an_operators_day(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web, store = Web(url, key_of(watched, Scope.ADMIN)), watched.store
        assert web("GET", "/v1/doors").json == {"doors": []}
        store.doors.report("front", DoorState.HELD, DoorMode.NORMAL, problem=True)
        (door,) = web("GET", "/v1/doors").json["doors"]
        assert (door["name"], door["state"], door["problem"]) == ("front", "held", True)
        assert web("GET", "/v1/doors/back").code == "unknown_door"

        told = web("POST", "/v1/doors/front/commands", {"command": "open", "seconds": 10})
        assert told.status == 202
        address = f"/v1/doors/front/commands/{told.json['id']}"
        assert web("GET", address).json["taken"] is False
        assert [each.seconds for each in store.doors.take("front")] == [10]
        assert web("GET", address).json["taken"] is True

        people = "name,profile,pin\nAda,ada,2468\n"
        assert web("PUT", "/v1/door-plan/people", {"csv": people}).json == {"rows": 1}
        table = web("GET", "/v1/door-plan/people")
        assert table.headers["content-type"].startswith("text/csv")
        assert b"Ada,ada," in table.body
        assert b"2468" not in table.body
        refused = web("PUT", "/v1/door-plan/schedules", {"csv": "name,days,from,to\nx,mon,25:00,26:00\n"})
        assert (refused.status, refused.code) == (400, "bad_schedule")
        assert web("POST", "/v1/door-plan/people/remove", {"name": "Ada"}).status == 204
        assert web("POST", "/v1/door-plan/people/remove", {"name": "Ada"}).code == "unknown_person"

        store.outbox.record([message(1), message(2)], [])
        assert web("GET", "/v1/door-events?limit=1").body.count(b"\n") == 2
        assert web("GET", "/v1/door-events?door=back").body.count(b"\n") == 1


@pytest.mark.parametrize("scopes", [(Scope.VERIFY,), (Scope.ENROLL, Scope.VERIFY)])
def test_nothing_of_it_without_the_scope(tmp_path: Path, scopes: tuple[Scope, ...]) -> None:
    with server(tmp_path) as (url, watched):
        watched.store.doors.report("front", DoorState.LOCKED, DoorMode.NORMAL, problem=False)
        web = Web(url, key_of(watched, *scopes))
        for method, path, body in EVERYTHING:
            assert web(method, path, body).code == "forbidden", path
        assert watched.store.doors.take("front") == []


def test_nothing_of_it_for_another_tenant_or_without_a_key(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        watched.store.doors.report("front", DoorState.LOCKED, DoorMode.NORMAL, problem=False)
        for web in (Web(url, key_of(watched, Scope.ADMIN, tenant="shop")), Web(url)):
            for method, path, body in EVERYTHING:
                assert web(method, path, body).status in (401, 403), path
        assert watched.store.doors.take("front") == []


@pytest.mark.parametrize(
    "body",
    [{"command": "explode"}, {"command": "open", "seconds": 0}, {"command": "open", "seconds": 1e9}, {}, {"csv": "x"}],
)
def test_commands_that_are_none(running: tuple[str, Watched], body: object) -> None:
    url, watched = running
    watched.store.doors.report("front", DoorState.LOCKED, DoorMode.NORMAL, problem=False)
    assert Web(url)("POST", "/v1/doors/front/commands", body).status in (422, 400)
    assert watched.store.doors.take("front") == []
