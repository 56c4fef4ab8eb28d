"""From the similarity of two sounds to whether one is a replay of the other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from streamauth.core.replay.comparison import Likeness, likeness
from streamauth.core.replay.trail import Trail


@dataclass(frozen=True, slots=True)
class ReplayRule:
    """Bounds that no repeat by the same person reaches (``scripts/measure/replay.py --people`` tells the nearest).

    Of 1,731 repeats of four words and 921 of sentences the nearest come to 0.485, 0.507, 0.922, 0.976, 0.951 and 0.944.
    The people who were not chosen on come nearer than those who were by at most 0.015; sentences, which one reader said
    in a very even way, by 0.09 in ``steady``, so that the margin over words is wide there.

    Attributes:
        steady: For one recording as a whole.
        drifting: For one that is played a little faster or slower.
        pieced: For a recording pieced together of earlier ones.
        word: For a word of an earlier recording, which may be short.
        stretch: For a longer one.
        repeated: For a word that comes twice in the same attempt.
    """

    steady: float = 0.53
    drifting: float = 0.60
    pieced: float = 0.95
    word: float = 0.987
    stretch: float = 0.968
    repeated: float = 0.965

    def is_replay(self, found: Likeness) -> bool:
        """Whether the sound was heard before."""
        bounds = asdict(self)
        return any(getattr(found, name) >= bound for name, bound in bounds.items())


_RULE = ReplayRule()


def heard_before(heard: Sequence[Trail], earlier: Sequence[Trail], *, prompted: bool = False) -> bool:
    """Whether a sound is an earlier one again.

    Args:
        heard: Its trail; with a prompt, those at all phases.
        earlier: The trails that it may be.
        prompted: Whether it was to be the words of a random prompt: only then is it worth the trouble to join single
            words, and a person who says the same phrase again is never pieced together of earlier times.
    """
    return (prompted or bool(earlier)) and _RULE.is_replay(likeness(heard, earlier, prompted=prompted))
