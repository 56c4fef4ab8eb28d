"""Builds the embedded recognizer from ../shared/audio and Debian's synthesizers, as the shipped one was built.

    python -m scripts.train.vosk.build WORK

Some seven hours on two cores. WORK keeps everything that is made on the way. What comes out is as good as the shipped
model, not the same to the byte: synthesizers and sums on several threads differ between machines.
"""

import argparse
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent


def run(script: str, *arguments: str | Path) -> None:
    """Run one of the scripts."""
    print(f"\n{script}", *arguments, flush=True)
    subprocess.run([sys.executable, str(SCRIPTS / script), *map(str, arguments)], check=True)


def main() -> None:
    """Train, measure, ship."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    run("train_recognizer.py", work, "--hold-out", "0", "--steps", "9000")
    # the network that hears everything goes on from one that heard half
    start = ("--start", work / "network-0.pt", "--steps", "6600", "--rate", "1.5e-3")
    run("train_recognizer.py", work, "--hold-out", "none", *start)
    half, whole = work / "phrase-0.pt", work / "phrase-none.pt"
    run("train_recognizer.py", work, "--phrase", "--hold-out", "0", "--steps", "2500")
    for fold, *tuning in (("0", "--steps", "2700"), ("none", "--steps", "1700")):
        run("train_recognizer.py", work, "--phrase", "--hold-out", fold, "--start", half, *tuning, "--rate", "8e-4")
    run("make_recognizer.py", work / "network-none.pt", whole, work / "bigram.npy")
    run("make_spelling.py")
    measured = ("--folder", work / "fold-0")
    run("make_recognizer.py", work / "network-0.pt", half, work / "bigram.npy", *measured, "--phrase-only")
    run("evaluate_phrase.py", "--models", work / "fold-0", "--clips", "130", "--fit")


if __name__ == "__main__":
    main()
