"""From the operator's target (a false-accept rate, or prior and costs) to the LLR that must be reached."""

from math import log

from streamauth.core.settings import DecisionSettings
from streamauth.core.voice.calibration import Calibration

PRESETS = {"convenience": 0.03, "balanced": 0.01, "strict": 0.001, "nist": 0.0001}
"""False-accept rates of whole attempts by name; ``nist`` is what SP 800-63B-4, 3.2.3, asks of biometrics."""


def target_far(settings: DecisionSettings) -> float:
    """The false-accept rate that is aimed at, where no prior is given."""
    return settings.target_far or PRESETS[settings.operating_point]


def accept_bound(
    settings: DecisionSettings, calibration: Calibration, *, chances: int = 1, rolling: bool = False
) -> float:
    """The LLR from which an attempt is accepted, in nats.

    With a prior it is the Bayes threshold, ``ln(cost ratio · (1 - prior) / prior)``; else that of the target rate.

    Args:
        settings: The operating point.
        calibration: Of the encoder in use.
        chances: Voiceprints that the voice may resemble, which share the rate.
        rolling: Whether the attempt is looked at again with each window.
    """
    if settings.prior:
        return log(settings.cost_ratio * (1 - settings.prior) / settings.prior) + log(chances)
    return calibration.search_threshold(target_far(settings), chances, rolling=rolling)
