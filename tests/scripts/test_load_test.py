import math

import pytest

from scripts.measure.load_test import largest


@pytest.mark.parametrize("holds", [1, 3, 8, 21, 64.5, 399])
@pytest.mark.parametrize(("first", "step"), [(8, 2.0), (40, 1.25)])
def test_the_most_streams_that_keep_the_limit(holds: float, first: int, step: float) -> None:
    asked: list[int] = []

    def p95_ms(streams: int) -> float:
        asked.append(streams)
        return 1000 * streams / holds

    assert largest(p95_ms, 1000.0, first, step) == pytest.approx(holds, rel=0.01)
    assert len(asked) == len(set(asked)) <= 16


def test_none_hold_where_each_is_too_slow_or_dropped() -> None:
    assert largest(lambda streams: 2000.0, 1000.0) == 0
    assert largest(lambda streams: 500.0 if streams <= 20 else math.inf, 1000.0) in (19, 20)
