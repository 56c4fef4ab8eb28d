"""What an operator does with doors, from any entrance: each step is in the audit log with the operator's name."""

from streamauth.core.door.command import DoorAction
from streamauth.service.door_tables import TableKind, import_table
from streamauth.store.audit import LOCAL
from streamauth.store.store import Store


class DoorOperator:
    """What one operator does.

    Args:
        store: Where doors and their plan are.
        by: The API key behind it; LOCAL for who is at this machine.
    """

    def __init__(self, store: Store, by: str | None = None) -> None:
        self._store = store
        self._by = by or LOCAL

    def tell(self, door: str, action: DoorAction, seconds: float | None = None) -> int:
        """Leave a command for a door; its number.

        Raises:
            UnknownDoor, DoorError: As ``Doors.tell``.
        """
        number = self._store.doors.tell(door, action, seconds)
        self._store.audit.note(f"door.{action.value}", subject=door, actor=self._by)
        return number

    def forget(self, door: str) -> None:
        """Remove a door that is no more.

        Raises:
            UnknownDoor: There is none of this name.
        """
        self._store.doors.forget(door)
        self._store.audit.note("door.forgotten", subject=door, actor=self._by)

    def import_table(self, kind: TableKind, text: str, *, replace: bool = False) -> int:
        """Read a table of who may pass when; how many rows it has.

        Raises:
            BadPlan, BadPin, BadSchedule: As ``door_tables.import_table``.
        """
        rows = import_table(self._store.door_plan, kind, text, replace=replace)
        self._store.audit.note("door_plan.changed", subject=kind.value, actor=self._by)
        return rows

    def remove_person(self, name: str) -> None:
        """Remove a person, their PINs and permissions.

        Raises:
            UnknownPerson: There is none of this name.
        """
        self._store.door_plan.remove_person(name)
        self._store.audit.note("door_plan.changed", subject=TableKind.PEOPLE.value, actor=self._by)
