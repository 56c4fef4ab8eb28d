"""Identification among many: the false-accept rate of a whole search, and what it costs in time and memory.

    python -m scripts.measure.gallery                       rates at 10, 1,000 and 100,000 people
    python -m scripts.measure.gallery --fit                 find the thresholds of searches anew, into the calibration
    python -m scripts.measure.gallery --count 1000000       time and memory of so many people

Voices are synthetic: drawn from a normal distribution around the mean of the encoder's cohort, which are embeddings of
real people, along the directions in which these differ, and brought to unit length. Two numbers of it, how far people
lie apart and how much more they differ along the first directions than along the last, are set so that single
comparisons of two people reach the calibration's thresholds as often as real people did, at each of the measured rates
(10 % to 1 %; printed). Beyond these rates it is a model: relatives are not in it. Each probe is of somebody who is not
enrolled. The thresholds of searches are fitted with other draws than the rates are measured with. Times are ratios
within one run, on one thread.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from scripts.measure.memory import most_resident_mb
from streamauth.catalog.registry import Catalog
from streamauth.core.audio.quality import Quality
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.operating_point import accept_bound, target_far
from streamauth.core.voice.pooling import VoiceSample
from streamauth.core.voice.roster import Roster
from streamauth.engines.loader import Engines
from streamauth.evaluation.metrics import wilson
from streamauth.settings import Settings, data_folder
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import opened_voiceprints, sealed_voiceprint
from streamauth.store.sealing import SealingKey

FIT_SEED, SEED = 1, 2
SPEECH_S = 4.0
QUIET = Quality(-20.0, 30.0, 0.0, 0.0, -15.0, False)
PEOPLE, PROBES = 5_000, 500
FEW, FEW_PROBES = 1_000, 25
ROUNDS = 7
PAIRS, STEPS = 800, 8
SEALED, SEALED_AT_ONCE = 20_000, 2_000
LEANS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)
COUNTS = (10, 1_000, 100_000)
FITTED = (2, 5, 10, 100, 1_000, 10_000, 100_000)

Values = NDArray[np.float64]
Matrix = NDArray[np.float32]


class People:
    """Where synthetic people come from.

    Args:
        cohort: Embeddings of real people.
        size: How far they lie apart; 1 as the cohort.
        lean: Power of the deviations along the main directions; over 1, the first count for more.
    """

    def __init__(self, cohort: Matrix, size: float, lean: float) -> None:
        self.size, self.lean = size, lean
        self._mean = cohort.mean(axis=0)
        _, values, self._directions = np.linalg.svd(cohort - self._mean, full_matrices=False)
        leaning = values**lean
        self._spread = (size * leaning * np.linalg.norm(values) / np.linalg.norm(leaning) / len(cohort) ** 0.5).astype(
            np.float32
        )

    def draw(self, count: int, rng: np.random.Generator) -> Matrix:
        """Voices of people that nobody is, of unit length, shape (count, dim)."""
        voices = (
            self._mean + (rng.standard_normal((count, self._spread.size), np.float32) * self._spread) @ self._directions
        )
        return np.asarray(voices / np.linalg.norm(voices, axis=1, keepdims=True), np.float32)

    def draw_in_parts(self, count: int, rng: np.random.Generator) -> Iterator[Matrix]:
        """The same, some thousand at a time."""
        for at in range(0, count, PEOPLE):
            yield self.draw(min(PEOPLE, count - at), rng)


class Scorer:
    """Scores probes as the product does: cosines, normalized by the cohort where the encoder's are."""

    def __init__(self, calibration: Calibration, probes: Matrix) -> None:
        self._probes = probes
        self._calibration = calibration
        self._cohort = calibration.normalizer
        if self._cohort is not None:
            means, spreads = self._cohort.statistics(probes @ self._cohort.embeddings.T)
            self._means, self._spreads = means.astype(np.float32), spreads.astype(np.float32)

    def scores(self, people: Matrix) -> Matrix:
        """Of each of the people with each probe, shape (people, probes)."""
        similar = people @ self._probes.T
        if self._cohort is None:
            return np.asarray(similar)
        means, spreads = (
            each.astype(np.float32)[:, None] for each in self._cohort.statistics(people @ self._cohort.embeddings.T)
        )
        return np.asarray(((similar - means) / spreads + (similar - self._means) / self._spreads) / 2)

    def llrs(self, scores: Matrix) -> Values:
        """What scores are worth after four seconds in quiet."""
        return self._calibration.llrs(np.asarray(scores, np.float64), SPEECH_S, QUIET)


