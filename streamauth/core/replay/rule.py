"""From how alike two sounds are to whether one is a replay of the other."""

from dataclasses import dataclass

from streamauth.core.replay.comparison import Likeness


@dataclass(frozen=True, slots=True)
class ReplayRule:
    """Bounds that no repeat by the same person reached when they were chosen (``scripts/measure/replay.py``).

    Attributes:
        whole: For one recording as a whole.
        pieced: For a recording pieced together of earlier ones; it has more chances, so that it lies higher.
    """

    whole: float = 0.70
    pieced: float = 0.92

    def is_replay(self, found: Likeness) -> bool:
        """Whether the sound was heard before."""
        return found.whole >= self.whole or found.pieced >= self.pieced
