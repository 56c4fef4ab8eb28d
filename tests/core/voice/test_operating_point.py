from dataclasses import replace
from math import log

import pytest

from streamauth.core.voice.operating_point import PRESETS, accept_bound, target_far
from streamauth.settings import DecisionSettings
from tests.fakes import FAKE_CALIBRATION


@pytest.mark.parametrize(("name", "far"), PRESETS.items())
def test_a_preset_is_the_bound_of_its_rate(name: str, far: float) -> None:
    settings = DecisionSettings(operating_point=name)
    assert target_far(settings) == far
    assert accept_bound(settings, FAKE_CALIBRATION) == FAKE_CALIBRATION.threshold(far)
    assert accept_bound(settings, FAKE_CALIBRATION, rolling=True) == FAKE_CALIBRATION.threshold(far, rolling=True)


def test_a_rate_of_ones_own_comes_before_the_preset() -> None:
    settings = DecisionSettings(operating_point="strict", target_far=0.05)
    assert accept_bound(settings, FAKE_CALIBRATION) == FAKE_CALIBRATION.threshold(0.05)


def test_more_chances_share_the_rate() -> None:
    settings = DecisionSettings(target_far=0.05)
    assert accept_bound(settings, FAKE_CALIBRATION, chances=5) == FAKE_CALIBRATION.threshold(0.01)


def test_prior_and_costs_give_the_bayes_threshold() -> None:
    settings = DecisionSettings(prior=0.5, cost_ratio=100.0)
    assert accept_bound(settings, FAKE_CALIBRATION) == pytest.approx(log(100))
    assert accept_bound(replace(settings, prior=0.9), FAKE_CALIBRATION) == pytest.approx(log(100 / 9))
    assert accept_bound(settings, FAKE_CALIBRATION, chances=3) == pytest.approx(log(300))
