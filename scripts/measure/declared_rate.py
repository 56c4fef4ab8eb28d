"""How often a wrong sample rate is suspected, and how often a right one; with --fit, the rule itself.

    python -m scripts.measure.declared_rate RECORDINGS... [--join COUNT] [--fit]

Each recording, of a folder or a file, is taken as it is, and as it would sound if its rate were declared as a third, a
half, twice and three times of what it is. With --join so many recordings that follow each other are taken for one, as
a single word is often too short. With --fit the rule is fitted on four fifths of the recordings and judged on the last
fifth, in turn, and the weights of a fit on all of them are printed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from streamauth.core.audio.declared_rate import FEATURES, RateMeter
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.speech.voicing import FRAME_SAMPLES

FACTORS = (1.0, 1 / 3, 1 / 2, 2.0, 3.0)
FOLDS = 5
STEPS = 15
RIDGE = 3.0
RIGHT = 3.0
"""Weight of recordings as they are."""
FALSE_ALARMS = 0.003


def heard(paths: Sequence[Path]) -> list[tuple[float, RateMeter]]:
    """The first seconds of recordings of one rate at each declared rate: its factor, and the meter that heard it."""
    pieces = []
    for path in paths:
        with soundfile.SoundFile(path) as file:
            rate_hz = file.samplerate
            pieces.append(file.read(4 * rate_hz, dtype="float32", always_2d=True)[:, 0])
    samples = np.concatenate(pieces)[: 4 * rate_hz]
    found = []
    for factor in FACTORS:
        played = soxr.resample(samples, rate_hz * factor, SAMPLE_RATE_HZ)
        meter = RateMeter()
        for begin in range(0, played.size - FRAME_SAMPLES, FRAME_SAMPLES):
            meter.add(played[begin : begin + FRAME_SAMPLES])
        found.append((factor, meter))
    return found


def fitted(
    features: NDArray[np.float64], wanted: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights and bias of a logistic regression on the features as they are, by Newton's method."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    rows = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    solved = np.zeros(FEATURES + 1)
    for _ in range(STEPS):
        share = 1 / (1 + np.exp(-np.clip(rows @ solved, -30, 30)))
        slope = rows.T @ (weights * (share - wanted)) + RIDGE * solved
        bend = (rows * (weights * share * (1 - share))[:, None]).T @ rows + RIDGE * np.eye(FEATURES + 1)
        solved -= np.linalg.solve(bend, slope)
    found = solved[:-1] / scale
    return found, float(solved[-1] - found @ mean)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--join", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="take every n-th recording of a folder")
    asked = parser.parse_args()
    paths = [path for given in asked.recordings for path in (sorted(given.rglob("*.*")) if given.is_dir() else [given])]
    paths = [path for path in paths if path.suffix in (".flac", ".wav", ".ogg", ".opus")][:: asked.every]
    taken = [paths[begin : begin + asked.join] for begin in range(0, len(paths), asked.join)]
    rows = [(index, *each) for index, some in enumerate(taken) for each in heard(some)]
    if asked.fit:
        fit(rows)
        return
    for factor in FACTORS:
        found = [meter.suspects() for _, each, meter in rows if each == factor and meter.features() is not None]
        share = f"{np.mean(found):6.1%}" if found else "  none"
        print(f"declared {factor:4.2f} of it: suspected {share} of {len(found)} with enough voice, {len(taken)} in all")


def fit(rows: list[tuple[int, float, RateMeter]]) -> None:
    """Fit the rules, and print them."""
    known = [(index, factor, found) for index, factor, meter in rows if (found := meter.features()) is not None]
    features = np.array([found for *_, found in known])
    factors = np.array([factor for _, factor, _ in known])
    fold = np.array([index % FOLDS for index, *_ in known])
    weights = np.where(factors == 1, RIGHT, 1.0)
    suspected = np.zeros(len(known), bool)
    for name, wanted in (("_SLOW", factors < 1), ("_FAST", factors > 1)):
        told = np.zeros(len(known))
        for each in range(FOLDS):
            used = fold != each
            weight, bias = fitted(features[used], wanted[used], weights[used])
            told[~used] = features[~used] @ weight + bias
        bound = float(np.quantile(told[factors == 1], 1 - FALSE_ALARMS / 2))
        suspected |= told > bound
        weight, bias = fitted(features, wanted, weights)
        print(f"{name} = np.array([{', '.join(f'{each:.3f}' for each in (*weight, bias - bound))}])")
    for factor in FACTORS:
        this = suspected[factors == factor]
        print(f"declared {factor:4.2f} of it: suspected {np.mean(this):6.1%} of {len(this)}")


if __name__ == "__main__":
    main()
