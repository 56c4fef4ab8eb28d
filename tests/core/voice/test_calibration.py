from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.audio.quality import Quality
from streamauth.core.voice.calibration import Calibration, Cohort, cosine, side_information

QUIET = Quality(-20.0, 40.0, 0.0, 0.0, -20.0, False)
CALIBRATION = Calibration(
    "x",
    scale=(20.0, 5.0, 1.0, 2.0, 0.0, 0.0, 0.0),
    offset=(-12.0, -2.0, 1.0, 0.0, 0.5, 0.0, 0.1),
    ranges=((log(0.8), log(10.0)), (0.0, 4.0), (-6.0, -1.0)),
    thresholds=((0.1, -2.0), (0.01, 1.0), (0.001, 4.0)),
    rolling=((0.1, 0.0), (0.01, 3.0)),
    reject_llr=-3.0,
    change_llr=5.0,
)


def llr(score: float, speech_s: float, quality: Quality = QUIET) -> float:
    return float(CALIBRATION.llrs(np.array([score]), speech_s, quality)[0])


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.1, 100), st.floats(-10, 60), st.floats(-60, 0))
def test_a_higher_score_is_never_a_lower_llr(
    a: float, b: float, speech_s: float, snr_db: float, band_db: float
) -> None:
    low, high = sorted((a, b))
    quality = replace(QUIET, snr_db=snr_db, high_band_db=band_db)
    assert llr(low, speech_s, quality) <= llr(high, speech_s, quality)


def test_a_fit_gone_wrong_never_turns_the_order_of_scores_around() -> None:
    wrong = replace(CALIBRATION, scale=(-20.0, *(0.0,) * 6))
    low, high = wrong.llrs(np.array([0.1, 0.9]), 2.0, QUIET)
    assert low < high


def test_many_probes_at_once_get_the_llrs_of_each() -> None:
    random = np.random.default_rng(1)
    scores = random.uniform(-1, 1, 20)
    side = random.uniform((-2, -1, -7), (4, 7, 0), (20, 3))
    for calibration in (CALIBRATION, replace(CALIBRATION, scale=(-20.0, *(0.0,) * 6))):
        each = [calibration.llrs_beside(scores[n : n + 1], side[n])[0] for n in range(20)]
        assert calibration.llrs_beside(scores, side) == pytest.approx(each)


def test_the_terms_are_length_noise_and_bandwidth() -> None:
    length, snr, band = log(2.0), 3.0, -2.0
    quality = Quality(-20.0, 30.0, 0.0, 0.0, -20.0, False)
    assert side_information(2.0, quality) == (length, snr, band)
    scale = 20 + 5 * length + snr + 2 * band
    offset = -12 - 2 * length + snr + 0.5 * length * snr + 0.1 * band * band
    assert llr(0.7, 2.0, quality) == pytest.approx(0.7 * scale + offset)


def test_side_information_outside_of_the_fitted_range_counts_as_its_end() -> None:
    assert llr(0.7, 0.1) == llr(0.7, 0.8)
    assert llr(0.7, 99.0) == llr(0.7, 10.0)
    assert llr(0.7, 2.0, replace(QUIET, snr_db=60.0)) == llr(0.7, 2.0)
    assert llr(0.7, 2.0, replace(QUIET, high_band_db=-60.0)) != llr(0.7, 2.0)


def test_the_threshold_is_the_measured_one_at_measured_rates_and_between_them() -> None:
    assert CALIBRATION.threshold(0.01) == pytest.approx(1.0)
    assert CALIBRATION.threshold(0.1) == pytest.approx(-2.0)
    assert CALIBRATION.threshold(10**-1.5) == pytest.approx(-0.5)
    assert CALIBRATION.threshold(0.01, rolling=True) == pytest.approx(3.0)


@given(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5), st.booleans())
def test_a_stricter_target_is_never_a_lower_threshold(a: float, b: float, rolling: bool) -> None:
    low, high = sorted((a, b))
    assert CALIBRATION.threshold(low, rolling=rolling) >= CALIBRATION.threshold(high, rolling=rolling)


def test_beyond_the_measured_rates_the_threshold_rises_as_before_and_by_the_ratio_at_least() -> None:
    assert CALIBRATION.threshold(0.0001) == pytest.approx(4.0 + 3.0)
    assert CALIBRATION.threshold(0.001, rolling=True) == pytest.approx(3.0 + 3.0)
    flat = replace(CALIBRATION, thresholds=((0.1, 3.5), (0.01, 4.0)), rolling=((0.1, 4.0),))
    assert flat.threshold(0.001) == pytest.approx(4.0 + np.log(10))
    assert flat.threshold(0.01, rolling=True) == pytest.approx(4.0 + np.log(10))


def test_the_cohort_counts_the_highest_scores_of_each_voice() -> None:
    people = np.eye(5, dtype=np.float32)
    scores = np.array([[0.8, 0.6, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]], np.float32)
    # the very highest score of each is left out
    means, spreads = Cohort(people, 2).statistics(scores)
    assert means == pytest.approx([0.3, 0.0])
    assert spreads == pytest.approx([0.3, 1e-3])
    # where all score alike, there is still something to divide by
    assert Cohort(people[:1], 3).statistics(scores[:, :1])[1] == pytest.approx([1e-3, 1e-3])


def test_cosine_stays_in_range_for_vectors_that_are_barely_too_long() -> None:
    vector = np.full(4, 0.5000001, np.float32)
    assert cosine(vector, vector) <= 1.0
    assert cosine(vector, -vector) >= -1.0


def test_the_threshold_of_a_search_follows_what_was_found_out_of_searches() -> None:
    found = replace(CALIBRATION, thresholds=CALIBRATION.thresholds[:-1], search=((0.001, 2.0), (1e-5, 3.0)))
    least, highest = found.thresholds[-1]
    assert least == 0.01
    assert [found.search_threshold(0.01, count) for count in (1, 10, 1000)] == pytest.approx(
        [highest, highest + 2, highest + 3]
    )
    assert found.search_threshold(0.01, 100) == pytest.approx(highest + 2.5), "between them by ln(rate)"
    assert found.search_threshold(0.01, 100_000) == pytest.approx(highest + 4), "beyond them as between the last two"
    # over what the rate itself takes, which stays as it is
    rolling = found.search_threshold(0.01, 10, rolling=True)
    assert rolling == pytest.approx(found.threshold(0.01, rolling=True) + 2)
    assert found.search_threshold(0.001, 1) == found.threshold(0.001)
    assert found.search_threshold(0.001, 100) == pytest.approx(found.threshold(0.001) + 1)
    assert found.search_threshold(0.1, 10) == pytest.approx(highest)


def test_where_nothing_was_found_out_each_candidate_has_its_share_of_the_rate() -> None:
    assert CALIBRATION.search_threshold(0.1, 10) == CALIBRATION.threshold(0.01)
    assert CALIBRATION.search_threshold(0.01, 100, rolling=True) == CALIBRATION.threshold(0.0001, rolling=True)
