"""Builds the embedded recognizer from ../shared/audio and Debian's synthesizers, as the shipped one was built.

    python scripts/build_recognizer.py WORK

Some three hours on two cores. WORK keeps everything that is made on the way. What comes out is as good as the shipped
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
    for fold in ("0", "1"):
        run("train_recognizer.py", work, "--hold-out", fold, "--steps", "2400", "--rate", "1e-3")
    # the network that hears everything goes on from the one without fold 1
    start = ("--steps", "3000", "--rate", "2e-3", "--start")
    run("train_recognizer.py", work, "--hold-out", "none", *start, work / "network-1.pt")
    run("train_recognizer.py", work, "--hold-out", "0", *start, work / "network-0.pt")
    run("make_recognizer.py", work / "network-none.pt", work / "bigram.npy")
    run("make_spelling.py")
    for fold in ("0", "1"):
        folder = work / f"fold-{fold}"
        run("make_recognizer.py", work / f"network-{fold}.pt", work / "bigram.npy", "--folder", folder, "--phrase-only")
    run("evaluate_phrase.py", "--models", work / "fold-0", work / "fold-1", "--fit")


if __name__ == "__main__":
    main()
