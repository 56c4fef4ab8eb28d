"""The gate: may the recognized person pass here and now? Every answer is recorded."""

import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from streamauth.core.door.access import Direction, PassbackRule, passes_back
from streamauth.core.door.door import Grant
from streamauth.core.door.events import Denial, DoorEventKind
from streamauth.errors import StreamAuthError
from streamauth.kiosk.keeper import DoorKeeper
from streamauth.store.door_plan import DoorPlan
from streamauth.store.outbox import Outbox


@dataclass(frozen=True, slots=True)
class GateRule:
    """What is asked beyond the plan.

    Attributes:
        zone: Time zone of the door.
        passback: What is done when somebody passes twice the same way.
        area: Which area the door leads into or out of.
        direction: Which way this kiosk lets people through.
        forgive_after_s: Time after which a passage is forgotten, in seconds.
        extended_ms: Time that the lock is released for those who need it longer, in milliseconds.
    """

    zone: ZoneInfo
    passback: PassbackRule = PassbackRule.OFF
    area: str = ""
    direction: Direction = Direction.IN
    forgive_after_s: float = 43_200.0
    extended_ms: int = 15_000


@dataclass(eq=False, repr=False)
class Gate:
    """Decides on people, and has the keeper let them pass.

    Attributes:
        rule: What is asked beyond the plan.
        plan: Who may pass when; read anew for each visitor.
        outbox: Remembers passages.
        keeper: Works the door.
        clock: Seconds since the epoch.
        out_of_date: Whether the plan is too old to let anybody in by it.
    """

    rule: GateRule
    plan: DoorPlan
    outbox: Outbox
    keeper: DoorKeeper
    clock: Callable[[], float] = time.time
    _: KW_ONLY
    out_of_date: Callable[[], bool] = lambda: False

    def decide(self, name: str | None, *, duress: bool = False, reason: str = "voice") -> Denial | None:
        """Let a recognized person pass if they may; a failure never lets anybody pass.

        Returns:
            Why not; None where the lock is released.
        """
        try:
            denial = self._judge(name)
        except StreamAuthError:
            denial = Denial.FAILED
        if denial is not None:
            return self.deny(name, denial)
        person = self._people[name] if name is not None else None
        needs_time = person is not None and person.needs_time
        grant = Grant(name, self.rule.extended_ms if needs_time else None, reason=reason)
        return self.keeper.admit(grant, duress=duress)

    def deny(self, name: str | None, denial: Denial) -> Denial:
        """Record that somebody may not pass."""
        self.keeper.report(DoorEventKind.DENIED, name, denial)
        return denial

    def _judge(self, name: str | None) -> Denial | None:
        if self.out_of_date():
            return Denial.OUT_OF_DATE
        plan = self.plan.load()
        self._people = plan.people
        now_s = self.clock()
        local = datetime.fromtimestamp(now_s, UTC).astimezone(self.rule.zone)
        denial = plan.judge(name, self.keeper.name, local)
        rule = self.rule
        if denial is not None or name is None or rule.passback is PassbackRule.OFF or not rule.area:
            return denial
        last = self.outbox.last_passage(name, rule.area)
        if passes_back(last, rule.direction, now_s, rule.forgive_after_s):
            if rule.passback is PassbackRule.HARD:
                return Denial.PASSBACK
            self.keeper.report(DoorEventKind.PASSBACK, name)
        return None
