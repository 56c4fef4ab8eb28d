"""One event of a door as it is kept and sent: the same fields in the log, to a webhook, by MQTT and to a command."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streamauth.core.door.events import DoorEventKind

UNLOGGED = frozenset({DoorEventKind.DURESS})
"""What is sent but neither logged nor shown, because whoever threatens somebody may look there."""


@dataclass(frozen=True, slots=True)
class DoorMessage:
    """One event of a door.

    Attributes:
        id: Unique; a receiver that gets it twice drops the second.
        door: Name of the door.
        kind: What happened.
        at_ms: When, in milliseconds since the epoch, UTC.
        person: Who, where somebody is known.
        reason: Why, as in ``DoorEvent``.
        area: For a passage: the area that was entered or left, else empty.
        direction: For a passage: ``in`` or ``out``, else empty.
    """

    id: str
    door: str
    kind: DoorEventKind
    at_ms: int
    person: str | None = None
    reason: str = ""
    area: str = ""
    direction: str = ""

    @property
    def at(self) -> str:
        """When, in ISO 8601 with milliseconds, UTC."""
        moment = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def as_dict(self) -> dict[str, Any]:
        """The fields that have a value, in JSON's types."""
        fields = {
            "id": self.id,
            "door": self.door,
            "event": self.kind.value,
            "at": self.at,
            "person": self.person,
            "reason": self.reason,
            "area": self.area,
            "direction": self.direction,
        }
        return {name: value for name, value in fields.items() if value}
