"""Do level, noise floor, room and pitch tell words that were joined from several recordings from words said in a row?

    python -m scripts.measure.joints

Four words of one call in a row stand for a person who answers a prompt; four words of the same person from two or more
calls, often by other telephones, for an answer joined from recordings (``people/wuw2``: 33 people called several
times). For each sign the greatest difference between two of the four words is taken, and the last line weighs all of
them, fitted on the other half of the people. Printed is how many joined answers are noticed where a share of the honest
ones is refused. Words of one recording have one floor and one room, so they are not noticed by this at all.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scripts.measure.replay import trail_of
from scripts.measure.trials import AUDIO, utterance
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

WORDS = 4
HONEST_PER_CALL, JOINED_PER_PERSON = 3, 12
SHORTEST_S, LONGEST_S = 0.3, 2.5
REFUSED = (0.05, 0.01, 0.002)
LOWEST_HZ, HIGHEST_HZ = 70.0, 400.0
_LEAST_FRAMES = 25

Values = NDArray[np.float64]
Word = dict[str, Values]


def words() -> dict[str, dict[str, list[Word]]]:
    """What each word of each call of each person is like."""
    found: dict[str, dict[str, list[Word]]] = defaultdict(lambda: defaultdict(list))
    with (AUDIO / "people" / "wuw2.tsv").open(encoding="utf-8") as table:
        for file, start, end, person, call, *_ in csv.reader(table, delimiter="\t"):
            if not start[0].isdigit() or not SHORTEST_S <= float(end) - float(start) <= LONGEST_S:
                continue
            word = likeness(utterance(file, float(start), float(end)))
            if word:
                found[person][call].append(word)
    return found


def likeness(said: Samples) -> Word:
    """Level and floor, dB; their spectra without it; ln of the pitch. Empty where there is too little."""
    trail = trail_of(said).astype(np.float64)
    if len(trail) < _LEAST_FRAMES:
        return {}
    levels = trail.mean(axis=1)
    floor = trail[levels <= np.percentile(levels, 15)].mean(axis=0)
    voice = trail[levels >= np.percentile(levels, 60)].mean(axis=0)
    return {
        "level": voice.mean(keepdims=True),
        "noise floor": floor.mean(keepdims=True),
        "spectrum of the noise": floor - floor.mean(),
        "spectrum of the voice (room, microphone)": voice - voice.mean(),
        "pitch": np.log([pitch_hz(said)]),
    }


def pitch_hz(said: Samples) -> float:
    """The lag at which the loudest 0.2 s is most like itself."""
    size = SAMPLE_RATE_HZ // 5
    starts = range(0, max(1, said.size - size), size // 4)
    loudest = max((said[at : at + size] for at in starts), key=lambda part: float(np.square(part).sum()))
    spectrum = np.abs(np.fft.rfft(loudest - loudest.mean(), 2 * size)) ** 2
    alike = np.fft.irfft(spectrum)
    lags = np.arange(int(SAMPLE_RATE_HZ / HIGHEST_HZ), int(SAMPLE_RATE_HZ / LOWEST_HZ))
    return float(SAMPLE_RATE_HZ / lags[alike[lags].argmax()])


def greatest(some: Sequence[Word]) -> Values:
    """The greatest difference of each sign between two words, shape (signs,)."""
    return np.array([max(np.abs(a[sign] - b[sign]).mean() for a, b in combinations(some, 2)) for sign in some[0]])


def answers() -> tuple[list[tuple[str, Values]], list[tuple[str, Values]], list[str]]:
    """(person, differences) of honest answers, and of joined ones; what the signs are."""
    rng = np.random.default_rng(1)
    honest, joined, signs = [], [], list[str]()
    for person, all_calls in words().items():
        calls = [said for said in all_calls.values() if len(said) >= WORDS]
        for said in calls:
            signs = list(said[0])
            for _ in range(HONEST_PER_CALL):
                honest.append((person, greatest([said[k] for k in rng.choice(len(said), WORDS, replace=False)])))
        for _ in range(JOINED_PER_PERSON if len(calls) > 1 else 0):
            chosen = np.resize(rng.permutation(len(calls)), WORDS)
            joined.append((person, greatest([calls[k][rng.integers(len(calls[k]))] for k in chosen])))
    return honest, joined, signs


def together(honest: list[tuple[str, Values]], joined: list[tuple[str, Values]]) -> tuple[Values, Values]:
    """Scores of all signs weighed by a linear discriminant, each half of the people by that of the other half."""
    half = np.array([hashlib.sha256(person.encode()).digest()[0] % 2 for person, _ in honest + joined])
    values = np.array([value for _, value in honest + joined])
    is_joined = np.arange(len(values)) >= len(honest)
    scores = np.zeros(len(values))
    for own in (0, 1):
        one, other = values[(half != own) & is_joined], values[(half != own) & ~is_joined]
        within = np.cov(one.T) + np.cov(other.T) + 1e-6 * np.eye(values.shape[1])
        scores[half == own] = values[half == own] @ np.linalg.solve(within, one.mean(axis=0) - other.mean(axis=0))
    return scores[~is_joined], scores[is_joined]


def main() -> None:
    """Print the table."""
    honest, joined, signs = answers()
    print(f"{len(honest)} honest answers, {len(joined)} joined ones; noticed where so many honest ones are refused:\n")
    print("| sign | " + " | ".join(f"{rate:.1%}" for rate in REFUSED) + " |")
    print("|---|" + "---|" * len(REFUSED))
    rows = {
        sign: (np.array([v[k] for _, v in honest]), np.array([v[k] for _, v in joined])) for k, sign in enumerate(signs)
    }
    for sign, (usual, strange) in {**rows, "all of them": together(honest, joined)}.items():
        noticed = (f"{np.mean(strange > np.quantile(usual, 1 - rate)):.0%}" for rate in REFUSED)
        print(f"| {sign} | " + " | ".join(noticed) + " |")


if __name__ == "__main__":
    main()
