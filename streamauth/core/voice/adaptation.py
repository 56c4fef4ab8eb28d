"""A voiceprint that follows its owner's voice: slowly, within bounds, and never in place of what was enrolled.

Voices age and colds pass; but whoever is accepted wrongly must not be able to pull a voiceprint over to their own
voice. So only very confident accepts count, each by a little, and the result stays near the enrolled voiceprint, from
which it can be made anew at any time.
"""

import numpy as np

from streamauth.core.ports import Embedding, Voiceprint
from streamauth.core.settings import AdaptationSettings
from streamauth.core.voice.calibration import cosine
from streamauth.core.voice.pooling import unit


def adapted(
    enrolled: Voiceprint, current: Voiceprint, heard: Embedding, settings: AdaptationSettings
) -> Voiceprint | None:
    """The voiceprint after another accept; None where it would leave the bounds.

    Args:
        enrolled: What was enrolled.
        current: As it is now; at first the enrolled one.
        heard: The voice of the accepted attempt, which each view is moved to.
        settings: Rate and bounds.
    """
    moved = unit((1 - settings.rate) * current + settings.rate * heard)
    # each view by itself: the nearest one counts
    least = min(map(cosine, np.atleast_2d(moved), np.atleast_2d(enrolled)))
    return moved if least >= settings.min_similarity else None
