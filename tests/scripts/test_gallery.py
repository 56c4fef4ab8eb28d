"""The false-accept rate of searches, on few synthetic people."""

import numpy as np
import pytest

from scripts.measure.gallery import PAIRS, QUIET, SPEECH_S, People, Scorer, highest
from streamauth.catalog.registry import Catalog
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.operating_point import accept_bound
from streamauth.engines.loader import Engines
from streamauth.settings import Settings, data_folder


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return Engines(Settings(), Catalog(data_folder())).models(with_words=False).calibration


@pytest.fixture(scope="module")
def people(calibration: Calibration) -> People:
    """As ``measured_people`` finds them, which takes longer."""
    assert calibration.cohort is not None
    return People(calibration.cohort.embeddings, 0.6, 1.3)


def test_single_comparisons_are_like_those_of_real_people(calibration: Calibration, people: People) -> None:
    rng = np.random.default_rng(3)
    scorer = Scorer(calibration, people.draw(PAIRS, rng))
    llrs = scorer.llrs(scorer.scores(people.draw(PAIRS, rng)).ravel())
    for rate, threshold in calibration.thresholds:
        assert rate / 2 < float(np.mean(llrs >= threshold)) < rate * 2


@pytest.mark.parametrize("count", [3, 10, 100, 1000])
def test_the_rate_of_the_whole_search_is_the_target(calibration: Calibration, people: People, count: int) -> None:
    bound = accept_bound(Settings().decision, calibration, chances=count)
    rate = float(np.mean(highest(people, calibration, count, 4000, seed=3) >= bound))
    assert 0.005 < rate < 0.02


def test_a_true_score_can_reach_the_threshold_of_many(calibration: Calibration) -> None:
    best = calibration.llrs(np.ones(1), SPEECH_S, QUIET)[0]
    assert accept_bound(Settings().decision, calibration, chances=100_000) < best
