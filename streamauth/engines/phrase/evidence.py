"""How likely it is that just these words were said in an utterance, as a natural-log likelihood ratio.

Each network of the acoustic model measures what speaks for the words (``measures``); a logistic regression makes
one ratio of the means of their measures (``llr``).
"""

from collections.abc import Sequence

import numpy as np

from streamauth.core.ports import Samples
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.alignment import FRAME_S, AlignmentGraph
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.measures import Aligner, Alignment

_FAST_PHONES_PER_S = 14.0
_FAST_TEMPO = 1.6


class UtteranceEvidence:
    """Aligns expected words with one utterance.

    Args:
        model: The acoustic model.
        samples: The utterance, from 50 ms to 30 s.
        tempo: How many times faster than usual it is taken to be spoken.
    """

    def __init__(self, model: AcousticModel, samples: Samples, tempo: float = 1.0) -> None:
        self._model, self._samples = model, samples
        self._faster: UtteranceEvidence | None = None  # needed for fast speech only
        scores = model.scores(samples, tempo)
        self._together = scores.sum(axis=0)
        self._aligner = Aligner(scores, model.bigram, FRAME_S / tempo)

    def best_span(self, expected: Expected, starts: Sequence[int]) -> tuple[int, int] | None:
        """The best span: which of the words the utterance may hold if it holds some, from one of ``starts`` on.

        None where the utterance is too short for any.
        """
        graph = AlignmentGraph.of(expected.sounds, starts=starts, partly=True, hesitations=True)
        # all alignments together are what a network was trained to score; in a single one of a single network's scores
        # silence outdoes words that it doubts
        score, path = graph.best_path(self._together, self._model.bigram)
        found = graph.words[path]
        found = found[found >= 0]
        return (int(found[0]), int(found[-1])) if np.isfinite(score) and found.size else None

    def _align_faster(self, expected: Expected) -> Alignment | None:
        if self._faster is None:
            self._faster = UtteranceEvidence(self._model, self._samples, _FAST_TEMPO)
        return self._faster._aligner.align(expected)

    def align(self, expected: Expected) -> Alignment | None:
        """The best way to find the words in the utterance, and nothing else but pauses and hesitations.

        Words that would be spoken fast are looked for in shorter frames, too: a phone has one of 30 ms at least, and
        in fast speech fewer than the network learned from. None where the utterance is too short for the words, or
        nothing like them.
        """
        usual = self._aligner.align(expected)
        if usual is not None and usual.phones_per_s < _FAST_PHONES_PER_S:
            return usual
        found = [one for one in (usual, self._align_faster(expected)) if one is not None]
        return max(found, key=lambda one: one.llr, default=None)
