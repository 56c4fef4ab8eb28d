"""Forecast for a new voiceprint: how often its owner will be refused, and others taken for the owner.

Each utterance is compared with the voiceprint of the others, as a later attempt would be, and the cohort stands for
impostors; with so few of either, what is taken from them is where their LLRs lie, not how often they cross the bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np

from streamauth.core.audio.quality import Quality
from streamauth.core.events import Reason
from streamauth.core.ports import Voiceprint
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.pooling import VoiceSample
from streamauth.core.voice.scoring import Gallery
from streamauth.core.voice.voiceprint import mean_of

QUIETER_DB = 20.0
"""Signal-to-noise ratio of an enrollment from which a quieter place would hardly help."""
WORTH_ONE_MORE = 0.02
"""Expected rate of false rejects from which one more utterance is asked for."""
_QUIET = Quality(-25.0, 30.0, 0.0, 0.0, -20.0, False)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected error rates of attempts in quiet, and what would better them.

    Attributes:
        frr: Share of attempts of the owner that will be refused, in [0, 1]; None after a single utterance.
        far: Share of attempts of others that will be accepted, in [0, 1]; None without a cohort.
        advice: What would help.
    """

    frr: float | None
    far: float | None
    advice: tuple[Reason, ...]


def forecast(
    utterances: Sequence[tuple[Voiceprint, float]], snr_db: float | None, calibration: Calibration, accept_llr: float
) -> Forecast:
    """What the voiceprint of these utterances is worth.

    Args:
        utterances: (voiceprint of the utterance, net speech in s) of each; at least one.
        snr_db: Least signal-to-noise ratio among them; None where it is not known.
        calibration: Of the encoder.
        accept_llr: The LLR from which attempts are accepted.
    """
    voiceprints, lengths_s = [one for one, _ in utterances], [length_s for _, length_s in utterances]
    frr = far = None
    spread = max(calibration.target_spread, 1e-3)
    if len(utterances) > 1:
        left_out = []
        for index, (voiceprint, speech_s) in enumerate(utterances):
            rest = (voiceprints[:index] + voiceprints[index + 1 :], lengths_s[:index] + lengths_s[index + 1 :])
            # a later attempt is the voice as it is
            attempt = VoiceSample(np.atleast_2d(voiceprint)[0], speech_s)
            left_out.append(Gallery((mean_of(*rest),), calibration).best(attempt, _QUIET).llr)
        frr = _below(accept_llr, float(np.mean(left_out)), spread)
    if calibration.cohort is not None:
        mine = Gallery((mean_of(voiceprints, lengths_s),), calibration)
        speech_s = float(np.mean(lengths_s))
        others = [mine.best(VoiceSample(row, speech_s), _QUIET).llr for row in calibration.cohort.embeddings]
        far = 1 - _below(accept_llr, float(np.mean(others)), float(np.std(others)) + 1e-3)
    noisy = snr_db is not None and snr_db < QUIETER_DB
    few = frr is None or frr > WORTH_ONE_MORE
    return Forecast(frr, far, (Reason.QUIETER_PLACE,) * noisy + (Reason.ONE_MORE_UTTERANCE,) * few)


def _below(bound: float, mean: float, spread: float) -> float:
    """Share of a normal distribution below a bound."""
    return 0.5 * erfc((mean - bound) / (spread * sqrt(2)))
