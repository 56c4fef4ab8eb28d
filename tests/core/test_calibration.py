import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.calibration import Calibration, cosine

CALIBRATION = Calibration("x", (20.0, 5.0), (-12.0, -2.0), (0.8, 10.0), ((0.1, -2.0), (0.01, 1.0), (0.001, 4.0)))


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.1, 100))
def test_a_higher_score_is_never_a_lower_llr(a: float, b: float, speech_s: float) -> None:
    low, high = sorted((a, b))
    assert CALIBRATION.llr(low, speech_s) <= CALIBRATION.llr(high, speech_s)


def test_speech_outside_of_the_fitted_range_counts_as_its_end() -> None:
    assert CALIBRATION.llr(0.7, 0.1) == CALIBRATION.llr(0.7, 0.8)
    assert CALIBRATION.llr(0.7, 99.0) == CALIBRATION.llr(0.7, 10.0)


def test_the_threshold_is_the_measured_one_at_measured_rates_and_between_them() -> None:
    assert CALIBRATION.threshold(0.01) == pytest.approx(1.0)
    assert CALIBRATION.threshold(0.1) == pytest.approx(-2.0)
    assert CALIBRATION.threshold(10**-1.5) == pytest.approx(-0.5)


@given(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5))
def test_a_stricter_target_is_never_a_lower_threshold(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert CALIBRATION.threshold(low) >= CALIBRATION.threshold(high)


def test_beyond_the_measured_rates_the_threshold_rises_by_the_ratio() -> None:
    assert CALIBRATION.threshold(0.0001) == pytest.approx(4.0 + np.log(10))


def test_cosine_stays_in_range_for_vectors_that_are_barely_too_long() -> None:
    vector = np.full(4, 0.5000001, np.float32)
    assert cosine(vector, vector) <= 1.0
    assert cosine(vector, -vector) >= -1.0
