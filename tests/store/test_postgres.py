import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from streamauth.errors import BadSetting, StoreBusy, StoreError, StoreUnavailable
from streamauth.settings import AttemptSettings, StoreSettings
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.postgres import Server, new_database
from tests.store.helpers import assert_enrolled, enrolled, execute, opened

STORE_KINDS = ("postgres",)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that may be killed."""
    server = Server()
    yield server
    server.stop()


def test_a_database_that_is_away_is_told_and_comes_back_by_itself(own_server: Server, tmp_path: Path) -> None:
    url = new_database(own_server.url)
    with opened(tmp_path, StoreSettings(url=url, busy_timeout_s=30)) as store:
        anna = enrolled(store, "Anna", 1)
        charge = store.attempts.begin(anna.id, AttemptSettings())
        own_server.kill()
        for call in (
            lambda: store.profiles.get("Anna"),
            lambda: store.attempts.begin(anna.id, AttemptSettings()),
            lambda: store.gallery.enrolled("encoder-a"),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                call()
            assert caught.value.retryable
        with pytest.raises(StoreUnavailable):
            opened(tmp_path, StoreSettings(url=url))
        own_server.start()
        assert_enrolled(store, "Anna", 1)  # what was confirmed is there, on new connections
        assert store.attempts.begin(anna.id, AttemptSettings()).charge_id > charge.charge_id
        assert store.profiles.summaries()[0].failures == 2


def test_a_lock_that_is_held_for_too_long(store: Store, home: Path) -> None:
    anna = enrolled(store, "Anna", 1)
    with opened(home, StoreSettings(busy_timeout_s=0.2)) as hasty, store._sealed.write() as connection:
        store._sealed.database.lock(connection, "tenants")
        with pytest.raises(StoreBusy):
            hasty.tenants.create("north")
    assert store.profiles.get("Anna").id == anna.id


def test_a_host_that_vanishes_holds_locks_for_half_of_what_others_wait(store: Store, home: Path) -> None:
    """The server ends its transaction; nothing of it is done, and it is told so if it comes back."""

    def vanish_for_a_while(vanishing: Store) -> None:
        with vanishing._sealed.write() as connection:
            vanishing._sealed.database.lock(connection, "tenants")
            store.tenants.create("north")  # waits a second, not ten
            connection.execute(select(1))

    with opened(home, StoreSettings(busy_timeout_s=2)) as vanishing, pytest.raises(StoreUnavailable):
        vanish_for_a_while(vanishing)
    with opened(home, StoreSettings(busy_timeout_s=2)) as slow, slow._sealed.read() as connection:
        slow._sealed.database.patient(connection)
        time.sleep(1.5)
        assert connection.scalar(select(1)) == 1


@pytest.mark.parametrize(
    "place", ["postgresql+psycopg2://host/name", "postgresql+asyncpg://host/name", "mysql://host/x"]
)
def test_other_drivers_and_databases_are_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting):
        Store.open(tmp_path, StoreSettings(url=place), {})


def test_errors_hold_neither_the_address_nor_the_password(tmp_path: Path) -> None:
    place = "postgresql://MARKER-USER:MARKER-PASSWORD@127.0.0.1:9/MARKER-NAME"
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path, StoreSettings(url=place, busy_timeout_s=2), {})
    assert "MARKER" not in caught.value.message


def test_names_are_sorted_by_code_points(store: Store) -> None:
    for name in ("a", "Z", "Ä", "b", "_"):
        store.profiles.create(name, ProfileKind.TEXT_INDEPENDENT)
    found = [one.profile.name for one in store.profiles.summaries()]
    assert found == ["Z", "_", "a", "b", "Ä"]


def test_a_database_of_another_program_is_left_alone(home: Path) -> None:
    execute(home, "CREATE TABLE bookmarks (address text)")
    with pytest.raises(StoreError, match="not a streamauth store"):
        opened(home)
    assert execute(home, "SELECT count(*) FROM bookmarks") == [0]
