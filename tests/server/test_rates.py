"""Token buckets."""

from streamauth.server.rates import Buckets


def test_a_burst_and_then_the_rate() -> None:
    now_s = 0.0
    buckets = Buckets(2.0, 3.0, lambda: now_s)
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b"), "each has its own"
    now_s = 0.5
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    now_s = 1000.0
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


def test_a_dear_thing_empties_the_bucket() -> None:
    buckets = Buckets(0.0, 15.0, lambda: 0.0)
    assert buckets.take("a", 10)
    assert not buckets.take("a", 10)
    assert not buckets.take("a")


def test_there_are_never_too_many_buckets() -> None:
    buckets = Buckets(0.0, 1.0, lambda: 0.0)
    for name in range(20_002):
        assert buckets.take(name)
    assert not buckets.take(20_001)
    assert buckets.take(0), "the one that did nothing for longest is forgotten"
