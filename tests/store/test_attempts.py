import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.lockout import AttemptOutcome, AttemptState, Delayed, Locked, judge_attempt
from streamauth.errors import AttemptDelayed, ProfileLocked, UnknownProfile
from streamauth.settings import AttemptSettings
from streamauth.store.attempts import AttemptToken
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.store.helpers import at, failures, opened, python, run_killed

RULE = AttemptSettings(free_failures=2, base_delay_s=10, max_delay_s=1000, lock_after=5)
COUNT_ONLY = AttemptSettings(free_failures=1000, lock_after=5)


@pytest.fixture
def anna(store: Store) -> str:
    return store.profiles.create("Anna", ProfileKind.TEXT_DEPENDENT).id


def test_an_attempt_is_charged_when_it_begins(store: Store, anna: str) -> None:
    assert failures(store, anna) == AttemptState()
    at(store, 100.0).attempts.begin(anna, RULE)
    assert failures(store, anna) == AttemptState(1, 100.0)
    assert store.profiles.summaries()[0].failures == 1


def test_a_reject_leaves_the_charge(store: Store, anna: str) -> None:
    store.attempts.finish(at(store, 100.0).attempts.begin(anna, RULE), AttemptOutcome.REJECTED)
    assert failures(store, anna) == AttemptState(1, 100.0)


def test_an_accept_clears_all_charges(store: Store, anna: str) -> None:
    at(store, 100.0).attempts.begin(anna, RULE)
    store.attempts.finish(at(store, 101.0).attempts.begin(anna, RULE), AttemptOutcome.ACCEPTED)
    assert failures(store, anna) == AttemptState()


def test_an_attempt_without_evidence_is_given_back_exactly(store: Store, anna: str) -> None:
    at(store, 100.0).attempts.begin(anna, RULE)
    token = at(store, 200.0).attempts.begin(anna, RULE)
    store.attempts.finish(token, AttemptOutcome.NO_EVIDENCE)
    assert failures(store, anna) == AttemptState(1, 100.0)


def test_a_token_counts_once(store: Store, anna: str) -> None:
    void = at(store, 100.0).attempts.begin(anna, RULE)
    store.attempts.finish(void, AttemptOutcome.NO_EVIDENCE)
    at(store, 101.0).attempts.begin(anna, RULE)
    store.attempts.finish(void, AttemptOutcome.NO_EVIDENCE)
    store.attempts.finish(void, AttemptOutcome.ACCEPTED)
    assert failures(store, anna) == AttemptState(1, 101.0)


def test_an_accept_leaves_attempts_charged_that_began_later(store: Store, anna: str) -> None:
    good = at(store, 100.0).attempts.begin(anna, COUNT_ONLY)
    at(store, 101.0).attempts.begin(anna, COUNT_ONLY)
    store.attempts.finish(good, AttemptOutcome.ACCEPTED)
    assert failures(store, anna) == AttemptState(1, 101.0)


def test_the_delay_and_its_message(store: Store, anna: str) -> None:
    for now in (100.0, 101.0):
        at(store, now).attempts.begin(anna, RULE)
    with pytest.raises(AttemptDelayed, match=r"Wait 8 s"):
        at(store, 103.5).attempts.begin(anna, RULE)
    assert failures(store, anna).failures == 2
    at(store, 111.0).attempts.begin(anna, RULE)


def test_the_lock_and_its_opening(store: Store, anna: str) -> None:
    for now in range(5):
        at(store, now * 1000.0).attempts.begin(anna, RULE)
    with pytest.raises(ProfileLocked):
        at(store, 1e9).attempts.begin(anna, RULE)
    store.attempts.unlock(anna)
    at(store, 1e9).attempts.begin(anna, RULE)


def test_a_reset_does_not_unlock(store: Store, anna: str) -> None:
    at(store, 100.0).attempts.begin(anna, RULE)
    store.profiles.reset(anna)
    assert failures(store, anna).failures == 1


def test_profiles_are_counted_apart(store: Store, anna: str) -> None:
    ben = store.profiles.create("Ben", ProfileKind.TEXT_DEPENDENT).id
    mine = at(store, 100.0).attempts.begin(anna, RULE)
    at(store, 100.0).attempts.begin(ben, RULE)
    store.attempts.finish(mine, AttemptOutcome.ACCEPTED)
    assert failures(store, ben) == AttemptState(1, 100.0)


