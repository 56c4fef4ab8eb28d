import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.door.command import DoorAction, DoorCommand, Freshness, parse_command
from streamauth.errors import DoorError, StaleCommand

OPEN = DoorCommand(DoorAction.OPEN, 1_000.0, 5.0)


def test_a_command() -> None:
    payload = json.dumps({"command": "open", "seconds": 5, "at": "1970-01-01T00:16:40+00:00"})
    assert parse_command(payload.encode()) == OPEN
    assert parse_command(b'{"command": "lock", "at": "1970-01-01T01:16:40+01:00"}').issued_s == 1_000.0


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"open",
        b"[]",
        b"null",
        b'{"command": "open"}',
        b'{"command": "explode", "at": "1970-01-01T00:16:40+00:00"}',
        b'{"command": "open", "at": "1970-01-01T00:16:40"}',
        b'{"command": "open", "at": 1000}',
        b'{"command": "open", "at": "1970-01-01T00:16:40+00:00", "seconds": "5"}',
        b'{"command": "open", "at": "1970-01-01T00:16:40+00:00", "seconds": true}',
        b'{"command": "open", "at": "1970-01-01T00:16:40+00:00", "seconds": -1}',
        b'{"command": "open", "at": "1970-01-01T00:16:40+00:00", "seconds": 1e9}',
        b'{"command": "open", "at": "1970-01-01T00:16:40+00:00", "seconds": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_none(payload: bytes) -> None:
    with pytest.raises(DoorError):
        parse_command(payload)


@given(st.binary(max_size=60))
def test_no_bytes_get_through(payload: bytes) -> None:
    with pytest.raises(DoorError):
        parse_command(payload)


def test_a_fresh_command_is_taken_once() -> None:
    fresh = Freshness()
    fresh.check(OPEN, 1_005.0)
    with pytest.raises(StaleCommand):
        fresh.check(OPEN, 1_005.0)
    fresh.check(DoorCommand(DoorAction.OPEN, 1_001.0), 1_005.0)


@pytest.mark.parametrize("now_s", [1_010.1, 989.9, 1e9])
def test_a_command_of_another_time_is_refused(now_s: float) -> None:
    with pytest.raises(StaleCommand):
        Freshness().check(OPEN, now_s)


def test_a_retained_command_is_refused_however_fresh() -> None:
    with pytest.raises(StaleCommand):
        Freshness().check(OPEN, 1_000.0, retained=True)
