"""How one network explains an utterance by the words of a phrase: where they are, and what speaks for them.

The networks are trained to tell sequences of phones apart (``scripts/recognizer_objective.py``), so their scores give
the probability of the expected phones against others: against any phones at all, and against decoys made from the
phrase itself (``decoys``), so that one wrong word cannot hide behind the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.engines.decoys import Alternative, decoys
from streamauth.engines.expected_phrase import Expected
from streamauth.engines.phrase_regression import llr_of
from streamauth.engines.word_graph import Pronunciation, Scores, WordGraph, any_phones, phone_posteriors

_INSIDE_FRAMES = 5
_OUTSIDE_FRAMES = 8
_MOST_FORGIVEN = 0.5  # nats per phone: an accent, not another word


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
        measures: What the likelihood ratio is made of, in the order of ``phrase_regression``.
    """

    words: tuple[AlignedWord, ...]
    measures: tuple[float, ...]

    @property
    def phones_per_s(self) -> float:
        """How fast the words were said."""
        phones = sum(word.phones for word in self.words)
        return phones / (self.words[-1].end_s - self.words[0].start_s)

    @property
    def llr(self) -> float:
        """Natural-log likelihood ratio that just these words were said."""
        return llr_of(self.measures)


class Listener:
    """One network's hearing of an utterance.

    Args:
        scores: Of the utterance.
        bigram: Log probability of each phone after each other.
        frame_s: What a row of scores stands for, in seconds.
    """

    def __init__(self, scores: Scores, bigram: Scores, frame_s: float) -> None:
        self._scores, self._bigram, self._frame_s = scores, bigram, frame_s
        self._posteriors = phone_posteriors(scores, bigram)
        self._anything = any_phones(scores, bigram)
        self._rivals: dict[tuple[Sequence[Pronunciation], ...], float] = {}

    def explain(self, expected: Expected) -> Explanation | None:
        """The best way to find the words; None where the utterance is too short for them."""
        words, habits = expected.sounds, expected.habits
        graph = WordGraph.of(words, hesitations=True)
        score, path = graph.align(self._scores, self._bigram)
        if not np.isfinite(score):
            return None
        alternatives = tuple(expected.alternatives())
        against = decoys(graph, self._scores, self._bigram, alternatives)
        near, swapped = _least(alternatives, against.alternatives)
        found = graph.words[path]
        aligned = []
        for index, variants in enumerate(words):
            frames = np.flatnonzero(found == index)
            first, last = int(frames[0]), int(frames[-1]) + 1
            shortest = min(len(variant) for variant in variants)
            posterior = min(0.0, float(against.replaced[index]))
            aligned.append(AlignedWord(index, first * self._frame_s, last * self._frame_s, posterior, shortest))
        usual = np.zeros(len(words))
        known = min(len(habits), len(words))
        usual[:known] = np.clip(habits[:known], -_MOST_FORGIVEN, 0)
        phones = np.array([word.phones for word in aligned])
        posteriors = np.minimum(0, np.array([word.log_posterior for word in aligned]) - usual * phones)
        inside = np.flatnonzero(found >= 0)
        begin, end = int(inside[0]), int(inside[-1]) + 1
        fit = self._posteriors[np.arange(len(path)), graph.phones[path]]
        whole = against.said - self._anything
        rival = _between(-20, against.said - self._rival(expected.rivals), 5)
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
            0.0 if expected.closed else rival,
            rival if expected.closed else 0.0,
            _between(-20, near, 10),
            _between(-20, swapped, 10),
            float(expected.closed),
            float(np.log(phones.sum())),
        )
        return Explanation(tuple(aligned), measures)

    def _rival(self, words: tuple[Sequence[Pronunciation], ...]) -> float:
        # asked for the same utterance several times, with parts of one phrase
        if words not in self._rivals:
            self._rivals[words] = WordGraph.any_of(words).total(self._scores, self._bigram)
        return self._rivals[words]


def _least(alternatives: Sequence[Alternative], against: NDArray[np.float64]) -> tuple[float, float]:
    """The worst of all places against words that sound alike, and the worst of all swaps; infinite without any."""
    found: dict[tuple[int, int], float] = {}
    for one, log_ratio in zip(alternatives, against, strict=True):
        place = one.first, one.after
        found[place] = -float(np.logaddexp(-found.get(place, np.inf), -log_ratio))
    least = [min((ratio for (a, b), ratio in found.items() if b - a == size), default=np.inf) for size in (1, 2)]
    return least[0], least[1]


def _between(least: float, value: float, most: float) -> float:
    return float(min(most, max(least, value)))


def _weakest(fit: NDArray[np.float64], frames: int) -> float:
    """Least mean over so many frames in a row; over all where there are fewer, 0 where there are none."""
    if not fit.size:
        return 0.0
    frames = min(frames, fit.size)
    sums = np.concatenate([[0.0], np.cumsum(fit)])
    return float((sums[frames:] - sums[:-frames]).min() / frames)
