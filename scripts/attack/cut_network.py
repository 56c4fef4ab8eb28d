"""Two servers on two hosts, PostgreSQL on a third, clients on a fourth, while links between them are cut (for root).

    python -m scripts.attack.cut_network [--rounds 10]

Each host is a network namespace of this machine (iproute2). A link that is cut loses packets without a word. In each
round

1. a server is cut off from the database in the middle of somebody's attempt: that one must end without an accept,
   REST and readiness must answer 503, the other server must go on, and the first one come back by itself;
2. a session token is used while its server is cut off, and then again on both: it is worth one session at most;
3. clients are cut off from a server in the middle of an attempt: nothing is accepted that they do not hear, unless they
   had said all of it; afterwards they are served again;
4. profiles are made through both servers while a link to the database comes and goes: what was confirmed is there once;
5. an API key is revoked, and a profile deleted, through one server while sessions run on the other: they end, and how
   soon is told;
6. a key is revoked through one server while the other is cut off: its session ends without an accept.

In the end every accept that was told has its row in the audit log, and the whole store is checked. The engines are
quick fakes. Exits with 1 where anything of this does not hold.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError

from websockets.exceptions import ConnectionClosed

from scripts.attack.hosts import Hosts, possible
from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from streamauth.store.records import EnrollmentRecord, ProfileKind
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, voiceprint
from tests.postgres import Server, new_database
from tests.server.rig import ADA, AUDIO, BOB, PHRASE, Peer, settings, spoken
from tests.server.web import Answer, Web, wav

_NETWORKS = {"back": ("db", "one", "two"), "front": ("one", "two", "clients")}
_SERVERS = ("one", "two")
_SAID = spoken(PHRASE, ADA)
_HALF = len(_SAID) // 2 // 2 * 2
_TIMEOUT_S = 2.0
_PATIENCE_S = 60.0
_FLAPS = 2
_BETWEEN_S, _FLAP_S = 1.0, 3.5
_SCRIPT = """
import sys
from pathlib import Path
from scripts.attack.cut_network import configured
from streamauth.server.hosting import serve
from tests.server.rig import Watched
home, host = Path(sys.argv[1]), sys.argv[2]
watched = Watched(home, configured((home / "url").read_text(), host))
serve(watched, watched.settings, lambda url: print(url, flush=True))
watched.close()
"""


def configured(url: str, host: str = "127.0.0.1") -> Settings:
    """Of a server at an address, on a store."""
    plenty = {
        "key_rate_per_min": 100_000,
        "key_burst": 10_000,
        "address_rate_per_min": 100_000,
        "address_burst": 10_000,
    }
    used = settings(host=host, idle_timeout_s=5.0, access=plenty)
    return used.with_values({"store": {"url": url, "busy_timeout_s": _TIMEOUT_S}}, "cut network")


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        counts: What was seen, by kind.
        accepts: Accepts that clients were told.
        reached_s: After how long a revocation or deletion had reached the other host.
        faults: What does not hold, in words.
    """

    counts: Counter[str] = field(default_factory=Counter)
    accepts: int = 0
    reached_s: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def must(self, holds: bool, text: str) -> None:
        """Note a fault where something does not hold."""
        if not holds:
            self.faults.append(text)

    def print(self) -> None:
        """All of it."""
        print(", ".join(f"{kind} {count}" for kind, count in sorted(self.counts.items())))
        print(f"accepts told {self.accepts}, each with its row")
        if self.reached_s:
            print(f"revoked or deleted on the other host after {max(self.reached_s):.2f} s at the most")
        for each in self.faults:
            print("FAULT", each)
        print("all of it holds" if not self.faults else f"{len(self.faults)} faults", flush=True)


