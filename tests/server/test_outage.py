"""A database that goes away under a running server, and comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from streamauth.store.records import EnrollmentRecord, ProfileKind
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, voiceprint
from tests.postgres import Server, new_database
from tests.server.processes import server_process
from tests.server.rig import ADA, PHRASE, Peer, settings, spoken, until
from tests.server.web import Web, wav

SCRIPT = """
import sys
from pathlib import Path
from streamauth.server.hosting import serve
from tests.server.rig import Watched
from tests.server.test_outage import configured
home = Path(sys.argv[1])
watched = Watched(home, configured((home / "url").read_text()))
serve(watched, watched.settings, lambda url: print(url, flush=True))
watched.close()
"""
SAID = spoken(PHRASE, ADA)
HALF = len(SAID) // 2 // 2 * 2


def configured(url: str) -> Settings:
    return settings().with_values({"store": {"url": url, "busy_timeout_s": 2.0}}, "tests")


@pytest.fixture
def database() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.mark.system
@pytest.mark.timeout(300)
def test_nothing_is_accepted_without_the_database_and_it_comes_back_by_itself(database: Server, tmp_path: Path) -> None:
    url = new_database(database.url)
    (tmp_path / "url").write_text(url)
    with Store.open(tmp_path, configured(url).store, {}) as store:
        profile = store.profiles.create("ada", ProfileKind.TEXT_INDEPENDENT)
        one = EnrollmentRecord(FakeEncoder.id, voiceprint(ADA)[None], 3.0, 4.0)
        store.enrollments.add(profile.id, one, voiceprint=one.voiceprint)
        _, key = store.api_keys.create("backend", list(Scope))
    verify, body = f"/v1/profiles/{profile.id}/verifications", wav(SAID)
    headers = {"Authorization": f"Bearer {key}"}
    with server_process(SCRIPT, tmp_path, ends_within_s=60) as address:
        web = Web(address, key)
        assert web("POST", verify, body).json["decision"] == "accept"
        with Peer(address, additional_headers=headers) as peer, Peer(address, additional_headers=headers) as other:
            peer.start()
            peer.send(SAID[:HALF])
            other.start("continuous")
            while peer.hear()["type"] != "speech_started":
                pass
            database.kill()
            peer.send(SAID[HALF:])
            assert peer.last()[0] == "store_unavailable"
            assert other.last()[0] == "store_unavailable"  # it can no more be seen whether its rights still hold
        refused = web("POST", verify, body)
        assert (refused.status, refused.code) == (503, "store_unavailable")
        with pytest.raises(InvalidStatus, match="503"):
            Peer(address, additional_headers=headers)
        until(lambda: web("GET", "/readyz").status == 503)
        assert "store_unavailable" in web("GET", "/readyz").json["why"][0]
        database.start()
        until(lambda: web("GET", "/readyz").status == 200)
        assert web("POST", verify, body).json["decision"] == "accept"
        with Peer(address, additional_headers=headers) as peer:
            peer.start()
            peer.send(SAID)
            assert peer.last()[0] == "accept"
    with Store.open(tmp_path, configured(url).store, {}) as store:
        # one row for each accept that was told, and none for what was cut off
        assert sum(entry.outcome == "accepted" for entry in store.audit.entries()) == 3
        store.maintenance.check()