def test_an_unknown_profile(store: Store, anna: str) -> None:
    token = at(store, 100.0).attempts.begin(anna, RULE)
    store.profiles.delete(anna)
    store.attempts.finish(token, AttemptOutcome.ACCEPTED)
    for call in (lambda: at(store, 100.0).attempts.begin(anna, RULE), lambda: store.attempts.unlock(anna)):
        with pytest.raises(UnknownProfile):
            call()


@pytest.mark.system
def test_the_charge_of_a_killed_process_stays(store: Store, anna: str, home: Path) -> None:
    code = """
store = opened(home)
from streamauth.settings import AttemptSettings
at(store, 100.0).attempts.begin(arguments[0], AttemptSettings())
die()
"""
    run_killed(code, home, anna)
    assert failures(store, anna) == AttemptState(1, 100.0)


@pytest.mark.parametrize(("rule", "allowed"), [(RULE, 2), (COUNT_ONLY, 5)])
def test_threads_at_once_get_no_more_than_the_rule_allows(
    store: Store, anna: str, rule: AttemptSettings, allowed: int
) -> None:
    barrier = threading.Barrier(12)

    def attempt(_: int) -> bool:
        barrier.wait()
        try:
            at(store, 100.0).attempts.begin(anna, rule)
        except (AttemptDelayed, ProfileLocked):
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(attempt, range(12))) == allowed
    assert failures(store, anna).failures == allowed


@pytest.mark.system
def test_processes_at_once_get_no_more_than_the_rule_allows(store: Store, anna: str, home: Path) -> None:
    code = """
from streamauth.errors import ProfileLocked
from streamauth.settings import AttemptSettings
store = opened(home)
print("ready", flush=True)
sys.stdin.readline()
allowed = 0
for _ in range(20):
    try:
        at(store, 100.0).attempts.begin(arguments[0], AttemptSettings(free_failures=1000, lock_after=20))
        allowed += 1
    except ProfileLocked:
        pass
print(allowed, flush=True)
"""
    processes = [python(code, home, anna) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(results) == 20 == failures(store, anna).failures


class _Model:
    """The rule, followed by hand in a list of charges."""

    def __init__(self) -> None:
        self.charges: list[tuple[AttemptToken, float]] = []

    def state(self) -> AttemptState:
        return AttemptState(len(self.charges), max((at for _, at in self.charges), default=None))

    def finish(self, token: AttemptToken, outcome: AttemptOutcome) -> None:
        if outcome is AttemptOutcome.ACCEPTED:
            self.charges = [item for item in self.charges if item[0].charge_id > token.charge_id]
        elif outcome is AttemptOutcome.NO_EVIDENCE:
            self.charges = [item for item in self.charges if item[0] != token]


NUMBERS = itertools.count()
STEP = st.one_of(
    st.tuples(st.just("begin"), st.floats(0, 50)),
    st.tuples(st.sampled_from(list(AttemptOutcome)), st.integers(0, 30)),
)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with opened(tmp_path_factory.mktemp("home")) as store:
        yield store


@settings(max_examples=40, derandomize=True, deadline=None)
@given(steps=st.lists(STEP, max_size=25))
def test_no_interleaving_gets_more_tries_than_the_rule_allows(
    shared_store: Store, steps: list[tuple[Any, Any]]
) -> None:
    store, model = shared_store, _Model()
    profile_id = store.profiles.create(f"{next(NUMBERS)}", ProfileKind.TEXT_DEPENDENT).id
    begun: list[AttemptToken] = []
    now = 1e6
    for kind, value in steps:
        if kind == "begin":
            now += value
            expected = judge_attempt(model.state(), now, RULE)
            if isinstance(expected, Locked | Delayed):
                with pytest.raises(ProfileLocked if isinstance(expected, Locked) else AttemptDelayed):
                    at(store, now).attempts.begin(profile_id, RULE)
                continue
            token = at(store, now).attempts.begin(profile_id, RULE)
            begun.append(token)
            model.charges.append((token, now))
        elif begun:
            token = begun[value % len(begun)]
            store.attempts.finish(token, kind)
            model.finish(token, kind)
        assert failures(store, profile_id) == model.state()
        assert len(model.charges) <= RULE.lock_after
