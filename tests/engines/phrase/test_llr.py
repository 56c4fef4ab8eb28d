"""What the likelihood ratio of a phrase makes of its measures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.engines.phrase.llr import KNOTS, llr_of

GOOD = (-0.5, -3.0, -0.7, 6.0, 3.0, 2.0, -0.4, -1.0, -0.3, 2.0, 0.0, 4.0, 8.0, 0.0, float(np.log(25)))
"""Measures of words that were said clearly."""


def changed(index: int, value: float) -> tuple[float, ...]:
    return (*GOOD[:index], value, *GOOD[index + 1 :])


@given(st.integers(0, len(KNOTS) - 1), st.floats(-20, 10), st.floats(0, 10))
def test_better_evidence_is_never_worth_less(index: int, value: float, more: float) -> None:
    assert llr_of(changed(index, value + more)) >= llr_of(changed(index, value)) - 1e-9


@pytest.mark.parametrize(
    ("index", "bad"),
    [
        pytest.param(3, -20.0, id="a word was dropped"),
        pytest.param(5, -20.0, id="other words around it"),
        pytest.param(7, -8.0, id="something else inside"),
    ],
)
def test_one_bad_place_weighs_more_than_all_others_gain(index: int, bad: float) -> None:
    best = tuple(0.0 if value < 0 else 10.0 if at in range(3, 13) else value for at, value in enumerate(GOOD))
    assert llr_of(GOOD) > 2
    assert llr_of((*best[:index], bad, *best[index + 1 :])) < llr_of(GOOD)


def test_a_likelihood_ratio_has_an_end() -> None:
    assert llr_of((*(-20.0,) * 13, 0.0, 3.0)) == -30.0
