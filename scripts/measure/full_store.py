"""A store of so many people, end to end: from a cold process to the first search, and what everybody costs in memory.

    python -m scripts.measure.full_store [--count 1000000] [--postgres] [--searches 50]

The people are synthetic (``scripts.measure.gallery``), with one voiceprint of one view each, sealed, rotated and marked
as the product does it; their rows are written in bulk, as a million single enrollments would take a day. Then a process
that knows nothing opens the store and identifies: the time to open it, until everybody is unsealed and can be searched,
and the memory that takes. Of each search the best candidate is compared with that of a linear scan over the voices as
they were drawn. At last another process enrolls one more person, and deletes another: how soon the first one finds the
new person, and no more the other.
"""

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, insert, select, text, update

from scripts.measure.gallery import QUIET, SEED, SPEECH_S, People
from scripts.measure.memory import most_resident_mb, resident_mb
from streamauth.catalog.registry import Catalog
from streamauth.core.voice.pooling import VoiceSample
from streamauth.engines.loader import Engines
from streamauth.service.voices import Voices
from streamauth.settings import Settings, StoreSettings, data_folder
from streamauth.store.names import look_alike_key
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import EnrollmentRecord, ProfileKind, voiceprint_bytes
from streamauth.store.schema import DEFAULT_TENANT, counters, enrollments, profiles, voiceprints
from streamauth.store.store import Store
from tests.postgres import Server, new_database

_PAGE = 500
_NEW = "somebody new"
_ELSEWHERE = """
import sys
from pathlib import Path
import numpy as np
from scripts.measure.full_store import change
change(Path(sys.argv[1]), sys.argv[2], sys.argv[3], np.array(sys.argv[4].split(","), np.float32))
"""


def drawn(people: People, count: int) -> Iterator[NDArray[np.float32]]:
    """Voices of so many people, some thousand at a time; the same ones each time."""
    return people.draw_in_parts(count, np.random.default_rng(SEED))


def name_of(number: int) -> str:
    """What a person is called."""
    return f"person {number:07d}"


def fill(store: Store, encoder_id: str, people: People, count: int) -> None:
    """Write everybody, with the marks of what streamauth wrote."""
    sealed = store._sealed
    with sealed.database.write() as connection:
        sealed.database.patient(connection)
        key = sealed.key(connection)
        counter = counters.c.name == "change"
        first = int(connection.scalar(select(counters.c.value).where(counter)) or 0) + 1
        now_ms, number = sealed.database.now_ms(connection), 0
        for voices in drawn(people, count):
            rows: dict[Table, list[dict[str, Any]]] = {profiles: [], enrollments: [], voiceprints: []}
            for voice in voices:
                own, id_, name = ProfileKey.generate(key), str(uuid.uuid4()), name_of(number)
                rows[profiles].append(
                    {
                        "id": id_,
                        "tenant_id": DEFAULT_TENANT,
                        "name": name,
                        "looks": look_alike_key(name),
                        "kind": ProfileKind.TEXT_INDEPENDENT,
                        "locale": "en-US",
                        "own_key": own.wrapped(key, DEFAULT_TENANT, id_),
                        "created_ms": now_ms,
                        "updated_ms": now_ms,
                        "number": first + number,
                        "change": first + number,
                    }
                )
                common = {"profile_id": id_, "encoder_id": encoder_id, "created_ms": now_ms, "speech_s": SPEECH_S}
                turned = voiceprint_bytes(own.rotated(voice[None]))
                one, whole = (own.seal(turned, kind, id_, encoder_id) for kind in ("enrollment", "voiceprint"))
                rows[enrollments].append({**common, "audio_s": SPEECH_S, "embedding": one})
                rows[voiceprints].append({**common, "utterances": 1, "embedding": whole})
                number += 1
            for table, some in rows.items():
                for at in range(0, len(some), _PAGE):
                    connection.execute(insert(table), some[at : at + _PAGE])
        connection.execute(update(counters).where(counter).values(value=first + count))
        connection.execute(text("ANALYZE"))  # or each page of what follows is read from one end of a table to the other
        sealed.authentic.rebuild(connection, key, key)


