from dataclasses import replace

import numpy as np
import pytest

from streamauth.core.events import Reason
from streamauth.core.ports import Embedding
from streamauth.core.voice.calibration import Cohort
from streamauth.core.voice.forecast import forecast
from streamauth.core.voice.pooling import unit
from tests.fakes import FAKE_CALIBRATION

DIM = 32
PEOPLE = np.random.default_rng(1).standard_normal((40, DIM)).astype(np.float32)
CALIBRATION = replace(
    FAKE_CALIBRATION,
    scale=(3.0, *(0.0,) * 6),
    offset=(-9.0, *(0.0,) * 6),
    target_spread=3.0,
    cohort=Cohort(np.stack([unit(v) for v in PEOPLE]), 20),
)


def voices(scatter: float, count: int = 3) -> list[tuple[Embedding, float]]:
    random = np.random.default_rng(2)
    me = random.standard_normal(DIM).astype(np.float32)
    return [(unit((me + scatter * random.standard_normal(DIM)).astype(np.float32)), 2.5) for _ in range(count)]


def test_utterances_that_agree_promise_few_errors() -> None:
    sure = forecast(voices(0.3), 40.0, CALIBRATION, 3.0)
    assert sure.frr is not None
    assert sure.far is not None
    assert sure.frr < 0.01
    assert sure.far < 0.01
    assert sure.advice == ()


def test_utterances_that_differ_promise_more_and_ask_for_one_more() -> None:
    unsure = forecast(voices(1.4), 40.0, CALIBRATION, 3.0)
    assert unsure.frr is not None
    assert unsure.frr > 0.05
    assert unsure.advice == (Reason.ONE_MORE_UTTERANCE,)


def test_a_noisy_enrollment_is_told_so() -> None:
    assert forecast(voices(0.3), 10.0, CALIBRATION, 3.0).advice == (Reason.QUIETER_PLACE,)
    assert forecast(voices(0.3), None, CALIBRATION, 3.0).advice == ()


def test_a_stricter_bound_refuses_more_and_accepts_fewer() -> None:
    loose, strict = (forecast(voices(0.8), 40.0, CALIBRATION, bound) for bound in (0.0, 8.0))
    assert loose.frr is not None
    assert strict.frr is not None
    assert loose.far is not None
    assert strict.far is not None
    assert strict.frr > loose.frr
    assert strict.far < loose.far


def test_one_utterance_says_nothing_of_its_owner() -> None:
    single = forecast(voices(0.3, 1), 40.0, CALIBRATION, 3.0)
    assert single.frr is None
    assert single.advice == (Reason.ONE_MORE_UTTERANCE,)


def test_without_a_cohort_nothing_is_known_of_others() -> None:
    assert forecast(voices(0.3), 40.0, replace(CALIBRATION, cohort=None), 3.0).far is None


@pytest.mark.parametrize("count", [2, 5])
def test_rates_are_rates(count: int) -> None:
    found = forecast(voices(1.0, count), 40.0, CALIBRATION, 3.0)
    assert 0 <= (found.frr or 0) <= 1
    assert 0 <= (found.far or 0) <= 1
