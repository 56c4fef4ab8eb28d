"""Audio in chunks of any size in, frames of a fixed size out, so that no later stage depends on the chunks."""

from collections.abc import Iterator

import numpy as np

from streamauth.core.ports import Samples


class Framer:
    """Cuts a stream into frames of one length."""

    def __init__(self, frame_samples: int) -> None:
        self.frame_samples = frame_samples
        self._rest: Samples = np.zeros(0, np.float32)

    def feed(self, samples: Samples) -> Iterator[Samples]:
        """Take a chunk of any size, shape (n,); give every frame that is now complete, shape (frame_samples,)."""
        joined = np.concatenate((self._rest, samples)) if self._rest.size else samples
        whole = joined.size - joined.size % self.frame_samples
        # kept before the first frame goes out, so that a consumer that stops early loses nothing
        self._rest = joined[whole:].copy()
        for start in range(0, whole, self.frame_samples):
            yield joined[start : start + self.frame_samples]

    def finish(self) -> Iterator[Samples]:
        """Give the last, incomplete frame filled up with zeros, if there is one."""
        if self._rest.size:
            frame = np.zeros(self.frame_samples, np.float32)
            frame[: self._rest.size] = self._rest
            self._rest = self._rest[:0]
            yield frame
