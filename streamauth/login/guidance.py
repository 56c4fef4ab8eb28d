"""What a person is told while their voice is enrolled. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

QUIET_DBFS = -45.0
NOISY_DBFS = -40.0
STANDS_OUT_DB = 10.0
TO_READ = (
    "On a clear day you can see the old lighthouse from the kitchen window. Every morning a small boat leaves the "
    "harbour, and gulls follow it as far as the third buoy. My neighbour keeps bees behind the yellow house; in June "
    "she brings us honey, and we give her a box of cherries. 4 7 1 9. 2 8 0 5. 3 6 9 1. 7 0 4 2. 8 5 3 6."
)
"""More than twenty seconds, with most sounds of English, and with digits, as they are said at each login."""


def level_advice(levels: Sequence[Mapping[str, Any]]) -> tuple[bool, str]:
    """Whether the microphone's level will do, and a sentence.

    Args:
        levels: ``level`` events of a few seconds in which somebody spoke: ``rms_dbfs`` and ``clipped`` of each.
    """
    if not levels:
        return False, "The microphone gave no audio."
    loudness = sorted(float(level["rms_dbfs"]) for level in levels)
    # a tenth of the time is speech at least, or nobody spoke; people pause between words, noise does not
    silence, speech = loudness[0], loudness[-1 - len(loudness) // 10]
    if sum(bool(level["clipped"]) for level in levels) * 20 > len(levels):
        return False, "Too loud: the sound is distorted. Lower the input level or step back."
    if speech < QUIET_DBFS:
        return False, "Too quiet. Come closer, or raise the input level with alsamixer (F4)."
    if speech - silence < STANDS_OUT_DB:
        if silence > NOISY_DBFS:
            return False, "There is much noise. Find a quieter place, or another microphone."
        return False, "No speech stands out. Did you speak? Is it the right microphone?"
    return True, f"Good: speech {speech:.0f} dBFS, background {silence:.0f} dBFS."
