"""Our log-likelihood ratios on the scale of the API."""

import math
from typing import Literal

from streamauth.errors import EngineError
from streamauth.protocol.disclosure import Disclosure

_HIGH = 0.9
_STEPS = (0.05, 0.4, 0.6, 0.95)
_FAR_NATS = 4.0


def score_of(llr: float, threshold: float) -> float:
    """A score in [0, 1] that rises with the LLR and is 0.5 at the threshold: ``1 / (1 + exp(threshold - llr))``.

    By Bayes' rule that is the probability of the same speaker, where the threshold is the one of equal odds.

    Args:
        llr: Natural-log likelihood ratio of the voice.
        threshold: The LLR that an accept takes, in nats.

    Raises:
        EngineError: A number is NaN or infinite.
    """
    margin = llr - threshold
    if not math.isfinite(margin):
        raise EngineError
    if margin >= 0:
        return 1.0 / (1.0 + math.exp(-margin))
    odds = math.exp(margin)
    return odds / (1.0 + odds)


def confidence_of(score: float) -> Literal["Low", "Normal", "High"]:
    """The confidence that the first generation tells in place of a score: Low under the threshold."""
    if score < 0.5:
        return "Low"
    return "High" if score >= _HIGH else "Normal"


def told(score: float, level: Disclosure) -> float:
    """The score as a caller may learn it: as it is, in four steps, or only on which side of 0.5 it is."""
    if level is Disclosure.NUMBER:
        return score
    if level is Disclosure.LEAST:
        return float(score >= 0.5)
    far = score_of(_FAR_NATS, 0.0)
    return _STEPS[(score > 1 - far) + (score >= 0.5) + (score > far)]
