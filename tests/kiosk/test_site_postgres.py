"""The site's PostgreSQL is killed and comes back: the kiosk goes on with its copy, and reconciles by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamauth.core.door.access import Permission, Person
from streamauth.settings import StoreSettings
from streamauth.store.door_plan import PersonRow
from streamauth.store.store import Store
from tests.kiosk.rig import DOOR
from tests.kiosk.site_rig import LIMITS, Clocks, Kept, Network, enroll, failures
from tests.postgres import Server, new_database

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that may be killed."""
    server = Server()
    yield server
    server.stop()


def test_a_database_that_is_killed_and_comes_back(own_server: Server, tmp_path: Path) -> None:
    at_site = StoreSettings(url=new_database(own_server.url), busy_timeout_s=30)
    with (
        Store.open(tmp_path / "site", at_site, {}) as site,
        Store.open(tmp_path / "near", StoreSettings(), {}) as near,
    ):
        enroll(site, "ada", 1)
        site.door_plan.put_people([PersonRow(Person("Ada", "ada"), pin="2468")])
        site.door_plan.replace_permissions([Permission("Ada", DOOR)])
        kept = Kept(tmp_path, near, Network(site), Clocks())
        with kept.door as door:
            assert kept.link.look()
            own_server.kill()
            assert not kept.link.look()
            assert kept.gate.decide("Ada") is None
            charged = near.attempts.begin(near.profiles.get("ada").id, LIMITS)
            assert charged
            own_server.start()
            assert kept.link.look()
            assert failures(site, "ada") == 1
            for each in door.outbox.log():
                kept.sink.deliver(each)
            assert {"cut_off", "granted"} <= {each.kind.value for each in site.outbox.log()}
            site.door_plan.remove_person("Ada")
            assert kept.link.look()
            assert near.profiles.ids() == []
