"""Fuzzing of every entrance: what is sent is well formed at first and then bent; what comes back is judged.

    python -m scripts.attack.fuzz [--count 1000000] [--sockets 10000] [--processes 1] [--seed 1] [--only PART]

Most requests and messages go to the application without sockets, with quick fakes in the place of the engines, so that
a million takes an hour of one processor core: in parts, each by a new process with a new application. `--sockets` of
them go to ``streamauth serve`` with the real engines. All settings are the default ones but for how often somebody may
ask. A request, a message of a stream and a line to the login daemon count as one each. A finding is:

- a status of 500 or above other than 503, an exception that leaves the application, or no end for a quarter of an hour;
- a log record of an unexpected error, or one that holds a traceback, a name, a key or anything that was sent;
- an answer that holds a key or the name of an owner of a voice that was not sent, or an error that repeats what was;
- an accept of somebody whose voice is not known, for an owner;
- memory that grows: in a part by more than 40 MB after its first tenth, at the server's process by more than 150 MB;
- a server that is not ready at the end.

Exits with 1 where there is one. A part is sent again by its number and the seed.
"""

import argparse
import asyncio
import gc
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from scripts.attack.odd import MARK
from scripts.attack.process import ServerProcess
from scripts.attack.shots import Known, Lines, Request, Shot, Shots, Talk
from scripts.attack.targets import OWNERS, UNHEARD_OF, Answer, InProcess, LoginDaemon
from scripts.measure.memory import resident_mb

_PART = 20_000
_SIDE_BY_SIDE = 16
_REST_EVERY = 200
_MOST_GROWTH_MB = 150.0
_MOST_GROWTH_OF_PART_MB = 40.0


@dataclass
class Findings:
    """What was found, each kind once with an example.

    Attributes:
        shots: How many connections or requests were sent.
        messages: How many requests, messages and lines.
        answers: Statuses and codes of what came back.
        kinds: How often each finding came.
        examples: The first of each.
        growth_mb: By how much memory grew in the part that grew most, after its first tenth.
    """

    shots: int = 0
    messages: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    growth_mb: float = 0.0

    def add(self, kind: str, example: str) -> None:
        """One more."""
        self.kinds[kind] += 1
        if kind not in self.examples:
            self.examples[kind] = example[:2000]
            print(f"FOUND {kind}\n    {example[:1000]!r}", flush=True)

    def join(self, part: "Findings") -> None:
        """Take those of a part."""
        self.shots += part.shots
        self.messages += part.messages
        self.answers += part.answers
        self.kinds += part.kinds
        self.examples = part.examples | self.examples
        self.growth_mb = max(self.growth_mb, part.growth_mb)

    def grown(self, base_mb: float, used_mb: float, most_mb: float) -> None:
        """Note how memory grew."""
        self.growth_mb = max(self.growth_mb, used_mb - base_mb)
        if used_mb - base_mb > most_mb:
            self.add("memory grows", f"{base_mb:.0f} MB -> {used_mb:.0f} MB")

    def judge(self, shot: Shot, answer: Answer, known: Known) -> None:
        """Look at an answer."""
        self.shots += 1
        self.messages += 1 if isinstance(shot, Request) else max(1, _size(shot))
        sent, said = shot.text(), answer.said
        where = (
            f"{shot.key} {sent[:600]!r} -> {answer.status} {said[:600]!r}"
            if not isinstance(shot, Lines)
            else repr(shot)
        )
        self.answers[f"{type(shot).__name__} {answer.status} {_code(answer)}"] += 1
        if answer.failure:
            self.add(answer.failure, where)
        if answer.status >= 500 and answer.status != 503:
            self.add(f"status {answer.status}", where)
        if '"internal_error"' in said:
            self.add("internal error", where)
        for secret in known.keys.values():
            if len(secret) > 10 and secret in said and secret not in sent:
                self.add("a key is told", where)
        if UNHEARD_OF in said:
            self.add("an owner's name is told", where)
        refused = answer.status >= 400 or '"error"' in said or '"refused"' in said
        # whoever chooses a phrase is told which of its words cannot be used
        if MARK in said and refused and isinstance(shot, Request) and _code(answer) != "unknown_word":
            self.add("an error repeats what was sent", where)
        accepted = '"accept"' in said or '"Accept"' in said
        if accepted and (isinstance(shot, Lines) or shot.key != "own"):
            self.add("an accept", where)

    def print(self) -> None:
        """All of it."""
        print(f"{self.messages} requests, messages and lines in {self.shots} requests and connections")
        print("answers:", ", ".join(f"{what}: {count}" for what, count in self.answers.most_common(60)))
        print(f"memory grew by {self.growth_mb:.0f} MB at most")
        for kind, count in self.kinds.most_common():
            print(f"FOUND {count} x {kind}\n    first: {self.examples[kind]}")
        print("nothing found" if not self.kinds else f"{len(self.kinds)} kinds of findings", flush=True)


