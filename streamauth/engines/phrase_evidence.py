"""How likely it is that just these words were said in an utterance, as a natural-log likelihood ratio.

The acoustic model is trained to tell sequences of phones apart (``scripts/recognizer_objective.py``), so its scores
give the probability of the expected phones against others: against any phones at all, and against decoys made from
the phrase itself (``decoys``), so that one wrong word cannot hide behind the others. A logistic regression makes one
ratio of these measures (``phrase_regression``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamauth.core.phrase import DIGITS
from streamauth.core.ports import Samples
from streamauth.engines.acoustic_model import AcousticModel
from streamauth.engines.decoys import Alternative, decoys
from streamauth.engines.phrase_regression import llr_of
from streamauth.engines.pronunciations import Pronunciations
from streamauth.engines.word_graph import (
    FRAME_S,
    NUMBER,
    SILENCE,
    Pronunciation,
    WordGraph,
    any_phones,
    phone_posteriors,
)

_COMMON = (
    *("a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "for", "from", "had", "has"),
    *("have", "he", "her", "him", "his", "i", "if", "in", "is", "it", "its", "me", "my", "no", "not"),
    *("now", "of", "on", "or", "our", "she", "so", "that", "the", "their", "them", "then", "there"),
    *("they", "this", "to", "up", "us", "was", "we", "were", "when", "will", "with", "you", "your"),
)
_DIGITS = (*DIGITS, "oh")
_INSIDE_FRAMES = 5
_OUTSIDE_FRAMES = 8
_MOST_FORGIVEN = 0.5  # nats per phone: an accent, not another word
_FAST_PHONES_PER_S = 14.0
_FAST_TEMPO = 1.6
_NEAR_WORDS = 8
_SHARPNESS = 2.0


@dataclass(frozen=True, slots=True)
class Expected:
    """The words that are expected.

    Attributes:
        words: The words.
        sounds: For each of them its pronunciations, at least one.
        rivals: Pronunciations of the words that might have been said instead: of all digits, where the expected
            words are digits, else of the expected words and of the most common ones, which are the easiest to miss.
        near: For each word how others sound that it is easily taken for: of all other digits, where the expected words
            are digits, else of common words that differ from it in a sound or two.
        closed: Whether the rivals are all that is likely to be said.
        habits: For each word, or the first of them, its usual fit when this person says it.
    """

    words: tuple[str, ...]
    sounds: tuple[Sequence[Pronunciation], ...]
    rivals: tuple[Sequence[Pronunciation], ...]
    near: tuple[Sequence[Pronunciation], ...]
    closed: bool
    habits: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        words: tuple[str, ...],
        dictionary: Pronunciations,
        habits: tuple[float, ...] = (),
    ) -> "Expected":
        """The expectation of words that the dictionary knows or can read."""
        sounds_of = dictionary.likely
        closed = set(words).issubset(_DIGITS)
        rivals = _DIGITS if closed else tuple(dict.fromkeys((*words, *_COMMON)))
        near: tuple[Sequence[Pronunciation], ...]
        if closed:
            near = tuple([s for digit in _DIGITS if digit != word for s in sounds_of(digit)] for word in words)
        else:
            near = tuple(dictionary.near(word, _NEAR_WORDS) for word in words)
        return cls(words, tuple(map(sounds_of, words)), tuple(map(sounds_of, rivals)), near, closed, habits)

    def part(self, first: int, last: int) -> "Expected":
        """Only the words from one to another, the last included."""
        some = slice(first, last + 1)
        words, sounds, near = self.words[some], self.sounds[some], self.near[some]
        return replace(self, words=words, sounds=sounds, near=near, habits=self.habits[some])

    def alternatives(self) -> Iterator[Alternative]:
        """Each word replaced by those that it is easily taken for, and each two neighbours swapped."""
        for index, near in enumerate(self.near):
            for phones in near:
                yield Alternative(index, index + 1, tuple(NUMBER[phone] for phone in phones))
        for index, (one, other) in enumerate(pairwise(self.sounds)):
            if self.words[index] != self.words[index + 1]:
                first, then = ([NUMBER[phone] for phone in variants[0]] for variants in (other, one))
                yield Alternative(index, index + 2, (*first, *then))
                yield Alternative(index, index + 2, (*first, SILENCE, *then))


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
    def phones_per_s(self) -> float:
        """How fast the words were said."""
        phones = sum(word.phones for word in self.words)
        return phones / (self.words[-1].end_s - self.words[0].start_s)

    @property
    def llr(self) -> float:
        """Natural-log likelihood ratio that just these words were said."""
        return llr_of(self.measures)


class UtteranceEvidence:
    """Explains one utterance by words.

    Args:
        model: The acoustic model.
        samples: The utterance, from 50 ms to 30 s.
        tempo: How many times faster than usual it is taken to be spoken.
    """

    def __init__(self, model: AcousticModel, samples: Samples, tempo: float = 1.0) -> None:
        self._model, self._samples = model, samples
        self._frame_s = FRAME_S / tempo
        self._bigram = model.bigram
        self._scores = model.scores(samples, tempo)
        self._posteriors = phone_posteriors(self._scores, self._bigram)
        self._anything = any_phones(self._scores, self._bigram)
        self._rivals: dict[tuple[Sequence[Pronunciation], ...], float] = {}

    def reach(self, expected: Expected, starts: Sequence[int]) -> tuple[int, int] | None:
        """Which of the words the utterance may hold if it holds some: from one of ``starts`` to any later one.

        None where the utterance is too short for any.

        Args:
            expected: The words.
            starts: The words that may come first.
        """
        graph = WordGraph.of(expected.sounds, starts=starts, partly=True, hesitations=True)
        # all alignments together are what the network was trained to score; alone, silence outdoes words that it doubts
        score, path = graph.align(_SHARPNESS * self._scores, self._bigram)
        found = graph.words[path]
        found = found[found >= 0]
        return (int(found[0]), int(found[-1])) if np.isfinite(score) and found.size else None

    @cached_property
    def _faster(self) -> "UtteranceEvidence":
        return UtteranceEvidence(self._model, self._samples, _FAST_TEMPO)

    def explain(self, expected: Expected) -> Explanation | None:
        """The best way to find the words in the utterance, and nothing else but pauses and hesitations.

        Words that would be spoken fast are looked for in shorter frames, too: a phone has one of 30 ms at least, and
        in fast speech fewer than the network learned from. None where the utterance is too short for the words.
        """
        usual = self._explain(expected)
        if usual is not None and usual.phones_per_s < _FAST_PHONES_PER_S:
            return usual
        found = [one for one in (usual, self._faster._explain(expected)) if one is not None]
        return max(found, key=lambda one: one.llr, default=None)

    def _explain(self, expected: Expected) -> Explanation | None:
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
