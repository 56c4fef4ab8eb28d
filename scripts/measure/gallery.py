"""Identification among many: the false-accept rate of a whole search, and what it costs in time and memory.

    python -m scripts.measure.gallery [--encoder NAME] [--most 100000] [--probes 2000]

Voices are synthetic: drawn from a normal distribution with the mean and the covariance of the encoder's cohort, which
are embeddings of real people, and brought to unit length. The covariance is made smaller until one comparison of two
people reaches the threshold of the target rate as often as the calibration found with real people. Each probe is of
somebody who is not enrolled. A normal distribution has thinner tails than people: relatives are not in it. Times are
ratios within one run, on one thread.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streamauth.catalog.registry import Catalog
from streamauth.core.audio.quality import Quality
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.operating_point import accept_bound, target_far
from streamauth.core.voice.voiceprint import Voiceprints
from streamauth.engines.loader import Engines
from streamauth.evaluation.metrics import wilson
from streamauth.settings import Settings, data_folder

SEED = 1
SPEECH_S = 4.0
QUIET = Quality(-20.0, 30.0, 0.0, 0.0, -15.0, False)
BATCH = 50
ROUNDS = 5
STEPS, FIT = 12, 500
COUNTS = (10, 1_000, 100_000, 1_000_000)


def drawn(count: int, cohort: NDArray[np.float32], rng: np.random.Generator, size: float) -> NDArray[np.float32]:
    """Voices of people that nobody is, of unit length, shape (count, dim)."""
    centred = cohort - cohort.mean(axis=0)
    # a mixture of the people of the cohort has its covariance, whatever its rank
    mixed = rng.standard_normal((count, len(cohort)), np.float32) @ centred / np.sqrt(np.float32(len(cohort)))
    voices = cohort.mean(axis=0) + np.float32(size) * mixed
    return np.asarray(voices / np.linalg.norm(voices, axis=1, keepdims=True), np.float32)


def false_accepts(
    people: NDArray[np.float32], probes: NDArray[np.float32], calibration: Calibration, bound: float
) -> tuple[int, int]:
    """How many probes reach the bound with anybody, and how many comparisons do."""
    cohort = calibration.normalizer
    gallery = Voiceprints(list(people[:, None]))
    if cohort is not None:
        means, spreads = cohort.statistics(gallery.similarities(cohort.embeddings))
        probe_means, probe_spreads = cohort.statistics(probes @ cohort.embeddings.T)
    accepted = alone = 0
    for begin in range(0, len(probes), BATCH):
        similar = gallery.similarities(probes[begin : begin + BATCH])
        for number in range(similar.shape[1]):
            scores = similar[:, number]
            if cohort is not None:
                mean, spread = probe_means[begin + number], probe_spreads[begin + number]
                scores = ((scores - means) / spreads + (scores - mean) / spread) / 2
            reached = calibration.llrs(scores, SPEECH_S, QUIET) >= bound
            accepted, alone = accepted + bool(reached.any()), alone + int(reached.sum())
    return accepted, alone


def fitted_size(calibration: Calibration, cohort: NDArray[np.float32], target: float) -> float:
    """How much of the covariance makes single comparisons reach the threshold of the target as often as it says."""
    bound, low, high = calibration.threshold(target), 0.1, 1.5
    for _ in range(STEPS):
        size, rng = (low + high) / 2, np.random.default_rng(SEED)
        people, probes = drawn(FIT, cohort, rng, size), drawn(FIT, cohort, rng, size)
        rate = false_accepts(people, probes, calibration, bound)[1] / FIT**2
        low, high = (size, high) if rate > target else (low, size)
    return (low + high) / 2


def quickest(work: Callable[[], object]) -> float:
    """The shortest of some times that work takes, in seconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Print one line for each number of people."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    parser.add_argument("--most", type=int, default=100_000, help="people at most")
    parser.add_argument("--probes", type=int, default=2000)
    given = parser.parse_args()
    configured = Settings().with_values({"voice": {"encoder": given.encoder}}, "--encoder")
    calibration = Engines(configured, Catalog(data_folder())).models(with_words=False).calibration
    assert calibration.cohort is not None, "this encoder has no cohort"
    settings, rng = Settings().decision, np.random.default_rng(SEED)
    cohort = calibration.cohort.embeddings
    size = fitted_size(calibration, cohort, target_far(settings))
    probes = drawn(given.probes, cohort, rng, size)
    print(f"target {target_far(settings):.1%}, size of the covariance {size:.2f}\n")
    print("| people | threshold, nats | false accepts | rate, 95 % | search / bare product | search, ms | memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for count in (count for count in COUNTS if count <= given.most):
        people = np.concatenate([drawn(min(10_000, count - at), cohort, rng, size) for at in range(0, count, 10_000)])
        bound = accept_bound(settings, calibration, chances=count)
        accepted, _ = false_accepts(people, probes, calibration, bound)
        low, high = wilson(accepted, given.probes)
        gallery, probe = Voiceprints(list(people[:, None])), probes[:1]
        views, middles = people, people.copy()  # the search looks at each voiceprint's view and at its middle
        search_s = quickest(lambda gallery=gallery, probe=probe: gallery.similarities(probe))  # type: ignore[misc]
        bare_s = quickest(lambda views=views, middles=middles, probe=probe: (views @ probe.T, middles @ probe.T))  # type: ignore[misc]
        megabytes = 2 * people.nbytes / 1e6
        print(
            f"| {count:,} | {bound:.1f} | {accepted} of {given.probes} | {low:.2%} to {high:.2%} "
            f"| {search_s / bare_s:.2f} | {search_s * 1000:.2f} | {megabytes:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