class _Watch(logging.Handler):
    """Looks at all that is logged."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(logging.DEBUG)
        self._findings = findings
        self.secrets: tuple[str, ...] = ()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info or "Traceback" in text or "unexpected" in text or record.levelno >= logging.ERROR:
            self._findings.add(f"log: {text[:80]}", f"{record.name}: {text} {record.exc_info}")
        if any(name in text for name in (MARK, *OWNERS, UNHEARD_OF, *self.secrets)):
            self._findings.add("log: holds what is nobody's business", f"{record.name}: {text}")


def fuzz(count: int, seed: str, findings: Findings, *, only: int | None = None, processes: int = 1) -> None:
    """Send to the application and to the login daemon's conversation, each part from a process of its own.

    Args:
        count: Requests, messages and lines.
        seed: What all follows from.
        findings: Where to put what is found.
        only: Number of the one part to send.
        processes: How many parts are sent side by side.
    """
    sizes = [min(_PART, count - begin) for begin in range(0, count, _PART)]
    parts = [(f"{seed}/{number}", size) for number, size in enumerate(sizes) if only is None or number == only]
    # a framework keeps the routes of every application that was ever made, so one process makes one
    with ProcessPoolExecutor(processes, get_context("spawn"), max_tasks_per_child=1) as pool:
        for number, part in enumerate(pool.map(_fuzz_part, parts)):
            findings.join(part)
            kinds = len(findings.kinds)
            grown = f"memory grew by {part.growth_mb:.0f} MB"
            print(f"part {number}: {findings.messages} sent, {kinds} kinds of findings, {grown}", flush=True)


def _fuzz_part(part: tuple[str, int]) -> Findings:
    findings = Findings()
    fuzz_part(part[1], part[0], findings)
    return findings


def fuzz_part(count: int, seed: str, findings: Findings) -> None:
    """Send one part, from this process.

    Args:
        count: Requests, messages and lines.
        seed: What all follows from.
        findings: Where to put what is found.
    """
    where = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with watching(findings) as watch, TemporaryDirectory(dir=where) as folder:
        asyncio.run(_part(Path(folder) / "server", seed, count, findings, watch))
        _login_part(Path(folder) / "login", seed, count // 20, findings)


@contextmanager
def watching(findings: Findings) -> Iterator[_Watch]:
    """Look at all that this process logs."""
    watch = _Watch(findings)
    root, own = logging.getLogger(), logging.getLogger("streamauth")
    former = own.level
    root.addHandler(watch)
    own.setLevel(logging.INFO)
    try:
        yield watch
    finally:
        root.removeHandler(watch)
        own.setLevel(former)


async def _part(folder: Path, seed: str, count: int, findings: Findings, watch: _Watch) -> None:
    async with InProcess.running(folder) as target:
        watch.secrets = tuple(secret for secret in target.known.keys.values() if len(secret) > 10)
        shots = Shots(seed, target.known)
        begun, turn, base_mb = findings.messages, 0, 0.0

        async def send() -> None:
            nonlocal turn, base_mb
            while findings.messages < begun + count:
                turn += 1
                if not base_mb and findings.messages > begun + count // 10:
                    base_mb = _used_mb()
                if turn % _REST_EVERY == 0:
                    target.rest()
                shot = shots.talk() if turn % 8 == 0 else shots.request()
                findings.judge(shot, await target(shot), target.known)

        await asyncio.gather(*(send() for _ in range(_SIDE_BY_SIDE)))
        findings.grown(base_mb, _used_mb(), _MOST_GROWTH_OF_PART_MB)
        if (await target(Request("", "GET", "/readyz"))).status != 200:
            findings.add("not ready at the end", seed)


def _login_part(folder: Path, seed: str, count: int, findings: Findings) -> None:
    nobody = Known({}, [MARK], ["root"], {"paths": {}, "components": {"schemas": {}}})
    with LoginDaemon.running(folder) as target:
        shots = Shots(seed, nobody)
        until = findings.messages + count
        while findings.messages < until:
            shot = shots.lines()
            findings.judge(shot, target(shot), nobody)


def fuzz_process(count: int, seed: str, findings: Findings) -> None:
    """Send to ``streamauth serve`` over sockets.

    Args:
        count: Requests and messages.
        seed: What all follows from.
        findings: Where to put what is found.
    """
    with TemporaryDirectory() as folder, ServerProcess.running(Path(folder) / "home") as target:
        shots, process = Shots(f"{seed}/sockets", target.known), psutil.Process(target.pid)
        until, turn, base_mb = findings.messages + count, 0, 0.0
        while findings.messages < until:
            turn += 1
            shot = shots.talk() if turn % 8 == 0 else shots.request()
            findings.judge(shot, target(shot), target.known)
            if turn == 300:
                base_mb = process.memory_info().rss / 1e6
        used_mb = process.memory_info().rss / 1e6
        if base_mb:
            print(f"the process uses {used_mb:.0f} MB, after 300 shots {base_mb:.0f} MB")
            findings.grown(base_mb, used_mb, _MOST_GROWTH_MB)
        if not target.ready():
            findings.add("not ready at the end", "the process")
        log = target.log
    for wrong in ("Traceback", "unexpected", MARK, *OWNERS, *filter(None, target.known.keys.values())):
        if wrong in log:
            findings.add(f"log of the process: {wrong[:12]}", log[max(0, log.find(wrong) - 200) :])


def _used_mb() -> float:
    gc.collect()
    return resident_mb()


def _size(shot: Talk | Lines) -> int:
    return len(shot.frames) if isinstance(shot, Talk) else shot.data.count(b"\n")


def _code(answer: Answer) -> str:
    for text in reversed(answer.messages):
        try:
            value = json.loads(text)
            error = value.get("error", value)
            return str(error.get("code") or value.get("decision") or value.get("type") or "")
        except (ValueError, AttributeError):
            continue
    return ""


def main() -> None:
    """Send, judge, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", type=int, metavar="PART")
    arguments = parser.parse_args()
    findings, began = Findings(), time.monotonic()
    if arguments.sockets:
        fuzz_process(arguments.sockets, arguments.seed, findings)
    if arguments.count > findings.messages:
        rest = arguments.count - findings.messages
        fuzz(rest, arguments.seed, findings, only=arguments.only, processes=arguments.processes)
    findings.print()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(bool(findings.kinds))


if __name__ == "__main__":
    main()
