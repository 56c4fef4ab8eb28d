"""A process that enrolls, decides, audits and rotates keys, killed at random points: what it confirmed must be there.

    python -m scripts.attack.kills [--kills 1000] [--store URL | --postgres] [--seed 1]

A child process works on a store and tells, by a pipe, what it is about to do and what is done. It is killed by SIGKILL
at a random moment, in a fifth of the cases while it opens the store. The next child opens the store, checks all of it
as ``streamauth store check`` does, with the whole audit log, and reads every fact that the ones before it told. What
was confirmed must hold, and what was under way must have happened wholly or not at all. The engines are quick fakes;
`--store` takes the URL of an empty database in the place of a new SQLite file. `--postgres` starts a PostgreSQL server
and kills that in every other case, with all its processes, while the child works. That server runs without fsync: what
a process that is killed has written stays with the kernel, so that only a crash of the machine, which this does not
try, could lose it. Exits with 1 where anything is lost.
"""

import argparse
import gc
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.attack.deeds import DEEDS, Facts, Worker
from tests.postgres import Server, drop_database, new_database

_MOST_DEEDS = 5
_MOMENT_S = 0.03
_PAST = 1.2
_OPENING_SHARE = 0.2
_OPENING_S = 0.15
_LONGEST_S = 600.0
_FRESH_EVERY = 50
_SERVER_SHARE = 0.5
_TOLD_EVERY = 50


@dataclass
class Toll:
    """What came of it.

    Attributes:
        kills: How many processes were killed.
        opening: How many of them before the store was open.
        servers: How many of them with the server of their store.
        done: What was confirmed, by kind.
        cut_off: What was under way at a kill, by kind.
        lost: What does not hold, in words.
        took_s: How long each kind took of late, so that the moment of a kill can lie anywhere in it.
    """

    kills: int = 0
    opening: int = 0
    servers: int = 0
    done: Counter[str] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    took_s: dict[str, float] = field(default_factory=dict)

    def print(self) -> None:
        """All of it."""
        told = f", {self.servers} with the server of the store" if self.servers else ""
        print(f"{self.kills} kills, {self.opening} of them while the store was opened{told}")
        print("confirmed:", ", ".join(f"{kind} {count}" for kind, count in sorted(self.done.items())))
        print("under way at a kill:", ", ".join(f"{kind} {count}" for kind, count in sorted(self.cut_off.items())))
        for each in self.lost[:20]:
            print("LOST", each)
        print("nothing lost" if not self.lost else f"{len(self.lost)} faults", flush=True)


class Believed:
    """What must be true of the store: for each fact the values that it may have."""

    def __init__(self) -> None:
        self.allowed: dict[str, list[Any]] = {}
        self.under_way: str | None = None

    def hear(self, told: dict[str, Any], toll: Toll) -> None:
        """Take a line of a child."""
        match told["kind"]:
            case "begin":
                self.under_way = told["deed"]
                for fact, value in (*told["facts"].items(), *told["between"]):
                    self.allowed.setdefault(fact, [told["before"].get(fact)]).append(value)
            case "done":
                self.under_way = None
                toll.done[told["deed"]] += 1
                self.allowed |= {fact: [value] for fact, value in told["facts"].items()}
            case "fault":
                toll.lost.append(told["text"])

    def compare(self, found: Facts, toll: Toll) -> None:
        """Hold what is found against it, and believe that from now on."""
        for fact, allowed in self.allowed.items():
            if found.get(fact) not in allowed:
                toll.lost.append(f"{fact}: {found.get(fact)!r} in the store, {allowed!r} was told")
        self.allowed = {fact: [found.get(fact)] for fact in self.allowed}


def kill(kills: int, seed: str, toll: Toll, url: str = "", server: Server | None = None) -> None:
    """Kill so many processes.

    Args:
        kills: How many.
        seed: What is done and when it is cut off follows from it, as far as the machine's own pace allows.
        toll: Where to count.
        url: Of the store; a new one every fifty kills if empty.
        server: Where these are made, to be killed in every other case; SQLite files if None.
    """
    rng = random.Random(seed)
    _warm_up(server)
    while toll.kills < kills:
        with _folder() as folder:
            believed = Believed()
            place = url or (new_database(server.url) if server is not None else "")
            until = kills if url else min(kills, toll.kills + _FRESH_EVERY)
            while toll.kills < until:
                _one(Path(folder), place, rng, believed, toll, server if rng.random() < _SERVER_SHARE else None)
                if toll.kills % _TOLD_EVERY == 0:
                    print(f"{toll.kills} kills, {len(toll.lost)} faults", flush=True)
            _last(Path(folder), place, believed, toll)
            if server is not None:
                drop_database(place)


def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108


