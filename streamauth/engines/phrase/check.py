"""Which words an utterance holds, where some are expected: those, their beginning, or what a decoder heard."""

from collections.abc import Sequence

import numpy as np

from streamauth.core.ports import LEAST_LLR, SAMPLE_RATE_HZ, Samples, Transcript, Word
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.evidence import UtteranceEvidence
from streamauth.engines.phrase.expected import Expected

_MIN_SAMPLES = SAMPLE_RATE_HZ // 10
_MAX_SAMPLES = 30 * SAMPLE_RATE_HZ


class PhraseCheck:
    """Follows one stream through an expected phrase, utterance by utterance: a pause may fall inside it.

    Args:
        model: The acoustic model.
        expected: What is expected.
    """

    def __init__(self, model: AcousticModel, expected: Expected) -> None:
        self._model = model
        self._expected = expected
        self._reached = 0

    def judge(self, samples: Samples, heard: Sequence[Word], *, over: bool) -> Transcript:
        """What an utterance holds.

        Args:
            samples: The utterance so far.
            heard: The decoder's words, which stand where the phrase does not.
            over: Whether the utterance is over, so that the next one goes on where this one ends.
        """
        if not _MIN_SAMPLES <= samples.size <= _MAX_SAMPLES:
            return Transcript(tuple(heard))
        evidence = UtteranceEvidence(self._model, samples)
        expected = self._expected
        whole = evidence.align(expected)
        whole_llr = LEAST_LLR
        scores: tuple[float, ...] = ()
        if whole is not None:
            whole_llr, scores = whole.llr, tuple(word.pronunciation_score for word in whole.words)
        first, found = 0, whole
        reached = evidence.best_span(expected, (0, self._reached))
        if reached is not None and reached != (0, len(expected.words) - 1):
            part = evidence.align(expected.part(*reached))
            # the likeliest end may lie before a short last word that was said all the same
            if part is not None and part.llr > whole_llr:
                first, found = reached[0], part
        llr = found.llr if found is not None else LEAST_LLR
        said = [] if found is None or llr < 0 else [(first + word.index, word) for word in found.words]
        if over:
            self._reached = (said[-1][0] + 1) % len(expected.words) if said else 0
        words = [
            Word(
                expected.words[index],
                word.start_s,
                word.end_s,
                float(np.exp(word.log_posterior)),
                word.pronunciation_score,
            )
            for index, word in said
        ]
        return Transcript(tuple(words or heard), llr, whole_llr, scores)
