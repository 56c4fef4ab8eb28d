"""How many live streams does one server hold? A server process, and clients in another one, at real-time pace.

    python -m scripts.measure.load_test                  100 streams, then the largest number with p95 within the limit
    python -m scripts.measure.load_test --streams 40     just so many
    python -m scripts.measure.load_test --voice-only     profiles without a pass phrase
    python -m scripts.measure.load_test --workers 2      by two worker processes
    python -m scripts.measure.load_test --postgres       with a PostgreSQL of its own (--store URL: a given one)
    python -m scripts.measure.load_test --compare-workers    two processes beside one: ratio of what they hold

Each stream is one person at an open microphone, in 100 ms frames at its pace. All connect at once and stay; each says
the pass phrase (synthetic voices that travel with the package) at a random moment within ``--spread`` seconds, and
leaves with the decision. ``--spread 0`` has all of them speak at once, the worst that can be. Measured are the time
from the end of the phrase to the decision, which includes the silence after which a phrase counts as over and is
negative where a voice alone was decided before its end, and the delay of the server's event loop. All streams of a
voice carry the same recording, so the server does not refuse what it has heard before (``replay.refuse``), which it
otherwise does. Exits with 1 where a stream drops.

``--compare-workers`` takes PostgreSQL for both, one engine thread a process, and gives one process one core and two
processes two: the server's, and with it the database and these clients, which a second machine would bear. The number
of streams is interpolated between the last one that was held and the first one that was not.
"""

import argparse
import asyncio
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from scripts.measure.decision_time import clip
from streamauth import AudioFormat, Authenticator, Decided, Mode, Settings, Start, StreamAuthError, stream
from streamauth.demo_data import demo_utterances
from tests.postgres import Server, new_database

_FORMAT = AudioFormat(16_000)
_CHUNK = 1600
_LEAD_S, _TAIL_S = 0.5, 60.0
_VOICES = ("awb", "slt", "rms")
_MOST = 400
_SERVER = {
    "server_max_sessions": 1000,
    "decision_max_time_s": 600,
    "audio_max_attempt_s": 600,
    "access_address_rate_per_min": 1_000_000,
    "access_address_burst": 10_000,
    "attempts_free_failures": 1000,
    "attempts_lock_after": 10_000,
    "replay_refuse": False,
}


