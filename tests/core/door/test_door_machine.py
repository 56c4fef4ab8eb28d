"""Whatever happens in whatever order, the lock is released only by right and in time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streamauth.core.door.door import DoorRule
from streamauth.core.door.events import DoorMode
from tests.core.door.walk import Walk, walk

TIMES_MS = st.integers(0, 70_000)
RULES = st.builds(
    DoorRule,
    strike_ms=st.integers(1, 20_000),
    held_ms=st.integers(1, 60_000),
    exit_ms=st.integers(1, 20_000),
    has_contact=st.booleans(),
    relock_on_opening=st.booleans(),
    exit_unlocks=st.booleans(),
)


class DoorMachine(RuleBasedStateMachine):
    """Drives a door together with an account of what it may do, kept apart from it."""

    def __init__(self) -> None:
        super().__init__()
        self.walk = Walk(DoorRule())

    @rule(built=RULES)
    def is_another_door(self, built: DoorRule) -> None:
        self.walk = Walk(built)

    @rule(wait_ms=TIMES_MS)
    def time_passes(self, wait_ms: int) -> None:
        self.walk.wait(wait_ms)

    @rule(unlock_ms=st.none() | st.integers(1, 60_000), stays=st.booleans())
    def grant(self, unlock_ms: int | None, stays: bool) -> None:
        self.walk.grant(unlock_ms, stays)

    @rule()
    def exit(self) -> None:
        self.walk.exit()

    @rule(is_open=st.booleans())
    def moves(self, is_open: bool) -> None:
        self.walk.move(is_open)

    @rule(mode=st.sampled_from(DoorMode))
    def mode(self, mode: DoorMode) -> None:
        self.walk.set_mode(mode)

    @rule()
    def revoke(self) -> None:
        self.walk.revoke()

    @rule()
    def crash(self) -> None:
        self.walk.crash()

    @invariant()
    def holds(self) -> None:
        self.walk.check()


TestDoorMachine = DoorMachine.TestCase
TestDoorMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_random_walk_finds_nothing() -> None:
    found = walk(20_000, seed=1)
    assert found.violations == 0
    assert found.unlocked_steps > 1_000, "the walk must visit what it checks"
    assert min(found.states.values()) > 100
