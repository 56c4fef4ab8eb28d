"""A long random walk through the door, against an account of its own: prints what was visited and what was violated.

python -m tests.core.door.walk --steps 1000000
"""

import argparse
import random
from collections import Counter
from dataclasses import dataclass, field

from streamauth.core.door.door import Door, DoorRule, Grant
from streamauth.core.door.events import DoorEvent, DoorEventKind, DoorMode, DoorState


class Walk:
    """A door, and beside it the least account that tells what it may do.

    The account knows nothing of the door's timers: only until when anything that happened may keep the lock released,
    and what the contact and the exit button told.
    """

    def __init__(self, rule: DoorRule) -> None:
        self.rule = rule
        self.door = Door(rule)
        self.now_ms = 0
        self.allowed_until_ms = 0
        self.exit_until_ms = 0
        self.mode = DoorMode.NORMAL
        self.is_open: bool | None = None
        self.open_since_ms = 0

    def wait(self, wait_ms: int) -> None:
        """Let time pass."""
        self.now_ms += wait_ms
        self._told(self.door.advance(self.now_ms))

    def grant(self, unlock_ms: int | None, stays: bool) -> None:
        """Somebody may pass."""
        told = self._told(self.door.grant(self.now_ms, Grant("ada", unlock_ms, stays_unlocked=stays)))
        refused = any(event.kind is DoorEventKind.DENIED for event in told)
        assert refused is (self.mode is DoorMode.LOCKDOWN)
        if not refused:
            self._allow(self.now_ms + (unlock_ms or self.rule.strike_ms))

    def exit(self) -> None:
        """The exit button."""
        self._told(self.door.request_exit(self.now_ms))
        self.exit_until_ms = max(self.exit_until_ms, self.now_ms + self.rule.exit_ms)
        if self.rule.exit_unlocks:
            self._allow(self.now_ms + self.rule.strike_ms)

    def move(self, is_open: bool) -> None:
        """The door contact."""
        released = self.door.unlocked and (self.mode is DoorMode.EVACUATION or self.now_ms < self.allowed_until_ms)
        told = self._told(self.door.contact(self.now_ms, is_open=is_open))
        if not self.rule.has_contact:
            return
        opens = is_open and self.is_open is False
        forced = any(event.kind is DoorEventKind.FORCED for event in told)
        if opens and not released and self.now_ms >= self.exit_until_ms:
            assert forced, "an opening without a grant is told"
        assert not forced or (opens and not released), "and only that"
        if opens:
            self.exit_until_ms = min(self.exit_until_ms, self.now_ms) if not forced else self.exit_until_ms
        self.is_open = is_open

    def set_mode(self, mode: DoorMode) -> None:
        """An operator changes the mode."""
        changes = mode is not self.mode
        self._told(self.door.set_mode(self.now_ms, mode))
        self.mode = mode
        if changes:
            self.allowed_until_ms = self.now_ms
            assert self.door.unlocked is (mode is DoorMode.EVACUATION)

    def revoke(self) -> None:
        """An operator ends what was granted."""
        self._told(self.door.revoke(self.now_ms))
        self.allowed_until_ms = self.now_ms
        assert self.door.unlocked is (self.mode is DoorMode.EVACUATION)

    def crash(self) -> None:
        """The process is killed and started again; its monotonic clock begins anew."""
        self.door = Door(self.rule, self.mode)
        self.mode = DoorMode.LOCKDOWN if self.mode is DoorMode.LOCKDOWN else DoorMode.NORMAL
        self.now_ms = self.allowed_until_ms = self.exit_until_ms = 0
        self.is_open = None
        assert not self.door.unlocked, "never open after a crash"

    def check(self) -> None:
        """Raises AssertionError where the door is not what the account allows."""
        door = self.door
        if door.unlocked:
            assert self.mode is DoorMode.EVACUATION or self.now_ms < self.allowed_until_ms, "released without a right"
        assert door.mode is self.mode
        assert door.state is not DoorState.FORCED or door.is_open
        assert door.state is not DoorState.HELD or door.is_open
        assert door.is_open is (self.is_open if self.rule.has_contact else None)
        assert door.next_ms is None or door.next_ms > self.now_ms, "a timer that is due was not carried out"

    def _allow(self, until_ms: int) -> None:
        self.allowed_until_ms = max(self.allowed_until_ms, until_ms)

    def _told(self, events: list[DoorEvent]) -> list[DoorEvent]:
        assert all(event.at_ms == self.now_ms for event in events)
        return events


@dataclass
class Found:
    """What a walk found.

    Attributes:
        steps: Steps taken.
        unlocked_steps: Steps after which the lock was released.
        crashes: Restarts.
        violations: Steps after which an invariant did not hold.
        states: Steps by the state after them.
    """

    steps: int
    unlocked_steps: int = 0
    crashes: int = 0
    violations: int = 0
    states: Counter[str] = field(default_factory=Counter)


def walk(steps: int, seed: int) -> Found:
    """Take so many random steps, through doors of all kinds."""
    rng = random.Random(seed)
    found = Found(steps)
    current = Walk(DoorRule())
    for step in range(steps):
        if step % 500 == 0:
            flags = [rng.random() < 0.8 for _ in range(3)]
            current = Walk(DoorRule(rng.randint(1, 20_000), rng.randint(1, 60_000), rng.randint(1, 20_000), *flags))
        try:
            found.crashes += _step(current, rng)
            current.check()
        except AssertionError:
            found.violations += 1
        found.unlocked_steps += current.door.unlocked
        found.states[current.door.state] += 1
    return found


def _step(current: Walk, rng: random.Random) -> bool:
    choice = rng.random()
    if choice < 0.4:
        current.wait(rng.choice((0, 1, rng.randint(0, 2_000), rng.randint(0, 40_000))))
    elif choice < 0.55:
        current.grant(rng.choice((None, rng.randint(1, 30_000))), rng.random() < 0.2)
    elif choice < 0.65:
        current.exit()
    elif choice < 0.93:
        current.move(rng.random() < 0.5)
    elif choice < 0.94:
        current.revoke()
    elif choice < 0.98:
        current.set_mode(rng.choice((DoorMode.NORMAL, DoorMode.NORMAL, *DoorMode)))
    else:
        current.crash()
        return True
    return False


def main() -> None:
    """Walk and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = walk(options.steps, options.seed)
    print(f"{found.steps} steps, {found.crashes} restarts, {found.violations} violations")
    print(f"lock released after {found.unlocked_steps} steps")
    print(", ".join(f"{state} {count}" for state, count in sorted(found.states.items())))


if __name__ == "__main__":
    main()