def highest(people: People, calibration: Calibration, count: int, probes: int, seed: int) -> Values:
    """The highest LLR of each probe among so many people; where they are few, each few probes have their own."""
    rng = np.random.default_rng((seed, count))
    together = PROBES if count > FEW else FEW_PROBES
    found = []
    if count <= FEW:
        for _ in range(probes // together):
            scorer = Scorer(calibration, people.draw(together, rng))
            found.append(scorer.llrs(scorer.scores(people.draw(count, rng)).max(axis=0)))
        return np.concatenate(found)
    scorers = [Scorer(calibration, people.draw(together, rng)) for _ in range(probes // together)]
    best = [np.full(together, -np.inf, np.float32) for _ in scorers]
    for some in people.draw_in_parts(count, rng):
        best = [np.maximum(one, scorer.scores(some).max(axis=0)) for one, scorer in zip(best, scorers, strict=True)]
    return np.concatenate([scorer.llrs(each) for scorer, each in zip(scorers, best, strict=True)])


def measured_people(calibration: Calibration, cohort: Matrix) -> People:
    """People whose single comparisons reach the thresholds as often as those of real people did."""
    rates, wanted = np.array(calibration.thresholds).T

    def reached(people: People) -> Values:
        rng = np.random.default_rng(FIT_SEED)
        scorer = Scorer(calibration, people.draw(PAIRS, rng))
        return scorer.llrs(np.quantile(scorer.scores(people.draw(PAIRS, rng)), 1 - rates))

    best, least = None, np.inf
    for lean in LEANS:
        low, high = 0.1, 1.5
        for _ in range(STEPS):
            people = People(cohort, (low + high) / 2, lean)
            low, high = (people.size, high) if reached(people)[-1] > wanted[-1] else (low, people.size)
        error = float(np.abs(reached(people) - wanted).sum())
        if error < least:
            best, least = people, error
    assert best is not None
    told = ", ".join(
        f"{rate:.0%}: {llr:.2f} ({want:.2f})" for rate, llr, want in zip(rates, reached(best), wanted, strict=True)
    )
    print(
        f"people: size {best.size:.2f}, lean {best.lean:.1f}; LLR by rate, of real people in brackets: {told}",
        flush=True,
    )
    return best


def fit(calibration: Calibration, people: People, target: float, probes: int) -> Calibration:
    """The calibration with thresholds of searches."""
    rises, former = [], 0.0
    for count in FITTED:
        llrs = highest(people, calibration, count, probes, FIT_SEED)
        former = max(former, float(np.quantile(llrs, 1 - target)) - calibration.threshold(target))
        rises.append((round(target / count, 12), round(former, 3)))
    return replace(calibration, search=tuple(rises))


def report_rates(calibration: Calibration, people: People, settings: Settings, probes: int) -> None:
    """Print how often a search names somebody who is not enrolled."""
    target = target_far(settings.decision)
    print(f"target of the whole search {target:.1%}\n")
    print("| people | threshold, nats | false accepts | rate, 95 % | over the target |")
    print("|---|---|---|---|---|")
    for count in COUNTS:
        llrs = highest(people, calibration, count, probes, SEED)
        bound = accept_bound(settings.decision, calibration, chances=count)
        accepted = int((llrs >= bound).sum())
        low, high = wilson(accepted, llrs.size)
        rate = accepted / llrs.size
        told = f"{rate:.2%} ({low:.2%} to {high:.2%}) | {rate / target:.2f}"
        print(f"| {count:,} | {bound:.1f} | {accepted} of {llrs.size} | {told} |", flush=True)


def report_cost(people: People, calibration: Calibration, count: int) -> None:
    """Print what a search among so many costs, beside the bare matrix product of the same run."""
    rng = np.random.default_rng(SEED)
    before_mb = most_resident_mb()
    voices = np.concatenate(list(people.draw_in_parts(count, rng)))
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    roster = Roster.of({str(number): (voice[None],) for number, voice in enumerate(voices)}, calibration)
    built_s, built_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    probe = people.draw(1, rng)
    sample = VoiceSample(probe[0], SPEECH_S)
    search_s, bare_s = quickest(lambda: roster.rank(sample, QUIET), lambda: voices @ probe.T)
    change = {"new": (people.draw(1, rng),)}
    (change_s,) = quickest(lambda: roster.changed((), change))
    costs = (
        f"{search_s / bare_s:.2f} | {search_s * 1000:.2f} | {change_s * 1000:.1f} | {opening_us(voices[:SEALED]):.0f}"
    )
    print("| people | search / bare product | search, ms | change, ms | unsealed, us | table, s (CPU) | resident, MB |")
    print("|---|---|---|---|---|---|---|")
    print(f"| {count:,} | {costs} | {built_s:.1f} ({built_cpu_s:.1f}) | {most_resident_mb() - before_mb:.0f} |")


def opening_us(voices: Matrix) -> float:
    """Processor time for unsealing a voiceprint and turning it back, of many, in microseconds."""
    store_key = SealingKey.generate()
    keys = [ProfileKey.generate(store_key) for _ in voices]
    rows = [
        SimpleNamespace(id=str(number), tenant_id="", own_key=key.wrapped(store_key, "", str(number)))
        for number, key in enumerate(keys)
    ]
    sealed = [sealed_voiceprint(key, voice[None], "one") for key, voice in zip(keys, voices, strict=True)]
    began_s = time.process_time()
    for at in range(0, len(rows), SEALED_AT_ONCE):
        some = slice(at, at + SEALED_AT_ONCE)
        opened_voiceprints(
            [
                (ProfileKey.of(store_key, row), each, ("one",))
                for row, each in zip(rows[some], sealed[some], strict=True)
            ]
        )
    return (time.process_time() - began_s) / len(rows) * 1e6


def quickest(*works: Callable[[], object]) -> list[float]:
    """The shortest of some times that each work takes, in seconds; by turns, as memory is not always as quick."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, taken in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
    return [min(each) for each in times]


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    parser.add_argument("--probes", type=int, default=8000, help=f"a multiple of {PROBES}")
    parser.add_argument("--fit", action="store_true", help="write the thresholds of searches into the calibration")
    parser.add_argument("--count", type=int, help="measure time and memory of so many people instead")
    given = parser.parse_args()
    settings = Settings().with_values({"voice": {"encoder": given.encoder}}, "--encoder")
    calibration = Engines(settings, Catalog(data_folder())).models(with_words=False).calibration
    assert calibration.cohort is not None, "this encoder has no cohort"
    cohort = calibration.cohort.embeddings
    if given.count:
        report_cost(People(cohort, 1.0, 1.0), calibration, given.count)
        return
    people = measured_people(calibration, cohort)
    if given.fit:
        calibration = fit(calibration, people, target_far(settings.decision), given.probes)
        path = Path("models") / f"{given.encoder}.calibration.json"
        data = json.loads(path.read_text())
        data = {**data, "search": calibration.search, "provenance": data.pop("provenance")}
        path.write_text(json.dumps(data, indent=2) + "\n")
        print("thresholds of searches, over that of 1 %:", calibration.search)
    report_rates(calibration, people, settings, given.probes)


if __name__ == "__main__":
    main()
