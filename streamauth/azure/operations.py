"""Operations of the first generation that continue after their request: kept for a day, in a limited number."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from streamauth.azure.refusals import Refusal
from streamauth.azure.shapes import timestamp
from streamauth.settings import AzureSettings


@dataclass
class Operation:
    """One operation.

    Attributes:
        verb: What it does: ``enroll`` or ``identify``.
        created_s: When it was asked for, in seconds since the epoch.
        acted_s: When it last moved on.
        status: As the API spells it.
        result: What came of it.
        message: Why nothing did.
    """

    verb: str
    created_s: float
    acted_s: float
    status: str = "notstarted"
    result: dict[str, Any] | None = field(default=None, repr=False)
    message: str | None = None

    def shown(self) -> dict[str, Any]:
        """As it is told."""
        data: dict[str, Any] = {
            "status": self.status,
            "createdDateTime": timestamp(datetime.fromtimestamp(self.created_s, UTC), 7),
            "lastActionDateTime": timestamp(datetime.fromtimestamp(self.acted_s, UTC), 7),
        }
        if self.status == "succeeded":
            data["processingResult"] = self.result
        elif self.status == "failed":
            data["message"] = self.message
        return data


class Operations:
    """The operations of all tenants, in memory: a server that starts anew has none.

    Args:
        settings: How long and how many.
        clock: Seconds since the epoch.
    """

    def __init__(self, settings: AzureSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._kept: dict[str, OrderedDict[str, Operation]] = {}

    def begin(self, tenant: str, verb: str) -> tuple[str, Operation]:
        """A new operation and its id."""
        self._forget()
        mine = self._kept.setdefault(tenant, OrderedDict())
        while len(mine) >= self._settings.max_operations:
            mine.popitem(last=False)
        operation = Operation(verb, self._clock(), self._clock())
        operation_id = str(uuid4())
        mine[operation_id] = operation
        return operation_id, operation

    def find(self, tenant: str, operation_id: str) -> Operation:
        """An operation of a tenant.

        Raises:
            Refusal: There is none, or no more.
        """
        self._forget()
        mine = self._kept.get(tenant)
        operation = mine.get(operation_id) if mine is not None else None
        if operation is None:
            raise Refusal(404, "NotFound", "No operation id found")
        return operation

    async def run(self, operation: Operation, work: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """Work on an operation to its end."""
        self._move(operation, "running")
        try:
            operation.result = await work()
        except Refusal as refusal:
            operation.message = refusal.message
            self._move(operation, "failed")
        else:
            self._move(operation, "succeeded")

    def _move(self, operation: Operation, status: str) -> None:
        operation.status = status
        operation.acted_s = max(operation.acted_s, self._clock())

    def _forget(self) -> None:
        oldest_s = self._clock() - self._settings.operation_hours * 3600
        for tenant, mine in list(self._kept.items()):
            while mine and next(iter(mine.values())).created_s < oldest_s:
                mine.popitem(last=False)
            if not mine:
                del self._kept[tenant]
