import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.evaluation.metrics import (
    act_dcf,
    cllr,
    det_points,
    eer,
    error_rates,
    frr_at_far,
    min_cllr,
    min_dcf,
    pav,
    threshold_at_far,
    wilson,
)

SCORES = st.lists(st.integers(-20, 20).map(lambda n: n / 4), min_size=1, max_size=60)


def slow_rates(targets: list[float], nontargets: list[float]) -> list[tuple[float, float]]:
    """Error rates by counting, at every threshold between and beyond the scores."""
    thresholds = [*sorted({*targets, *nontargets}), 1e9]
    return [
        (sum(t < x for t in targets) / len(targets), sum(n >= x for n in nontargets) / len(nontargets))
        for x in thresholds
    ]


@given(SCORES, SCORES)
def test_rates_agree_with_counting(targets: list[float], nontargets: list[float]) -> None:
    _, frr, far = error_rates(targets, nontargets)
    assert list(zip(frr, far, strict=True)) == [pytest.approx(pair) for pair in slow_rates(targets, nontargets)]


@given(SCORES, SCORES)
def test_eer_lies_where_the_counted_curves_cross(targets: list[float], nontargets: list[float]) -> None:
    rates = slow_rates(targets, nontargets)
    value = eer(targets, nontargets)
    crossing = next(i for i, (frr, far) in enumerate(rates) if frr >= far)
    frr, far = rates[crossing]
    if crossing:
        before_frr, before_far = rates[crossing - 1]
        assert max(before_frr, min(frr, far)) - 1e-9 <= max(value, before_frr)
        assert value <= min(before_far, max(frr, far)) + 1e-9
        assert before_frr - 1e-9 <= value <= frr + 1e-9
    else:
        assert value == frr


@given(SCORES, SCORES, st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_frr_at_far_agrees_with_counting(targets: list[float], nontargets: list[float], limit: float) -> None:
    best = min(frr for frr, far in slow_rates(targets, nontargets) if far <= limit)
    assert frr_at_far(targets, nontargets, limit) == pytest.approx(best)


@given(SCORES, SCORES, st.sampled_from([0.01, 0.05, 0.5]))
def test_min_dcf_agrees_with_counting(targets: list[float], nontargets: list[float], prior: float) -> None:
    rates = [(0.0, 1.0), *slow_rates(targets, nontargets)]
    best = min(prior * frr + (1 - prior) * far for frr, far in rates) / min(prior, 1 - prior)
    assert min_dcf(targets, nontargets, prior) == pytest.approx(best)


@given(SCORES, st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_the_threshold_at_a_rate_lets_no_more_through(nontargets: list[float], far: float) -> None:
    threshold = threshold_at_far(nontargets, far)
    assert sum(score >= threshold for score in nontargets) <= far * len(nontargets) + 1e-9


def slow_posteriors(targets: list[float], nontargets: list[float]) -> dict[float, float]:
    """Isotonic regression by its definition: the greatest, over all begins, of the least mean over all ends."""
    scores = sorted({*targets, *nontargets})
    hits = [targets.count(score) for score in scores]
    totals = [hit + nontargets.count(score) for hit, score in zip(hits, scores, strict=True)]

    def mean(first: int, last: int) -> float:
        return sum(hits[first : last + 1]) / sum(totals[first : last + 1])

    return {
        score: max(min(mean(first, last) for last in range(at, len(scores))) for first in range(at + 1))
        for at, score in enumerate(scores)
    }


@given(SCORES, SCORES)
def test_min_cllr_agrees_with_isotonic_regression_by_definition(targets: list[float], nontargets: list[float]) -> None:
    posterior = slow_posteriors(targets, nontargets)
    odds = len(targets) / len(nontargets)

    def bits(scores: list[float], sign: int) -> float:
        costs = []
        for score in scores:
            p = posterior[score]
            llr = math.inf if p == 1 else -math.inf if p == 0 else math.log(p / (1 - p) / odds)
            costs.append(math.log2(1 + math.exp(-sign * llr)))
        return sum(costs) / len(costs)

    assert min_cllr(targets, nontargets) == pytest.approx((bits(targets, 1) + bits(nontargets, -1)) / 2, abs=1e-9)


@given(SCORES, SCORES)
def test_blocks_of_the_best_map_hold_every_trial_and_rise(targets: list[float], nontargets: list[float]) -> None:
    first, target, nontarget = pav(targets, nontargets)
    assert target.sum() == pytest.approx(1)
    assert nontarget.sum() == pytest.approx(1)
    assert (np.diff(first) > 0).all()
    ratios = target / np.maximum(nontarget, 1e-300)
    assert (np.diff(ratios) > 0).all()


@given(SCORES, SCORES)
def test_no_llrs_cost_less_than_the_best_map_of_them(targets: list[float], nontargets: list[float]) -> None:
    assert min_cllr(targets, nontargets) <= cllr(targets, nontargets) + 1e-9
    # the map depends on the order alone
    shifted = min_cllr([3 * score + 2 for score in targets], [3 * score + 2 for score in nontargets])
    assert min_cllr(targets, nontargets) == pytest.approx(shifted)


@given(SCORES, SCORES, st.sampled_from([0.01, 0.05, 0.5]))
def test_act_dcf_agrees_with_counting_and_is_not_under_the_least(
    targets: list[float], nontargets: list[float], prior: float
) -> None:
    threshold = -math.log(prior / (1 - prior))
    missed = sum(score < threshold for score in targets) / len(targets)
    accepted = sum(score >= threshold for score in nontargets) / len(nontargets)
    cost = (prior * missed + (1 - prior) * accepted) / min(prior, 1 - prior)
    assert act_dcf(targets, nontargets, prior) == pytest.approx(cost)
    assert min_dcf(targets, nontargets, prior) <= act_dcf(targets, nontargets, prior) + 1e-9


@given(SCORES, SCORES)
def test_points_of_the_curve_are_its_corners(targets: list[float], nontargets: list[float]) -> None:
    far, frr = det_points(targets, nontargets)
    counted = {(a, r) for r, a in slow_rates(targets, nontargets)}
    assert {(round(a, 9), round(r, 9)) for a, r in zip(far, frr, strict=True)} <= {
        (round(a, 9), round(r, 9)) for a, r in counted
    }
    assert (far[0], frr[0]) == (1, 0)
    assert (far[-1], frr[-1]) == (0, 1)
    # the way along the corners passes through every counted point
    for a, r in counted:
        between = (far[:-1] >= a - 1e-9) & (far[1:] <= a + 1e-9) & (frr[:-1] <= r + 1e-9) & (frr[1:] >= r - 1e-9)
        assert between.any()


def test_cllr_of_known_values() -> None:
    assert cllr([0.0, 0.0], [0.0]) == pytest.approx(1.0)
    assert cllr([50.0], [-50.0]) == pytest.approx(0.0, abs=1e-9)
    assert cllr([np.log(3)], [-np.log(3)]) == pytest.approx(np.log2(4 / 3))


def test_separated_scores_have_no_error() -> None:
    assert eer([2.0, 3.0], [0.0, 1.0]) == 0.0
    assert frr_at_far([2.0, 3.0], [0.0, 1.0], 0.0) == 0.0
    assert eer([0.0, 1.0], [2.0, 3.0]) == 1.0


def test_wilson_of_no_errors_still_has_width() -> None:
    assert wilson(0, 100) == pytest.approx((0.0, 0.037), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("bad", [[], [float("nan")], [float("inf")]])
def test_scores_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        eer(bad, [0.0])
