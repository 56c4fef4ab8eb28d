"""Messages for the tests of outputs."""

from typing import Any

from streamauth.core.door.events import DoorEventKind
from streamauth.core.door.message import DoorMessage


def message(number: int = 1, kind: DoorEventKind = DoorEventKind.GRANTED, **fields: Any) -> DoorMessage:
    """A message; its id names its number."""
    usual: dict[str, Any] = {"at_ms": 1_780_000_000_000 + number, "person": "ada", "reason": "voice"}
    return DoorMessage(f"m-{number}", kind=kind, **({"door": "front door"} | usual | fields))
