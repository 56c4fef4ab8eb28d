"""From the similarity of two sounds to whether one is a replay of the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamauth.core.replay.comparison import Likeness, likeness
from streamauth.core.replay.trail import Trail


@dataclass(frozen=True, slots=True)
class ReplayRule:
    """Bounds that next to no repeat by the same person reaches.

    One of 1,705 does, by a person who says single words very evenly (``scripts/measure/replay.py``).

    Attributes:
        whole: For one recording as a whole.
        pieced: For a recording pieced together of earlier ones; it has more chances, so that it lies higher.
    """

    whole: float = 0.72
    pieced: float = 0.93

    def is_replay(self, found: Likeness, *, prompted: bool) -> bool:
        """Whether the sound was heard before.

        Args:
            found: How alike it is to earlier sounds.
            prompted: Whether a random prompt was to be said: only then is it worth the trouble to piece words together,
                and a person who says the same phrase again is never pieced together of earlier times.
        """
        return found.whole >= self.whole or (prompted and found.pieced >= self.pieced)


_RULE = ReplayRule()


def heard_before(trail: Trail, earlier: Sequence[Trail], *, prompted: bool = False) -> bool:
    """Whether a trail is an earlier one again: as a whole or, with a prompt, pieced together."""
    return bool(earlier) and _RULE.is_replay(likeness(trail, earlier), prompted=prompted)