class Site:
    """The hosts with what runs on them."""

    def __init__(self, hosts: Hosts, urls: dict[str, str], store: Store, key: str, outcome: Outcome) -> None:
        self.hosts = hosts
        self.urls = urls
        self.store = store
        self.key = key
        self.outcome = outcome

    def new_key(self) -> tuple[str, str]:
        """A key of its own: (id, secret)."""
        known, secret = self.store.api_keys.create("another", list(Scope))
        return known.id, secret

    def web(self, server: str, method: str, path: str, body: Any = None) -> Answer | None:
        """Ask a server as a client does; None where no answer comes."""
        with self.hosts.on("clients"):
            try:
                return Web(self.urls[server], self.key)(method, path, body)
            except (URLError, OSError):
                return None

    @contextmanager
    def peer(self, server: str, key: str | None = None) -> Iterator[Peer]:
        """A client's stream."""
        with self.hosts.on("clients"):
            peer = Peer(self.urls[server], additional_headers={"Authorization": f"Bearer {key or self.key}"})
        try:
            yield peer
        finally:
            peer.socket.close_socket()

    def ready(self, server: str) -> bool:
        """Whether a server says that it is."""
        answer = self.web(server, "GET", "/readyz")
        return answer is not None and answer.status == 200

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for a condition; a fault where it does not come about."""
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                self.outcome.faults.append(f"{what} did not come about within a minute")
                return
            time.sleep(0.05)

    def accepted(self, server: str) -> bool:
        """Whether ada is accepted there now, by REST."""
        path = f"/v1/profiles/{self.store.profiles.get('ada').id}/verifications"
        answer = self.web(server, "POST", path, wav(_SAID))
        accepted = answer is not None and answer.status == 200 and answer.json["decision"] == "accept"
        self.outcome.accepts += accepted
        return accepted

    def ends(self, peer: Peer) -> str:
        """How a stream ends: its last decision or error; "silence" where nothing comes any more."""
        last = "nothing"
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                message = json.loads(peer.socket.recv(timeout=10))
            except TimeoutError:
                return "silence" if last == "nothing" else last
            except ConnectionClosed:
                return last
            if message["type"] in ("decision", "error"):
                last = str(message.get("code") or message["decision"])
                self.outcome.accepts += last == "accept"
        return last


def end_of_cut_attempt(site: Site, link: str) -> str:
    """How an attempt at the first server ends one of whose links is cut in the middle of it."""
    with site.peer("one") as peer:
        peer.start()
        peer.send(_SAID[:_HALF])
        site.hosts.cut("one", link)
        peer.send(_SAID[_HALF:])
        return site.ends(peer)


def database_cut(site: Site) -> None:
    """A server loses the database in the middle of an attempt."""
    outcome = site.outcome
    end = end_of_cut_attempt(site, "back")
    outcome.counts[f"attempt without database: {end}"] += 1
    outcome.must(end in ("store_unavailable", "store_busy", "undecided", "nothing"), f"an attempt ended by {end}")
    answer = site.web("one", "POST", f"/v1/profiles/{site.store.profiles.get('ada').id}/verifications", wav(_SAID))
    told = "no answer" if answer is None else f"{answer.status} {answer.code if answer.status != 200 else ''}"
    outcome.counts[f"request without database: {told}"] += 1
    outcome.must(answer is None or answer.status == 503, f"a request without database: {told}")
    site.until("not being ready", lambda: not site.ready("one"))
    outcome.must(site.accepted("two"), "the other server does not serve")
    site.hosts.heal("one", "back")
    site.until("being ready again", lambda: site.ready("one"))
    site.until("an accept after the cut", lambda: site.accepted("one"))


def token_cut(site: Site) -> None:
    """A session token that is used while the database goes."""
    made = site.web("two", "POST", "/v1/sessions", {"mode": "verify", "name": "ada", "audience": "tests"})
    token = made.json["token"] if made is not None and made.status == 201 else ""
    site.outcome.must(bool(token), "no token was made")
    accepts = 0
    cut = threading.Timer(0.01, site.hosts.cut, ("one", "back"))
    cut.start()
    for number, server in enumerate(("one", "one", "two")):
        if number == 1:
            cut.join()
            site.hosts.heal("one", "back")
            site.until("being ready again", lambda: site.ready("one"))
        with site.hosts.on("clients"):
            peer = Peer(site.urls[server])
        peer.say(
            type="start",
            version=1,
            mode="verify",
            name="ada",
            token=token,
            audio=AUDIO,
        )
        peer.send(_SAID)
        end = site.ends(peer)
        peer.socket.close_socket()
        accepts += end == "accept"
        site.outcome.counts[f"token: {end}"] += 1
    site.outcome.must(accepts <= 1, f"one token was good for {accepts} accepts")


def clients_cut(site: Site) -> None:
    """Clients lose a server in the middle of an attempt."""
    end = end_of_cut_attempt(site, "front")
    site.outcome.counts[f"attempt without server: {end}"] += 1
    site.outcome.must(end != "accept", "an accept came over a link that was cut")
    site.outcome.must(site.accepted("two"), "the other server does not serve")
    site.hosts.heal("one", "front")
    site.until("an accept after the cut", lambda: site.accepted("one"))


def profiles_made(site: Site, number: int) -> None:
    """Profiles are made through both servers while a link comes and goes."""
    stop, answers = threading.Event(), dict[str, int]()

    def make(server: str) -> None:
        count = 0
        while not stop.is_set():
            name = f"person {number} {server} {(count := count + 1)}"
            answer = site.web(server, "POST", "/v1/profiles", {"name": name})
            answers[name] = 0 if answer is None else answer.status

    threads = [threading.Thread(target=make, args=(server,)) for server in _SERVERS]
    for thread in threads:
        thread.start()
    for _ in range(_FLAPS):
        time.sleep(_BETWEEN_S)
        site.hosts.cut("one", "back")
        time.sleep(_FLAP_S)
        site.hosts.heal("one", "back")
    site.until("being ready again", lambda: site.ready("one"))
    stop.set()
    for thread in threads:
        thread.join()
    there = Counter(each.profile.name for each in site.store.profiles.summaries())
    for name, status in answers.items():
        site.outcome.counts[f"profile: {status or 'no answer'}"] += 1
        site.outcome.must(
            status != 201 or there[name] == 1, f"a profile that was confirmed is there {there[name]} times"
        )
        site.outcome.must(there[name] <= 1 and status in (0, 201, 503), f"a profile: {status}, {there[name]} times")


def taken_away(site: Site, number: int) -> None:
    """A key is revoked, and a profile deleted, through one server while sessions run on the other."""
    key_id, key = site.new_key()
    name = f"bob {number}"
    profile = site.store.profiles.create(name, ProfileKind.TEXT_INDEPENDENT)
    one = EnrollmentRecord(FakeEncoder.id, voiceprint(BOB)[None], 3.0, 4.0)
    site.store.enrollments.add(profile.id, one, voiceprint=one.voiceprint)
    for path, used, code in (
        (f"/v1/keys/{key_id}", key, "unauthorized"),
        (f"/v1/profiles/{profile.id}", None, "unknown_profile"),
    ):
        with site.peer("two", used) as peer:
            peer.start("continuous", name=name)
            peer.send(spoken(PHRASE, BOB)[:_HALF])
            began = time.monotonic()
            if used is None:
                answer = site.web("one", "DELETE", path)
                site.outcome.must(answer is not None and answer.status == 204, "a profile was not deleted")
            else:
                site.store.api_keys.revoke(key_id)
            end = site.ends(peer)
            site.outcome.reached_s.append(time.monotonic() - began)
            site.outcome.must(end == code, f"a session whose right was taken away ended by {end}")


def revoked_while_cut(site: Site) -> None:
    """A key is revoked while the server of its session is cut off from the database."""
    key_id, key = site.new_key()
    with site.peer("one", key) as peer:
        peer.start("continuous")
        peer.send(_SAID[:_HALF])
        site.hosts.cut("one", "back")
        site.store.api_keys.revoke(key_id)
        end = site.ends(peer)
        site.outcome.counts[f"revoked while cut off: {end}"] += 1
        site.outcome.must(end in ("store_unavailable", "store_busy", "unauthorized"), f"revoked while cut off: {end}")
    site.hosts.heal("one", "back")
    site.until("being ready again", lambda: site.ready("one"))


@contextmanager
def running(outcome: Outcome) -> Iterator[Site]:
    """The hosts, with their servers and a store that knows ada."""
    with ExitStack() as stack:
        hosts = stack.enter_context(Hosts(_NETWORKS))
        home = Path(stack.enter_context(TemporaryDirectory()))
        database = Server(hosts.address("db", "back"), hosts.namespace("db"))
        stack.callback(database.stop)
        beside = new_database(database.url)  # by its socket, which no cut reaches
        name = beside.partition("?")[0].rpartition("/")[2]
        (home / "url").write_text(f"postgresql://postgres@{hosts.address('db', 'back')}/{name}")
        store = stack.enter_context(Store.open(home, configured(beside).store, {}))
        profile = store.profiles.create("ada", ProfileKind.TEXT_INDEPENDENT)
        one = EnrollmentRecord(FakeEncoder.id, voiceprint(ADA)[None], 3.0, 4.0)
        store.enrollments.add(profile.id, one, voiceprint=one.voiceprint)
        _, key = store.api_keys.create("backend", list(Scope))
        urls = {}
        for server in _SERVERS:
            command = hosts.command(server, sys.executable, "-c", _SCRIPT, str(home), hosts.address(server, "front"))
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stdout is not None
            urls[server] = process.stdout.readline().strip()
        yield Site(hosts, urls, store, key, outcome)


def work(rounds: int, outcome: Outcome) -> None:
    """So many rounds, and the check of all that they left."""
    with running(outcome) as site:
        for number in range(rounds):
            database_cut(site)
            token_cut(site)
            clients_cut(site)
            profiles_made(site, number)
            taken_away(site, number)
            revoked_while_cut(site)
            print(f"round {number + 1}, {len(outcome.faults)} faults", flush=True)
        rows = sum(entry.outcome == "accepted" for entry in site.store.audit.entries())
        outcome.must(rows >= outcome.accepts, f"{outcome.accepts} accepts were told, {rows} are in the audit log")
        site.store.maintenance.check()


def main() -> None:
    """Cut, look, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    if not possible():
        parser.error("this needs root, iproute2 and a system that lets it make network namespaces")
    outcome = Outcome()
    began = time.monotonic()
    work(arguments.rounds, outcome)
    outcome.print()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(bool(outcome.faults))


if __name__ == "__main__":
    main()