@dataclass(frozen=True)
class Run:
    """What became of the streams of one run.

    Attributes:
        decisions: How many decisions of each kind, and errors.
        latencies_s: From the end of each phrase to its decision.
        lag_ms: Delay of the server's event loop that 99 % of its samples stay under.
        cpu_s: Processor time of the server, in seconds.
    """

    decisions: dict[str, int]
    latencies_s: list[float]
    lag_ms: float
    cpu_s: float

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of the latencies; infinite where a stream was dropped."""
        return float(np.percentile(self.latencies_s, 95)) * 1000 if self.latencies_s and not self.dropped else math.inf

    @property
    def dropped(self) -> int:
        """Streams that ended without a decision."""
        return sum(count for kind, count in self.decisions.items() if kind not in ("accept", "reject", "undecided"))


class _Serving:
    """A server that runs.

    Attributes:
        url: Of its streams.
    """

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.url = url
        self._pid = process.pid

    def cpu_s(self) -> float:
        """Processor time of all its processes so far, in seconds."""
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        ticks = 0
        for pid in (self._pid, *children):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return float(ticks) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Serve, stream, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, help="just so many; 100 and a search if not given")
    parser.add_argument("--spread", type=float, default=30.0, help="seconds within which the people speak")
    parser.add_argument("--limit-ms", type=float, default=500.0)
    parser.add_argument("--workers", type=int, default=1, help="server processes")
    parser.add_argument("--threads", type=int, help="of the engines in each; the cores shared out if not given")
    parser.add_argument("--store", default="", metavar="URL", help="an empty database in place of an SQLite file")
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL server for it")
    parser.add_argument("--compare-workers", action="store_true")
    parser.add_argument("--voice-only", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamauth-load-")))
        database = Server() if arguments.postgres or arguments.compare_workers else None
        store = arguments.store
        if database is not None:
            stack.callback(database.stop)
            store = new_database(database.url)
        _enroll(folder, store, voice_only=arguments.voice_only)
        if database is not None and arguments.compare_workers:
            sys.exit(_compare(folder, store, database, arguments.streams, arguments.spread, arguments.limit_ms))
        threads = arguments.threads or max(1, (os.cpu_count() or 2) // arguments.workers)
        server = stack.enter_context(_server(folder, store, arguments.workers, threads))
        first = _run(server, arguments.streams or 100, arguments.spread)
        if arguments.streams is None:
            most = largest(partial(_p95_ms, server, arguments.spread), arguments.limit_ms)
            print(f"streams with p95 <= {arguments.limit_ms:.0f} ms: {most:.1f}")
        sys.exit(first.dropped > 0)


def _compare(home: Path, store: str, database: Server, streams: int | None, spread_s: float, limit_ms: float) -> int:
    """One process on one core, then two on two; or with so many streams a process, what each stream costs."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    held: list[float] = []
    costs: list[float] = []
    for workers in (1, 2):
        for pid in (0, *database.pids()):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(pid, cores[:workers])
        with _server(home, store, workers, 1) as server:
            print(f"{workers} processes on {workers} cores", flush=True)
            _run(server, workers, 1.0)  # models are warm
            if streams is None:
                first, step = (round(2 * held[0]), 1.25) if held and held[0] else (8, 2.0)
                held.append(largest(partial(_p95_ms, server, spread_s), limit_ms, first, step))
                print(f"{workers} processes hold {held[-1]:.1f} streams with p95 <= {limit_ms:.0f} ms", flush=True)
            else:
                run = _run(server, streams * workers, spread_s)
                costs.append(run.cpu_s / (streams * workers))
    if streams is None:
        print(f"two processes hold {held[1] / held[0]:.2f} times the streams of one" if held[0] else "one holds none")
        return not held[0]
    print(f"processor time a stream, two processes over one: {costs[1] / costs[0]:.2f}")
    return 0


def largest(p95_of: Callable[[int], float], limit_ms: float, first: int = 8, step: float = 2.0) -> float:
    """How many streams keep the limit: by steps until some do and some do not, then by halves to an eighth.

    Args:
        p95_of: Measures the latency of so many, in milliseconds; infinite where one was dropped.
        limit_ms: The limit.
        first: What is tried first.
        step: Factor up or down from there.

    Returns:
        Interpolated between the most that kept it and the fewest that did not.
    """
    held, failed = {0: 0.0}, {_MOST + 1: math.inf}
    streams = first
    while streams not in held and streams not in failed:
        p95_ms = p95_of(streams)
        (held if p95_ms <= limit_ms else failed)[streams] = p95_ms
        good, bad = max(held), min(failed)
        if bad > _MOST:
            streams = min(_MOST, math.ceil(good * step))
        elif not good:
            streams = int(bad / step)
        elif bad - good > max(1, good // 8):
            streams = (good + bad) // 2
    good, bad = max(held), min(failed)
    if not good or math.isinf(failed[bad]):
        return float(good)
    return good + (bad - good) * (limit_ms - held[good]) / (failed[bad] - held[good])


def _p95_ms(server: _Serving, spread_s: float, streams: int) -> float:
    return _run(server, streams, spread_s).p95_ms


def _run(server: _Serving, streams: int, spread_s: float) -> Run:
    before, cpu_s = _lag_buckets(server.url), server.cpu_s()
    results = asyncio.run(_all(server.url, streams, spread_s))
    after = _lag_buckets(server.url)
    decisions: dict[str, int] = {}
    for kind, _ in results:
        decisions[kind] = decisions.get(kind, 0) + 1
    counts = {bound: after[bound] - before.get(bound, 0.0) for bound in after}
    total = max(counts.values())
    lag_ms = 1000 * min(bound for bound, count in counts.items() if count >= 0.99 * total)
    latencies_s = [latency_s for _, latency_s in results if latency_s is not None]
    run = Run(decisions, latencies_s, lag_ms, server.cpu_s() - cpu_s)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(decisions.items()))
    median_ms = float(np.median(run.latencies_s)) * 1000 if run.latencies_s else math.inf
    print(
        f"{streams:4d} streams, speaking within {spread_s:g} s: {told}; end of phrase to decision: "
        f"median {median_ms:.0f} ms, p95 {run.p95_ms:.0f} ms; event loop delayed p99 <= {run.lag_ms:.0f} ms; "
        f"processor {run.cpu_s / streams:.2f} s a stream",
        flush=True,
    )
    return run