def _warm_up(server: Server | None) -> None:
    """Do each deed once, so that no child spends its life on importing what this process can hand down."""
    for url in ("", *(() if server is None else (new_database(server.url),))):
        with _folder() as folder:
            worker = Worker(Path(folder), url, random.Random(0))
            worker.check()
            for name in ("create", *DEEDS):
                DEEDS[name](worker).do()
            worker.store.close()
        if url:
            drop_database(url)
    gc.collect()
    gc.freeze()


def _one(folder: Path, url: str, rng: random.Random, believed: Believed, toll: Toll, server: Server | None) -> None:
    """One process, from its start to its kill, or to that of its server."""
    child, lines = _begin(folder, url, rng.randrange(2**60), believed)
    early = rng.random() < _OPENING_SHARE
    left = 0 if early else rng.randint(0, _MOST_DEEDS)
    moment = rng.uniform(0, _PAST)
    opened, began_s = False, 0.0
    until = time.monotonic() + (moment * _OPENING_S if early else _LONGEST_S)
    while (rest_s := until - time.monotonic()) > 0 and (told := lines.next(rest_s)) is not None:
        if told["kind"] == "found":
            believed.compare(told["facts"], toll)
            opened = True
        else:
            believed.hear(told, toll)
        if told["kind"] == "done":
            toll.took_s[told["deed"]] = time.monotonic() - began_s
        # counted in deeds and not in time, so that a busy machine does as much
        if told["kind"] == "begin":
            began_s, left = time.monotonic(), left - 1
            if left == -1:
                until = began_s + moment * toll.took_s.get(told["deed"], _MOMENT_S)
    if server is not None:
        server.kill()
        toll.servers += 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while (told := lines.next(1.0)) is not None:
        if told["kind"] == "fault" and server is not None:
            continue  # what the child says of a server that is gone
        if told["kind"] == "found":
            believed.compare(told["facts"], toll)
            opened = True
        else:
            believed.hear(told, toll)
    lines.close()
    if server is not None:
        server.start()
    if not opened and not early and not toll.lost:
        toll.lost.append("a store did not open within ten minutes")
    toll.kills += 1
    toll.opening += not opened
    if opened and believed.under_way:
        toll.cut_off[believed.under_way] += 1
    believed.under_way = None


def _last(folder: Path, url: str, believed: Believed, toll: Toll) -> None:
    """Check once more what the last one left."""
    child, lines = _begin(folder, url, 0, believed)
    told = lines.next(_LONGEST_S)
    if told is None or told["kind"] != "found":
        toll.lost.append(f"the store does not open: {told}")
    else:
        believed.compare(told["facts"], toll)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lines.close()


class _Lines:
    """Lines of JSON from a pipe."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._rest = b""

    def next(self, timeout_s: float) -> dict[str, Any] | None:
        """The next one; None where none comes in time, or no more will."""
        while b"\n" not in self._rest:
            if not select.select([self._pipe], [], [], timeout_s)[0] or not (got := os.read(self._pipe, 65_536)):
                return None
            self._rest += got
        line, _, self._rest = self._rest.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told

    def close(self) -> None:
        os.close(self._pipe)


def _begin(folder: Path, url: str, seed: int, believed: Believed) -> tuple[int, _Lines]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, _Lines(reading)
    try:
        os.close(reading)
        _work(folder, url, seed, list(believed.allowed), writing)
    except BaseException:
        # whatever it is, the parent counts it; a killed one says nothing
        text = traceback.format_exc(limit=-4)
        os.write(writing, json.dumps({"kind": "fault", "text": text}).encode() + b"\n")
    finally:
        os._exit(0)


def _work(folder: Path, url: str, seed: int, facts: list[str], pipe: int) -> None:
    """The child: check, then do one thing after the other until killed."""

    def tell(**told: Any) -> None:
        os.write(pipe, json.dumps(told).encode() + b"\n")

    worker = Worker(folder, url, random.Random(seed))
    worker.check()
    tell(kind="found", facts=worker.found(facts))
    if not seed:
        time.sleep(_LONGEST_S)
    while True:
        name = worker.choice(DEEDS)
        deed = DEEDS[name](worker)
        tell(kind="begin", deed=name, facts=deed.facts, between=deed.between, before=worker.before(deed))
        deed.do()
        tell(kind="done", deed=name, facts=deed.facts)


def main() -> None:
    """Kill, check, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--store", default="", metavar="URL")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seed", default="1")
    arguments = parser.parse_args()
    toll, began = Toll(), time.monotonic()
    server = Server() if arguments.postgres else None
    try:
        kill(arguments.kills, arguments.seed, toll, arguments.store, server)
    finally:
        if server is not None:
            server.stop()
        toll.print()
        print(f"{time.monotonic() - began:.0f} s")
    sys.exit(bool(toll.lost))


if __name__ == "__main__":
    main()
