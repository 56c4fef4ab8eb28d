"""From the similarity of two sounds to whether one is a replay of the other."""

from collections.abc import Sequence
from dataclasses import fields

from streamauth.core.replay.comparison import Likeness, likeness
from streamauth.core.replay.trail import Trail

BOUNDS = Likeness(steady=0.53, drifting=0.60, pieced=0.95, word=0.987, stretch=0.968, repeated=0.965)
"""What no repeat by the same person reaches (``scripts/measure/replay.py --people`` tells the nearest).

Of 1,731 repeats of four words and 921 of sentences the nearest come to 0.485, 0.507, 0.922, 0.976, 0.951 and 0.944. The
people who were not chosen on come nearer than those who were by at most 0.015; sentences, which one reader said in a
very even way, by 0.09 in ``steady``, so that the margin over words is wide there.
"""


def is_replay(found: Likeness) -> bool:
    """Whether a sound was heard before: one bound that is reached is enough."""
    return any(getattr(found, each.name) >= getattr(BOUNDS, each.name) for each in fields(Likeness))


def heard_before(heard: Sequence[Trail], earlier: Sequence[Trail], *, prompted: bool = False) -> bool:
    """Whether a sound is an earlier one again.

    Args:
        heard: Its trail; with a prompt, those at all phases.
        earlier: The trails that it may be.
        prompted: Whether it was to be the words of a random prompt: only then is it worth the trouble to join single
            words, and a person who says the same phrase again is never pieced together of earlier times.
    """
    return (prompted or bool(earlier)) and is_replay(likeness(heard, earlier, prompted=prompted))
