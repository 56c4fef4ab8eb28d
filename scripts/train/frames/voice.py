"""One voice of the training speech."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Voice:
    """One session of one person, at one speed.

    Attributes:
        person: Set and name.
        source: The set.
        session: Its name within the person.
        speed: Of playing.
        voiced: (begin, end) of its voiced frames in WORK/speech.raw.
        whole: Likewise of all of it, with pauses.
        target: What the teacher says of it, shape (256,).
    """

    person: str
    source: str
    session: str
    speed: float
    voiced: tuple[int, int]
    whole: tuple[int, int]
    target: NDArray[np.float32]
