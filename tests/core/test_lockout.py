import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.lockout import Allowed, AttemptState, Delayed, Locked, delay_s, judge_attempt
from streamauth.settings import AttemptSettings

LIMITS = st.builds(
    AttemptSettings,
    free_failures=st.integers(0, 6),
    base_delay_s=st.floats(0, 3600),
    max_delay_s=st.floats(0, 86_400),
    lock_after=st.integers(1, 12),
)


def test_the_documented_course_of_failures() -> None:
    settings = AttemptSettings(free_failures=3, base_delay_s=2, max_delay_s=30, lock_after=9)
    assert [delay_s(failures, settings) for failures in range(9)] == [0, 0, 0, 2, 4, 8, 16, 30, 30]
    assert judge_attempt(AttemptState(2, 100.0), 100.0, settings) == Allowed()
    assert judge_attempt(AttemptState(3, 100.0), 100.5, settings) == Delayed(1.5)
    assert judge_attempt(AttemptState(3, 100.0), 102.0, settings) == Allowed()
    assert judge_attempt(AttemptState(8, 100.0), 130.0, settings) == Allowed()
    assert judge_attempt(AttemptState(9, 100.0), 1e9, settings) == Locked()


def test_without_a_failure_nothing_is_delayed() -> None:
    assert judge_attempt(AttemptState(), 0.0, AttemptSettings(free_failures=0)) == Allowed()


def test_with_no_free_failure_the_first_one_is_followed_by_the_base_delay() -> None:
    assert delay_s(1, AttemptSettings(free_failures=0, base_delay_s=5)) == 5


def test_a_lock_comes_before_a_delay() -> None:
    settings = AttemptSettings(free_failures=0, lock_after=1)
    assert judge_attempt(AttemptState(1, 100.0), 100.0, settings) == Locked()


def test_a_clock_set_back_opens_nothing_and_says_no_longer_wait_than_the_rule() -> None:
    settings = AttemptSettings(free_failures=1, base_delay_s=2)
    assert judge_attempt(AttemptState(1, 1e9), 0.0, settings) == Delayed(2.0)


@settings(derandomize=True, deadline=None)
@given(failures=st.integers(0, 10_000), limits=LIMITS)
def test_delays_never_shrink_and_never_pass_the_limit(failures: int, limits: AttemptSettings) -> None:
    assert 0 <= delay_s(failures, limits) <= delay_s(failures + 1, limits) <= limits.max_delay_s


@settings(derandomize=True, deadline=None)
@given(failures=st.integers(1, 30), now=st.floats(0, 2e5), limits=LIMITS)
def test_waiting_as_long_as_said_is_enough(failures: int, now: float, limits: AttemptSettings) -> None:
    state = AttemptState(failures, 1e5)
    verdict = judge_attempt(state, now, limits)
    if isinstance(verdict, Delayed):
        assert 0 < verdict.wait_s <= limits.max_delay_s
        later = max(now, 1e5) + verdict.wait_s + 1e-6  # the microsecond is for rounding
        assert judge_attempt(state, later, limits) == Allowed()
    else:
        assert isinstance(verdict, Locked) == (failures >= limits.lock_after)


@settings(derandomize=True, deadline=None)
@given(limits=LIMITS, pauses=st.lists(st.floats(0, 4000), max_size=60))
def test_no_sequence_of_failures_gets_more_tries_than_the_rule_allows(
    limits: AttemptSettings, pauses: list[float]
) -> None:
    tries: list[float] = []
    now = 1e6
    for pause in pauses:
        now += pause
        state = AttemptState(len(tries), tries[-1] if tries else None)
        if isinstance(judge_attempt(state, now, limits), Allowed):
            tries.append(now)
    assert len(tries) <= limits.lock_after
    # counted in another way than the rule does: by doubling step by step
    least, doubled = [], limits.base_delay_s
    for number in range(1, len(tries)):
        least.append(0.0 if number < max(limits.free_failures, 1) else min(doubled, limits.max_delay_s))
        if number >= max(limits.free_failures, 1):
            doubled *= 2
    for (before, after), wait in zip(itertools.pairwise(tries), least, strict=True):
        assert after - before == pytest.approx(wait, abs=1e-6) or after - before > wait


@settings(derandomize=True, deadline=None)
@given(
    limits=LIMITS.filter(lambda limits: min(limits.base_delay_s, limits.max_delay_s) >= 1),
    spread=st.floats(0, 0.001),
)
def test_tries_at_once_get_no_more_than_the_free_ones(limits: AttemptSettings, spread: float) -> None:
    allowed = 0
    for number in range(50):
        state = AttemptState(allowed, 1e6 if allowed else None)
        allowed += isinstance(judge_attempt(state, 1e6 + number * spread, limits), Allowed)
    assert allowed == min(max(limits.free_failures, 1), limits.lock_after)


def test_the_defaults_keep_to_nist_sp_800_63b() -> None:
    """3.2.3 of the fourth revision: five failures in a row, then at least 30 s before each next, at most 50 in all."""
    limits = AttemptSettings()
    assert limits.free_failures <= 5
    assert all(delay_s(failures, limits) >= 30 for failures in range(5, limits.lock_after))
    assert limits.lock_after <= 50
