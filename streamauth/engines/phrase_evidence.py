"""How likely it is that just these words were said in an utterance, as a natural-log likelihood ratio.

The acoustic model is trained to tell sequences of phones apart (``scripts/recognizer_objective.py``), so its scores
give the probability of the expected phones against others: against any phones at all, and against decoys made from
the phrase itself (``decoys``), so that one wrong word cannot hide behind the others. A logistic regression, fitted by
``scripts/evaluate_phrase.py`` on recordings of people whom the scoring network had not heard, makes one ratio of
these measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Samples
from streamauth.engines.acoustic_model import AcousticModel
from streamauth.engines.decoys import decoys
from streamauth.engines.word_graph import FRAME_S, Pronunciation, WordGraph, any_phones, phone_posteriors

LEAST_LLR = -30.0
"""Where an utterance is too short for the words."""

_INSIDE_FRAMES = 5
_OUTSIDE_FRAMES = 8
_MOST_FORGIVEN = 0.5  # nats per phone: an accent, not another word

# Logistic regression over the measures, fitted by scripts/evaluate_phrase.py.
_WEIGHTS = (0.5, 0.1, 0.5, 0.2, 0.2, 0.1, 0.5, 0.3, 0.3, 0.0)
_BIAS = 4.0


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One word where the best path has it.

    Attributes:
        index: Which of the words.
        start_s: Begin, in seconds since the begin of the utterance.
        end_s: End, likewise.
        log_posterior: Log probability of the word against any phones in its place, at most 0.
        phones: Phones of its shortest pronunciation.
    """

    index: int
    start_s: float
    end_s: float
    log_posterior: float
    phones: int

    @property
    def fit(self) -> float:
        """The log probability per phone, in nats."""
        return self.log_posterior / self.phones


@dataclass(frozen=True, slots=True)
class Explanation:
    """The best way to find words in an utterance.

    Attributes:
        words: Where they are, in order.
        measures: What the likelihood ratio is made of, see ``UtteranceEvidence``.
    """

    words: tuple[AlignedWord, ...]
    measures: tuple[float, ...]

    @property
    def llr(self) -> float:
        """Natural-log likelihood ratio that just these words were said."""
        return max(LEAST_LLR, float(np.dot(_WEIGHTS, self.measures)) + _BIAS)


class UtteranceEvidence:
    """Explains one utterance by words.

    Args:
        model: The acoustic model.
        samples: The utterance, from 50 ms to 30 s.
    """

    def __init__(self, model: AcousticModel, samples: Samples) -> None:
        self._bigram = model.bigram
        self._scores = model.scores(samples)
        self._posteriors = phone_posteriors(self._scores, self._bigram)
        self._anything = any_phones(self._scores, self._bigram)

    def reach(self, words: Sequence[Sequence[Pronunciation]], starts: Sequence[int]) -> tuple[int, int] | None:
        """Which of the words the utterance may hold if it holds some: from one of ``starts`` to any later one.

        None where the utterance is too short for any.

        Args:
            words: For each word its pronunciations; at least one word.
            starts: The words that may come first.
        """
        graph = WordGraph.of(words, starts=starts, partly=True, hesitations=True)
        score, path = graph.align(self._scores, self._bigram)
        found = graph.words[path]
        found = found[found >= 0]
        return (int(found[0]), int(found[-1])) if np.isfinite(score) and found.size else None

    def explain(
        self, words: Sequence[Sequence[Pronunciation]], *, habits: Sequence[float] = ()
    ) -> Explanation | None:
        """The best way to find the words in the utterance, and nothing else but pauses and hesitations.

        None where the utterance is too short for the words.

        Args:
            words: For each word its pronunciations; at least one word.
            habits: For each word, or the first of them, its usual fit when this person says it.
        """
        graph = WordGraph.of(words, hesitations=True)
        score, path = graph.align(self._scores, self._bigram)
        if not np.isfinite(score):
            return None
        against = decoys(graph, self._scores, self._bigram)
        found = graph.words[path]
        aligned = []
        for index, variants in enumerate(words):
            frames = np.flatnonzero(found == index)
            first, last = int(frames[0]), int(frames[-1]) + 1
            shortest = min(len(variant) for variant in variants)
            posterior = min(0.0, float(against.replaced[index]))
            aligned.append(AlignedWord(index, first * FRAME_S, last * FRAME_S, posterior, shortest))
        usual = np.zeros(len(words))
        known = min(len(habits), len(words))
        usual[:known] = np.clip(habits[:known], -_MOST_FORGIVEN, 0)
        phones = np.array([word.phones for word in aligned])
        posteriors = np.minimum(0, np.array([word.log_posterior for word in aligned]) - usual * phones)
        inside = np.flatnonzero(found >= 0)
        begin, end = int(inside[0]), int(inside[-1]) + 1
        fit = self._posteriors[np.arange(len(path)), graph.phones[path]]
        whole = graph.total(self._scores, self._bigram) - self._anything
        measures = (
            _between(-4, posteriors.sum() / phones.sum(), 0),
            _between(-20, posteriors.min(), 0),
            _between(-4, (posteriors / phones).min(), 0),
            _between(-20, against.dropped.min(), 10),
            _between(-20, against.inserted[1:-1].min(initial=10), 10),
            _between(-20, min(against.inserted[0], against.inserted[-1]), 10),
            _between(-4, whole / phones.sum(), 0),
            _between(-8, _weakest(fit[begin:end], _INSIDE_FRAMES), 0),
            _between(-8, min(_weakest(side, _OUTSIDE_FRAMES) for side in (fit[:begin], fit[end:])), 0),
            float(np.log(phones.sum())),
        )
        return Explanation(tuple(aligned), measures)


def _between(least: float, value: float, most: float) -> float:
    return float(min(most, max(least, value)))


def _weakest(fit: NDArray[np.float64], frames: int) -> float:
    """Least mean over so many frames in a row; over all where there are fewer, 0 where there are none."""
    if not fit.size:
        return 0.0
    frames = min(frames, fit.size)
    sums = np.concatenate([[0.0], np.cumsum(fit)])
    return float((sums[frames:] - sums[:-frames]).min() / frames)