async def _all(url: str, streams: int, spread_s: float) -> list[tuple[str, float | None]]:
    chance = random.Random(streams)
    return await asyncio.gather(
        *(_one(url, _VOICES[number % len(_VOICES)], chance.uniform(0, spread_s)) for number in range(streams))
    )


async def _one(url: str, voice: str, quiet_s: float) -> tuple[str, float | None]:
    said = clip(voice, "door-4")
    ended_s, quiet_s = 0.0, _LEAD_S + quiet_s

    async def microphone() -> AsyncIterator[bytes]:
        nonlocal ended_s
        ended_s = time.monotonic() + quiet_s + said.size / _FORMAT.sample_rate_hz
        lead, tail = (np.zeros(round(s * _FORMAT.sample_rate_hz), np.int16) for s in (quiet_s, _TAIL_S))
        audio = np.concatenate([lead, said, tail]).astype("<i2").tobytes()
        for at in range(0, len(audio), 2 * _CHUNK):
            yield audio[at : at + 2 * _CHUNK]

    try:
        async for message in stream(url, Start(Mode.VERIFY, _FORMAT, name=voice), microphone()):
            if isinstance(message, Decided):
                return message.verdict.value, time.monotonic() - ended_s
    except StreamAuthError as error:
        return error.code, None
    return "no decision", None


def _enroll(home: Path, store: str, *, voice_only: bool) -> None:
    authenticator = Authenticator.open(home, Settings().with_values({"store": {"url": store}}, "--store"))
    names = ("long-1", "long-2") if voice_only else ("door-1", "door-2", "door-3")
    phrase = None if voice_only else demo_utterances()["awb", "door-1"].text
    for voice in _VOICES:
        silence = np.zeros(_FORMAT.sample_rate_hz, np.int16)
        for name in names:
            with authenticator.enroll(voice, _FORMAT, phrase=phrase, text_independent=voice_only) as attempt:
                attempt.receive_audio(np.concatenate([silence, clip(voice, name), silence]).astype("<i2").tobytes())
                attempt.receive_end()
                complete = attempt.session.complete
            if complete:
                break
        assert complete, voice
    authenticator.close()


@contextmanager
def _server(home: Path, store: str, workers: int, threads: int) -> Iterator[_Serving]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMAUTH_")}
    environment |= {"STREAMAUTH_HOME": str(home), "STREAMAUTH_STORE_URL": store}
    environment |= {"STREAMAUTH_SERVER_WORKERS": str(workers), "STREAMAUTH_SERVER_ENGINE_THREADS": str(threads)}
    environment |= {f"STREAMAUTH_{name.upper()}": str(value) for name, value in _SERVER.items()}
    command = [sys.executable, "-m", "streamauth", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield _Serving(process, json.loads(process.stdout.readline())["url"])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _lag_buckets(url: str) -> dict[float, float]:
    address = url.replace("ws:", "http:").replace("/v1/stream", "/metrics")
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - the server above
        text = answer.read().decode()
    found = re.findall(r'streamauth_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text)
    return {float(bound): float(count) for bound, count in found}


if __name__ == "__main__":
    main()
