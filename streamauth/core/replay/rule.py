"""From the similarity of two sounds to whether one is a replay of the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamauth.core.replay.comparison import Likeness, likeness, repeated_stretch, stretch_in
from streamauth.core.replay.trail import Trail


@dataclass(frozen=True, slots=True)
class ReplayRule:
    """Bounds that next to no repeat by the same person reaches (``scripts/measure/replay.py --people``).

    Of 1,705 repeats of a phrase two reach the first one: two takes of one person, which are alike in all four words, as
    no other two of that person are; in that set some takes are one recording that was processed again. Of 1,705 that
    said the words of earlier prompts again, 23 by seven people reach one of the others.

    Attributes:
        whole: For one recording as a whole.
        pieced: For a recording pieced together of earlier ones; it has more chances, so that it lies higher.
        stretch: For a word of an earlier recording, or one that comes twice in the same attempt.
    """

    whole: float = 0.72
    pieced: float = 0.93
    stretch: float = 0.97

    def is_replay(self, found: Likeness, *, prompted: bool) -> bool:
        """Whether the sound was heard before.

        Args:
            found: How alike it is to earlier sounds.
            prompted: Whether a random prompt was to be said: only then is it worth the trouble to piece words together,
                and a person who says the same phrase again is never pieced together of earlier times.
        """
        return found.whole >= self.whole or (prompted and found.pieced >= self.pieced)

    def has_stretch(self, heard: Sequence[Trail], earlier: Sequence[Trail]) -> bool:
        """Whether 0.4 s of it were in an earlier sound, or come twice in this one."""
        return repeated_stretch(heard) >= self.stretch or stretch_in(heard, earlier) >= self.stretch


_RULE = ReplayRule()


def heard_before(heard: Sequence[Trail], earlier: Sequence[Trail], *, prompted: bool = False) -> bool:
    """Whether a sound is an earlier one again.

    Args:
        heard: Its trail; with a prompt, those at all phases.
        earlier: The trails that it may be.
        prompted: Whether it was to be the words of a random prompt: then it may be pieced together, too.
    """
    if earlier and _RULE.is_replay(likeness(heard[0], earlier), prompted=prompted):
        return True
    return prompted and _RULE.has_stretch(heard, earlier)
