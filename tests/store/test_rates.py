from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from streamauth.store.database import Database
from streamauth.store.holds import LASTS_S, Holds
from streamauth.store.rates import Rate, Rates
from streamauth.store.store import Store
from tests.store.helpers import execute, opened

SLOW = Rate("test", 1 / 3600, 3.0)


@pytest.fixture
def at(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of the store."""
    return lambda now_s: monkeypatch.setattr(store._sealed.database, "_clock", lambda: now_s)


def test_a_burst_and_then_the_rate(store: Store, at: Callable[[float], None]) -> None:
    rate = Rate("test", 2.0, 3.0)
    at(100.0)
    assert [store.rates.take(rate, "a") for _ in range(4)] == [True, True, True, False]
    assert store.rates.take(rate, "b"), "each has its own"
    assert store.rates.take(Rate("other", 2.0, 3.0), "a"), "and each kind"
    at(100.5)
    assert [store.rates.take(rate, "a") for _ in range(2)] == [True, False]
    at(50.0)  # a clock that went back gives nothing
    assert not store.rates.take(rate, "a")
    at(1000.0)
    assert store.rates.take(rate, "a", 3)
    assert not store.rates.take(rate, "a")


def test_what_was_given_back_may_be_taken_again_and_no_more(store: Store, at: Callable[[float], None]) -> None:
    at(100.0)
    assert store.rates.take(SLOW, "a", 3)
    store.rates.give_back(SLOW, "a")
    assert [store.rates.take(SLOW, "a") for _ in range(2)] == [True, False]
    store.rates.give_back(SLOW, "a", 100)
    assert [store.rates.take(SLOW, "a") for _ in range(4)] == [True, True, True, False]


def test_where_there_is_not_enough_nothing_is_taken(store: Store, at: Callable[[float], None]) -> None:
    at(100.0)
    assert [store.rates.take(SLOW, "a", cost) for cost in (2, 2, 1, 1)] == [True, False, True, False]
    assert [store.rates.take(SLOW, "b", cost) for cost in (4, 3)] == [False, True], "more than a bucket holds"


def test_full_buckets_are_forgotten(store: Store, home: Path, at: Callable[[float], None]) -> None:
    at(100.0)
    store.rates.take(Rate("quick", 1.0, 3.0), "a", 2)
    store.rates.take(SLOW, "a")
    at(101.0)
    assert store.rates.forget() == 0
    at(103.0)
    assert store.rates.forget() == 1
    names = execute(home, "SELECT name FROM rates")
    assert len(names) == 1
    assert len(names[0]) == 64, "no name is written"


def test_of_many_who_take_at_once_as_many_get_something_as_there_is_room_for(store: Store, home: Path) -> None:
    """By two stores, as two processes have."""
    with opened(home) as other:
        got: list[bool] = []
        several = Rate("test", 1 / 3600, 7.0)

        def take(rates: Rates) -> None:
            got.extend(rates.take(several, "a") for _ in range(5))

        threads = [Thread(target=take, args=(one.rates,)) for one in (store, other) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False] * 13 + [True] * 7


class Process:
    """Holds something, beside others."""

    def __init__(self, database: Database) -> None:
        self.held: dict[str, int] = {}
        self.holds = Holds(database, lambda: dict(self.held))

    def grow(self, most: int, name: str = "key") -> bool:
        self.held[name] = self.held.get(name, 0) + 1
        if self.holds.grow({name: most}):
            return True
        self.held[name] -= 1
        return False

    def shrink(self, name: str = "key") -> None:
        self.held[name] -= 1
        self.holds.shrink([name])


def test_processes_share_the_places_of_a_name(store: Store) -> None:
    one, other = Process(store._sealed.database), Process(store._sealed.database)
    assert [one.grow(3), other.grow(3), one.grow(3), other.grow(3), one.grow(3)] == [True, True, True, False, False]
    assert other.grow(3, "another key")
    one.shrink()
    assert [other.grow(3), one.grow(3)] == [True, False]


def test_the_places_of_a_process_that_dies_come_free(store: Store, at: Callable[[float], None]) -> None:
    dead, alive = Process(store._sealed.database), Process(store._sealed.database)
    at(100.0)
    assert dead.grow(2)
    assert alive.grow(2)
    at(100.0 + LASTS_S - 1)
    alive.holds.renew()
    assert not alive.grow(2)
    at(100.0 + LASTS_S + 1)
    assert alive.grow(2)
    alive.holds.renew()
    assert not alive.grow(2)
    dead.holds.renew()  # it was not dead, only slow: it has what it has
    alive.shrink()
    assert not alive.grow(2)


def test_whoever_ends_gives_everything_back(store: Store, home: Path) -> None:
    one, other = Process(store._sealed.database), Process(store._sealed.database)
    assert one.grow(1)
    one.holds.close()
    assert other.grow(1)
    assert execute(home, "SELECT held FROM holds") == [1]
    assert len(execute(home, "SELECT name FROM holds")[0]) == 64


def test_the_last_place_is_taken_once(store: Store) -> None:
    processes = [Process(store._sealed.database) for _ in range(6)]
    got: list[bool] = []
    threads = [Thread(target=lambda each=each: got.append(each.grow(2))) for each in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 4 + [True] * 2
