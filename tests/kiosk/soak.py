"""Visitors for months in a row: what the kiosk keeps in memory, in threads and in open files must not grow with them.

    python -m tests.kiosk.soak --visitors 10000

Fake engines, a real store, mock pins; time is virtual. Growth is counted from a first part on, in which caches fill.
"""

import argparse
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from streamauth.core.door.access import Permission, Person
from streamauth.core.door.door import DoorRule
from streamauth.kiosk.screen import View
from streamauth.kiosk.visit import VisitRule
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.door_plan import Claimed, PersonRow
from streamauth.store.store import Store
from tests.fakes import FakeRecognizer, pause, pcm, say
from tests.kiosk.rig import DOOR, MockDoor
from tests.service.test_authenticator import FakeEngines

PHRASE = "open the front door please"
ADA, STRANGER = 1, 6


@dataclass(frozen=True)
class Growth:
    """What was there more at the end than after the first part.

    Attributes:
        blocks: Small pieces of memory that Python has given out.
        resident_bytes: Memory of the process.
        threads: Threads.
        files: Open files.
    """

    blocks: int
    resident_bytes: int
    threads: int
    files: int


def _measure() -> tuple[int, int, int, int]:
    gc.collect()
    with Path("/proc/self/statm").open() as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return sys.getallocatedblocks(), resident, threading.active_count(), len(os.listdir("/proc/self/fd"))


@contextmanager
def _kiosk(folder: Path) -> Iterator["object"]:
    from tests.kiosk.test_visit import NOON_S, Kiosk, enroll

    values: dict[str, dict[str, object]] = {
        "enrollment": {"text_independent_speech_s": 5.0},
        "replay": {"refuse": False},
        "attempts": {"free_failures": 1000, "base_delay_s": 0.0, "lock_after": 10_000},
    }
    settings = Settings().with_values(values, "soak")
    with MockDoor(folder, DoorRule(strike_ms=100)) as door:
        authenticator = Authenticator(Store.open(folder), FakeEngines(settings), settings)
        enroll(authenticator, "ada", ADA, PHRASE, PHRASE)
        plan = door.store.door_plan
        plan.put_people([PersonRow(Person("Ada", "ada"), pin="2468")])
        plan.replace_permissions([Permission("Ada", DOOR)])
        yield Kiosk(door, authenticator, VisitRule(DOOR, listen_s=10.0, tries=1), NOON_S)
        authenticator.close()


def run(folder: Path, visitors: int, first: int) -> Growth:
    """Receive visitors: some known, some strangers, some who go, some noises; what there was more at the end."""
    from tests.kiosk.test_visit import Kiosk

    known, stranger = (pcm(pause(0.4), say(PHRASE, who), pause(0.9)) for who in (ADA, STRANGER))
    with _kiosk(folder) as made:
        assert isinstance(made, Kiosk)
        before = (0, 0, 0, 0)
        for number in range(visitors):
            if number == first:
                before = _measure()
            kind = number % 4
            if kind < 3:
                made.visit.claim(Claimed("Ada"))
            audio = known if kind == 0 else stranger if kind == 1 else b"" if kind == 2 else pcm(pause(0.5))
            for begin in range(0, len(audio), 3200):
                made.visit.hear(audio[begin : begin + 3200])
            if kind == 2:
                made.visit.cancel()
            if kind == 0:
                assert made.views[-1] is View.WELCOME
            made.waits()
            made.screens.clear()
            # the mock pin and the fake recognizer remember everything, which no real ones do
            recognizer = made.authenticator.engines.recognizer()
            assert isinstance(recognizer, FakeRecognizer)
            recognizer.streams.clear()
            del made.door.factory.pin(17).states[:-1]
        after = _measure()
    return Growth(*(later - earlier for earlier, later in zip(before, after, strict=True)))


def main() -> None:
    """Print the growth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=10_000)
    visitors: int = parser.parse_args().visitors
    with TemporaryDirectory() as folder:
        grown = run(Path(folder), visitors, visitors // 10)
    print(f"{visitors} visitors; after the first tenth, it grew by")
    print(f"  Python's blocks  {grown.blocks:8d} ({grown.blocks / visitors:.2f} a visitor)")
    print(f"  the process      {grown.resident_bytes / 1e6:8.1f} MB")
    print(f"  threads, files   {grown.threads}, {grown.files}")


if __name__ == "__main__":
    main()