def change(home: Path, url: str, encoder_id: str, voice: NDArray[np.float32]) -> None:
    """In another process: enroll one more person, delete the first one, and tell when."""
    with Store.open(home, StoreSettings(url=url), {}) as store:
        made = store.profiles.create(_NEW, ProfileKind.TEXT_INDEPENDENT)
        record = EnrollmentRecord(encoder_id, voice[None], SPEECH_S, SPEECH_S)
        store.enrollments.add(made.id, record, voiceprint=voice[None])
        print(time.time(), flush=True)
        store.profiles.delete(store.profiles.get(name_of(0)).id)
        print(time.time(), flush=True)


def measure(home: Path, url: str, people: People, count: int, searches: int) -> None:
    """Open the store as a new process does, search, and print."""
    settings = Settings()
    models = Engines(settings, Catalog(data_folder())).models(with_words=False)
    encoder_id = models.encoder.id
    before_mb, began_s, began_cpu_s = resident_mb(), time.perf_counter(), time.process_time()
    with Store.open(home, StoreSettings(url=url), {}) as store:
        voices = Voices(store, settings.adaptation)
        opened_s = time.perf_counter() - began_s
        roster, _ = voices.everybody(encoder_id, models.calibration)
        ready_s, ready_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        held_mb, peak_mb = resident_mb() - before_mb, most_resident_mb() - before_mb
        print("| people | store opened, s | everybody can be searched, s (CPU) | memory, MB | most while loading, MB |")
        print("|---|---|---|---|---|")
        print(f"| {count:,} | {opened_s:.2f} | {ready_s:.0f} ({ready_cpu_s:.0f}) | {held_mb:.0f} | {peak_mb:.0f} |\n")
        rng = np.random.default_rng(SEED + 1)
        probes = people.draw(searches, rng)
        best, who = np.full(searches, -np.inf, np.float32), np.zeros(searches, np.int64)
        at = 0
        for some in drawn(people, count):
            similar = some @ probes.T
            better = similar.max(axis=0) > best
            who[better], best[better] = at + similar.argmax(axis=0)[better], similar.max(axis=0)[better]
            at += len(some)
        found = [roster.rank(VoiceSample(probe, SPEECH_S), QUIET)[0].name for probe in probes]
        same = sum(name == name_of(int(number)) for name, number in zip(found, who, strict=True))
        print(f"best candidate the same as by a linear scan: {same} of {searches}")
        told = ",".join(map(str, people.draw(1, rng)[0]))
        command = [sys.executable, "-c", _ELSEWHERE, str(home), url, encoder_id, told]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            for what, name, there in (("found", _NEW, True), ("gone", name_of(0), False)):
                while (name in voices.everybody(encoder_id, models.calibration)[1].by_name) is not there:
                    if other.poll():
                        sys.exit("the other process failed")
                    time.sleep(0.01)
                seen_s = time.time()
                confirmed_s = float(other.stdout.readline())
                print(f"{name} {what} {max(0.0, seen_s - confirmed_s):.2f} s after another process had confirmed it")


def main() -> None:
    """Fill, open, search, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--searches", type=int, default=50)
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own in place of an SQLite file")
    parser.add_argument("--filled", nargs=2, metavar=("FOLDER", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    models = Engines(Settings(), Catalog(data_folder())).models(with_words=False)
    assert models.calibration.cohort is not None
    people = People(models.calibration.cohort.embeddings, 1.0, 1.0)
    if given.filled:
        measure(Path(given.filled[0]), given.filled[1], people, given.count, given.searches)
        return
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="streamauth-full-")))
        url = ""
        if given.postgres:
            server = Server()
            stack.callback(server.stop)
            url = new_database(server.url)
        began_s = time.perf_counter()
        with Store.open(home, StoreSettings(url=url), {}) as store:
            fill(store, models.encoder.id, people, given.count)
            profiles_there = store.profiles.count()
        print(f"{profiles_there:,} people written in {time.perf_counter() - began_s:.0f} s", flush=True)
        command = [sys.executable, "-m", "scripts.measure.full_store", "--count", str(given.count)]
        command += ["--searches", str(given.searches), "--filled", str(home), url]
        sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
