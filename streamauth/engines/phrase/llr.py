"""The logistic regression that joins the measures for a phrase to one likelihood ratio.

Fitted by ``scripts/measure/phrase_llr.py`` on recordings of people whom the scoring network had not heard. The measures
are those of ``measures.Alignment``, in its order.
"""

from collections.abc import Sequence

import numpy as np

from streamauth.core.ports import LEAST_LLR

KNOTS = (
    *((-0.5, -1.5), (-2, -6), (-0.4, -1.2), (0, 4), (0, 4), (0, 4), (-0.5, -1.5)),
    *((-1, -3), (-1, -3), (-2, 2), (-2, 2), (0, 4), (0, 4)),
)
"""For each of the bounded measures where it stops to matter as much: a weight below each knot, and one everywhere."""

_WEIGHTS = (
    *(0, 0, 0.2414, 0, 0.1525, 0, 0, 0, 0, 0.0073, 0, 0.0102, 0, 1.1001, 0.4145, 0, 0, 0, 0, 0.2414),
    *(0, 0.1, 0, 0, 0, 0.1, 0, 0, 1.5275, 0, 0.5199, 0.5095, 0.9942, 0, 0.0073, 0.0593, 0, 0.0336, 0),
    *(0.1346, 0.121),
)
_BIAS = 9.4058


def terms(measures: Sequence[float]) -> tuple[float, ...]:
    """What the weights belong to: the measures, and each bounded one again, cut off at its knots.

    With weights that are not negative their sum rises in each measure, and the less, the higher it is: a word that
    was hardly said is not made up for by the others.
    """
    cut = (min(measures[index], knot) for index, knots in enumerate(KNOTS) for knot in knots)
    return (*measures, *cut)


def llr_of(measures: Sequence[float]) -> float:
    """Natural-log likelihood ratio that just the expected words were said, at least ``LEAST_LLR``."""
    return max(LEAST_LLR, float(np.dot(_WEIGHTS, terms(measures))) + _BIAS)
