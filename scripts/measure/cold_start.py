"""How long the command line takes from a cold process: no daemon, no server, nothing loaded.

python -m scripts.measure.cold_start [--times 5]

`streamauth --version`, `--help` and `verify` of a phrase of 2.8 s, and the stages of the last one. The program is run
as an installed one: its modules are compiled before. CPU time is what a busy machine disturbs least; the time to wait
is that of an idle one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from streamauth.demo_data import demo_utterances

PHRASE = "please open the door and let me come in"
VOICE = "slt"
_STAGES = """
import json, sys, time
from pathlib import Path
at = [(time.perf_counter(), time.process_time())]
def passed():
    at.append((time.perf_counter(), time.process_time()))
import streamauth.cli.main
from streamauth.cli import ahead
with ahead.loading(["verify", "ada", sys.argv[1]]):
    passed()
    from typer.main import get_command
    from streamauth.cli.app import parser
    get_command(parser(["verify"]))
    passed()
    from streamauth.cli.output import opened
    with opened(None) as authenticator:
        from streamauth.cli.attempt import Recording, decide
        import streamauth.cli.live
        from streamauth.sources.files import open_audio
        passed()
        with open_audio(Path(sys.argv[1]), max_s=60, max_mb=10) as audio:
            attempt = authenticator.verify("ada", audio.format)
            passed()
            decide(attempt, Recording("clip", audio.format, audio), lambda event: None)
            passed()
print(json.dumps([[now[0] - before[0], now[1] - before[1]] for before, now in zip(at, at[1:])]))
"""
_STAGE_NAMES = (
    "the models begin to load",
    "the parser, while they load",
    "the store, while they load",
    "waiting for them",
    "the audio, to its decision",
)


def run(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Wall and CPU time of a process in seconds, and what it printed."""
    before, began_s = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=True)
    took_s, after = time.perf_counter() - began_s, os.times()
    return (
        took_s,
        after.children_user + after.children_system - before.children_user - before.children_system,
        done.stdout,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="runs of each")
    options = parser.parse_args()
    files = [str(demo_utterances()[VOICE, f"door-{number}"].path) for number in (1, 2, 3, 4)]
    with tempfile.TemporaryDirectory() as home:
        # the same recording again and again is what a replay is
        environment = {**os.environ, "STREAMAUTH_HOME": home, "STREAMAUTH_REPLAY_REFUSE": "false"}
        environment |= {"PYTHONPYCACHEPREFIX": f"{home}/compiled", "PYTHONDONTWRITEBYTECODE": ""}
        environment["OPENBLAS_NUM_THREADS"] = "1"  # as the program sets it, for the stages, too
        program = ("-m", "streamauth")
        run((*program, "enroll", "ada", *files[:3], "--phrase", PHRASE), environment)
        run((*program, "verify", "ada", files[3]), environment)
        print("| from a cold process | wall, median | CPU, median |\n|---|---|---|")
        for name, command in {
            "`--version`": (*program, "--version"),
            "`--help`": (*program, "--help"),
            "`verify`": (*program, "verify", "ada", files[3]),
        }.items():
            _row(name, [run(command, environment)[:2] for _ in range(options.times)])
        stages: list[Any] = [json.loads(run(("-c", _STAGES, files[3]), environment)[2]) for _ in range(options.times)]
        hears = [[sum(part) for part in zip(*run_stages[:-1], strict=True)] for run_stages in stages]
        _row("of that: until it hears", hears)
        for number, stage in enumerate(_STAGE_NAMES):
            _row(f"of that: {stage}", [taken[number] for taken in stages])


def _row(name: str, times: Sequence[Sequence[float]]) -> None:
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"| {name} | {wall:.2f} s | {cpu:.2f} s |")


if __name__ == "__main__":
    main()
