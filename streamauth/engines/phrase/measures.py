"""Alignment of a phrase with an utterance: where its words are, and what speaks for them.

The networks are trained to tell sequences of phones apart (``scripts/train/vosk/objective.py``), so their scores give
the probability of the expected phones against others: against any phones at all, and against decoys made from the
phrase itself (``decoys``), so that one wrong word cannot hide behind the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.engines.phrase.alignment import AlignmentGraph, Pronunciation, Scores, any_phones
from streamauth.engines.phrase.decoys import Alternative, decoys
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.llr import llr_of

_INSIDE_FRAMES = 5
_OUTSIDE_FRAMES = 8
_LEAST_POSTERIOR = -1000.0
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
    def pronunciation_score(self) -> float:
        """The log probability per phone, in nats (goodness of pronunciation)."""
        return self.log_posterior / self.phones


@dataclass(frozen=True, slots=True)
class Alignment:
    """The best way to find the words in an utterance.

    Attributes:
        words: Where they are, in order.
        measures: What the likelihood ratio is made of, in the order of ``llr``.
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


class Aligner:
    """Aligns phrases with one utterance; each network measures by itself, as they err at different places.

    Args:
        scores: Of the utterance by each network, shape (networks, frames, 2 * (1 + phones)).
        bigram: Log probability of each phone after each other.
        frame_s: What a frame of scores stands for, in seconds.
    """

    def __init__(self, scores: Scores, bigram: Scores, frame_s: float) -> None:
        self._scores, self._bigram, self._frame_s = scores, bigram, frame_s
        self._anything, self._posteriors = any_phones(scores, bigram)
        self._rivals: dict[tuple[Sequence[Pronunciation], ...], Scores] = {}

    def align(self, expected: Expected) -> Alignment | None:
        """The best way to find the words; None where the utterance is too short for them, or nothing like them."""
        graph = AlignmentGraph.of(expected.sounds, hesitations=True)
        score, paths = graph.best_path(self._scores, self._bigram)
        if not np.isfinite(score).all():
            return None
        alternatives = tuple(expected.alternatives())
        against = decoys(graph, self._scores, self._bigram, alternatives)
        if not np.isfinite(against.said).all():
            return None
        near, swapped = _least(alternatives, against.alternatives)
        phones = np.array([min(map(len, variants)) for variants in expected.sounds])
        replaced = _between(_LEAST_POSTERIOR, against.replaced, 0)
        posteriors = np.minimum(0, replaced - _forgiven(expected) * phones)
        per_frame = np.take_along_axis(self._posteriors, graph.phones[paths][..., None], axis=-1)[..., 0]
        found = graph.words[paths]
        inside, outside = zip(*(_weakest_parts(*each) for each in zip(per_frame, found, strict=True)), strict=True)
        whole = against.said - self._anything
        rival = _between(-20, against.said - self._rival(expected.rivals), 5)
        by_network = (
            _between(-4, posteriors.sum(axis=1) / phones.sum(), 0),
            _between(-20, posteriors.min(axis=1), 0),
            _between(-4, (posteriors / phones).min(axis=1), 0),
            _between(-20, against.dropped.min(axis=1), 10),
            _between(-20, against.inserted[:, 1:-1].min(axis=1, initial=10), 10),
            _between(-20, against.inserted[:, [0, -1]].min(axis=1), 10),
            _between(-4, whole / phones.sum(), 0),
            _between(-8, np.array(inside), 0),
            _between(-8, np.array(outside), 0),
            rival * (not expected.closed),
            rival * expected.closed,
            _between(-20, near, 10),
            _between(-20, swapped, 10),
        )
        measures = (*np.mean(by_network, axis=1).tolist(), float(expected.closed), float(np.log(phones.sum())))
        # in noise the last network knows best where the words are
        return Alignment(self._aligned(found[-1], replaced.mean(axis=0), phones), measures)

    def _aligned(
        self, found: NDArray[np.int64], log_posteriors: Scores, phones: NDArray[np.int64]
    ) -> tuple[AlignedWord, ...]:
        words = []
        for index, (log_posterior, count) in enumerate(zip(log_posteriors, phones, strict=True)):
            frames = np.flatnonzero(found == index)
            start_s, end_s = int(frames[0]) * self._frame_s, (int(frames[-1]) + 1) * self._frame_s
            words.append(AlignedWord(index, start_s, end_s, float(log_posterior), int(count)))
        return tuple(words)

    def _rival(self, words: tuple[Sequence[Pronunciation], ...]) -> Scores:
        # asked for the same utterance several times, with parts of one phrase
        if words not in self._rivals:
            self._rivals[words] = AlignmentGraph.any_of(words).total(self._scores, self._bigram)
        return self._rivals[words]


def _forgiven(expected: Expected) -> Scores:
    """For each word what is usual when this person says it, in nats a phone, shape (words,)."""
    usual = np.zeros(len(expected.sounds))
    known = min(len(expected.usual.scores), usual.size)
    usual[:known] = np.clip(expected.usual.scores[:known], -_MOST_FORGIVEN, 0)
    return usual


def _least(alternatives: Sequence[Alternative], against: Scores) -> tuple[Scores, Scores]:
    """By each network the worst of all places against words that sound alike, and the worst of all swaps.

    Infinite without any.
    """
    found: dict[tuple[int, int], Scores] = {}
    for one, log_ratio in zip(alternatives, np.moveaxis(against, -1, 0), strict=True):
        place = one.first, one.after
        found[place] = -np.logaddexp(-found.get(place, np.full_like(log_ratio, np.inf)), -log_ratio)
    none = np.full(against.shape[:-1], np.inf)
    near, swapped = (
        np.min([none, *(ratio for (first, after), ratio in found.items() if after - first == size)], axis=0)
        for size in (1, 2)
    )
    return near, swapped


def _between(least: float, values: Scores, most: float) -> Scores:
    # what is no number speaks against the phrase
    return np.clip(np.nan_to_num(values, nan=least, posinf=most, neginf=least), least, most)


def _weakest_parts(posteriors: Scores, found: NDArray[np.int64]) -> tuple[float, float]:
    """The worst stretch among the words and around them."""
    inside = np.flatnonzero(found >= 0)
    begin, end = int(inside[0]), int(inside[-1]) + 1
    around = min(_weakest(side, _OUTSIDE_FRAMES) for side in (posteriors[:begin], posteriors[end:]))
    return _weakest(posteriors[begin:end], _INSIDE_FRAMES), around


def _weakest(posteriors: Scores, frames: int) -> float:
    """Least mean over so many frames in a row; over all where there are fewer, 0 where there are none."""
    if not posteriors.size:
        return 0.0
    frames = min(frames, posteriors.size)
    sums = np.concatenate([[0.0], np.cumsum(posteriors)])
    return float((sums[frames:] - sums[:-frames]).min() / frames)
