"""Builds the embedded recognizer from ../shared/audio and Debian's synthesizers, as the shipped one was built.

    python scripts/build_recognizer.py WORK

Some six hours on two cores. WORK keeps everything that is made on the way. What comes out is as good as the shipped
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
    run("train_recognizer.py", work, "--hold-out", "0", "--steps", "7700")
    # the network that hears everything goes on from one that heard half
    start = ("--start", work / "network-0.pt", "--steps", "5000")
    run("train_recognizer.py", work, "--hold-out", "none", *start)
    phrase = work / "phrase-0.pt"
    run("train_recognizer.py", work, "--phrase", "--hold-out", "0", "--steps", "2500")
    run("train_recognizer.py", work, "--phrase", "--hold-out", "0", "--start", phrase, "--steps", "1000")
    run("train_recognizer.py", work, "--phrase", "--hold-out", "none", "--start", phrase, "--steps", "1000")
    decoder = ("--recognizer", work / "network-none.pt")
    run("make_recognizer.py", work / "phrase-none.pt", work / "bigram.npy", *decoder)
    run("make_spelling.py")
    measured = work / "fold-0"
    run("make_recognizer.py", phrase, work / "bigram.npy", "--folder", measured)
    run("evaluate_phrase.py", "--models", measured, "--clips", "130", "--fit")


if __name__ == "__main__":
    main()
