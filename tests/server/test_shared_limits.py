"""Two server processes on one database: no limit, lock or right is worth more because there are two."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from streamauth.store.records import EnrollmentRecord, ProfileKind
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, voiceprint
from tests.postgres import drop_database, new_database
from tests.server.processes import server_process
from tests.server.rig import ADA, AUDIO, BOB, PHRASE, STRANGER, Peer, settings, spoken
from tests.server.web import Web, wav

pytestmark = pytest.mark.system

SCRIPT = """
import sys
from pathlib import Path
from streamauth.server.hosting import serve
from tests.server.rig import Watched
from tests.server.test_shared_limits import configured
home = Path(sys.argv[1])
watched = Watched(home, configured((home / "url").read_text()))
serve(watched, watched.settings, lambda url: print(url, flush=True))
watched.close()
"""
LOCK_AFTER = 4
BURST = 6


def configured(url: str) -> Settings:
    """Few of everything, and hardly more in time."""
    access = {
        "address_burst": 400,
        "failed_identifications_burst": BURST,
        "failed_identifications_per_h": 1,
        "prompt_burst": BURST,
        "prompts_per_min": 1,
        "sessions_per_key": 3,
    }
    sections: dict[str, dict[str, Any]] = {
        "store": {"url": url},
        "attempts": {"free_failures": 1000, "lock_after": LOCK_AFTER, "charged_candidates": 1},
    }
    return settings(access=access).with_values(sections, "tests")


@dataclass(frozen=True)
class Pair:
    """Two servers on one database that knows ada, bob and eve."""

    urls: tuple[str, str]
    store: Store
    key: str
    failed_identifications: list[str] = field(default_factory=list)

    @property
    def webs(self) -> tuple[Web, Web]:
        return Web(self.urls[0], self.key), Web(self.urls[1], self.key)

    def new_key(self) -> str:
        return self.store.api_keys.create("another", list(Scope))[1]

    def peer(self, number: int, key: str | None = None) -> Peer:
        return Peer(self.urls[number], additional_headers={"Authorization": f"Bearer {key or self.key}"})


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    home = tmp_path_factory.mktemp("shared")
    url = new_database() if request.param == "postgres" else str(home / "streamauth.db")
    (home / "url").write_text(url)
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(home, configured(url).store, {}))
        for name, speaker in (("ada", ADA), ("bob", BOB)):
            profile = store.profiles.create(name, ProfileKind.TEXT_INDEPENDENT)
            record = EnrollmentRecord(FakeEncoder.id, voiceprint(speaker)[None], 3.0, 4.0)
            store.enrollments.add(profile.id, record, voiceprint=record.voiceprint)
        _, key = store.api_keys.create("backend", list(Scope))
        one, other = (stack.enter_context(server_process(SCRIPT, home, ends_within_s=60)) for _ in range(2))
        yield Pair((one, other), store, key)
    if request.param == "postgres":
        drop_database(url)


def test_a_lock_is_reached_over_both(pair: Pair) -> None:
    path = f"/v1/profiles/{pair.store.profiles.get('bob').id}/verifications"
    answers = [pair.webs[number % 2]("POST", path, wav(spoken(PHRASE, STRANGER))) for number in range(LOCK_AFTER + 2)]
    assert [answer.json.get("decision") for answer in answers] == ["reject"] * LOCK_AFTER + [None] * 2
    assert {answer.code for answer in answers[LOCK_AFTER:]} == {"profile_locked"}
    pair.store.attempts.unlock(pair.store.profiles.get("bob").id)


def test_prompts_are_counted_over_both(pair: Pair) -> None:
    drawn = [pair.webs[number % 2]("POST", "/v1/prompts", {"kind": "digits"}).status for number in range(BURST + 4)]
    assert drawn.count(201) == BURST
    assert set(drawn[BURST:]) == {429}


def test_sessions_of_a_key_are_counted_over_both(pair: Pair) -> None:
    key = pair.new_key()
    with ExitStack() as stack:
        peers = [stack.enter_context(pair.peer(number % 2, key)) for number in range(3)]
        for peer in peers:
            peer.start()
        for number in range(2):
            with pair.peer(number, key) as peer:
                peer.say(type="start", version=1, mode="verify", name="ada", audio=AUDIO)
                assert peer.last()[0] == "too_many_sessions"
        peers[0].say(type="cancel")
        peers[0].rest()
        deadline = time.monotonic() + 60
        while True:  # its place comes free on the other one
            with pair.peer(1, key) as peer:
                peer.say(type="start", version=1, mode="verify", name="ada", audio=AUDIO)
                heard = peer.hear()
            if heard["type"] == "ready":
                break
            assert time.monotonic() < deadline, heard
            time.sleep(0.1)  # each connection counts against the address of all tests here


def test_whoever_is_enrolled_on_one_is_found_on_the_other_at_once(pair: Pair) -> None:
    one, other = (Web(url, pair.new_key()) for url in pair.urls)
    assert other("POST", "/v1/identifications", wav(spoken(PHRASE, ADA))).json["name"] == "ada"
    made = one("POST", "/v1/profiles", {"name": "eve", "phrase": PHRASE}).json
    for _ in range(3):
        assert one("POST", f"/v1/profiles/{made['id']}/enrollments", wav(spoken(PHRASE, STRANGER))).status == 200
    assert other("POST", "/v1/identifications", wav(spoken(PHRASE, STRANGER))).json["name"] == "eve"
    assert one("DELETE", f"/v1/profiles/{made['id']}").status == 204
    assert other("POST", "/v1/identifications", wav(spoken(PHRASE, STRANGER))).json["decision"] == "reject"
    pair.failed_identifications.append("eve")


@pytest.mark.parametrize(
    ("mode", "taken"),
    [
        *(("verify", "key"), ("continuous", "key"), ("enroll", "key"), ("identify", "key")),
        # whom an identification names is read again before it does
        *(("verify", "profile"), ("continuous", "profile"), ("enroll", "profile")),
    ],
)
def test_running_sessions_on_one_end_with_rights_taken_on_the_other(pair: Pair, mode: str, taken: str) -> None:
    key, name = pair.new_key(), f"{mode} {taken}"
    made = pair.store.profiles.create(name, ProfileKind.TEXT_INDEPENDENT)
    record = EnrollmentRecord(FakeEncoder.id, voiceprint(ADA)[None], 3.0, 4.0)
    pair.store.enrollments.add(made.id, record, voiceprint=None if mode == "enroll" else record.voiceprint)
    with pair.peer(1, key) as peer:
        fields: dict[str, Any] = {} if mode == "identify" else {"name": name}
        if mode == "enroll":
            fields["text_independent"] = True
        peer.start(mode, **fields)
        if taken == "key":
            pair.store.api_keys.revoke(key.split("_")[1])
        else:
            assert pair.webs[0]("DELETE", f"/v1/profiles/{made.id}").status == 204
        # nothing is sent: it is told all the same
        gone = "voiceprint_changed" if mode == "enroll" else "unknown_profile"
        assert peer.last()[0] == ("unauthorized" if taken == "key" else gone)
    if taken == "key":
        pair.store.profiles.delete(made.id)


def test_failed_identifications_are_counted_over_both_and_accepted_ones_are_not(pair: Pair) -> None:
    key = pair.new_key()
    webs = [Web(url, key) for url in pair.urls]
    for web in webs:
        assert web("POST", "/v1/identifications", wav(spoken(PHRASE, ADA))).json["name"] == "ada"
    answers = [webs[number % 2]("POST", "/v1/identifications", wav(spoken(PHRASE, STRANGER))) for number in range(9)]
    # those of the same address that failed in other tests count, where this process ran them
    left = BURST - len(pair.failed_identifications)
    assert [answer.status for answer in answers] == [200] * left + [429] * (9 - left)
    # whoever would be named is refused as well: that would tell who is not
    assert webs[0]("POST", "/v1/identifications", wav(spoken(PHRASE, ADA))).status == 429
