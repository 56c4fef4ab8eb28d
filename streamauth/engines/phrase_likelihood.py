"""How likely it is that just these words were said in an utterance, as a natural-log likelihood ratio.

The acoustic model is trained to tell sequences of phones apart (``scripts/recognizer_objective.py``), so its scores
give the probability of the expected phones against all other sequences of phones: for the phrase as a whole, and for
each word in the time that the best path has it, so that one wrong word cannot hide behind the others. What is left
over before and after must be pauses or hesitations. A logistic regression, fitted by ``scripts/evaluate_phrase.py``
on recordings of people whom the scoring network had not heard, makes one ratio of these measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Samples
from streamauth.engines.acoustic_model import AcousticModel
from streamauth.engines.word_graph import (
    FRAME_S,
    Pronunciation,
    WordGraph,
    any_phones,
    phone_posteriors,
)

_INSIDE_FRAMES = 5
_OUTSIDE_FRAMES = 8
_LEAST = -50.0
_MOST_FORGIVEN = 0.5  # nats per phone: an accent, not another word

LEAST_LLR = -30.0
"""Where an utterance is too short for the words."""

# Logistic regression over the measures, fitted by scripts/evaluate_phrase.py.
_WEIGHTS = (0.5, 0.0, 0.8, 0.3, 0.3, 0.0, 0.0, 0.0)
_BIAS = 6.0


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One word where the best path has it.

    Attributes:
        index: Which of the words.
        start_s: Begin, in seconds since the begin of the utterance.
        end_s: End, likewise.
        log_posterior: Log probability of the word's phones against any other phones in its time, at most 0; less
            what this person's habits explain.
        fit: The same for each phone, whatever the habits.
        phones: Phones of its longest pronunciation.
    """

    index: int
    start_s: float
    end_s: float
    log_posterior: float
    fit: float
    phones: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """The best way to find words in an utterance.

    Attributes:
        words: Where they are, in order.
        inside: Least mean log posterior of the aligned phones over 0.15 s between the first word and the last.
        outside: The same over 0.24 s before the first word and after the last.
        whole: Log probability of the words, with nothing but pauses and hesitations around them, against any phones,
            at most 0.
    """

    words: tuple[AlignedWord, ...]
    inside: float
    outside: float
    whole: float

    @property
    def llr(self) -> float:
        """Natural-log likelihood ratio that just these words were said."""
        return max(LEAST_LLR, float(np.dot(_WEIGHTS, self.measures)) + _BIAS)

    @property
    def measures(self) -> tuple[float, ...]:
        """What the likelihood ratio is made of."""
        total = sum(word.log_posterior for word in self.words)
        phones = sum(word.phones for word in self.words)
        weakest = min(word.log_posterior for word in self.words)
        per_phone = min(word.log_posterior / word.phones for word in self.words)
        return (
            max(-4.0, total / phones),
            max(-12.0, weakest),
            max(-4.0, per_phone),
            max(-8.0, self.inside),
            max(-8.0, self.outside),
            max(-4.0, self.whole / phones),
            max(-30.0, self.whole),
            float(np.log(phones)),
        )


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

    def explain(
        self,
        words: Sequence[Sequence[Pronunciation]],
        *,
        habits: Sequence[float] = (),
        starts: Sequence[int] = (0,),
        partly: bool = False,
    ) -> Explanation | None:
        """The best way to find the words in the utterance, and nothing else but pauses and hesitations.

        None where the utterance is too short for the words.

        Args:
            words: For each word its pronunciations; at least one word.
            habits: For each word, or the first of them, its usual fit when this person says it.
            starts: The words that may come first.
            partly: Whether the utterance may end after any word.
        """
        graph = WordGraph.of(words, starts=starts, partly=partly, hesitations=True)
        score, path = graph.align(self._scores, self._bigram)
        if not np.isfinite(score):
            return None
        found, phones = graph.words[path], graph.phones[path]
        inside = np.flatnonzero(found >= 0)
        if not inside.size:
            return None
        begin, end = int(inside[0]), int(inside[-1]) + 1
        fit = self._posteriors[np.arange(len(path)), phones]
        aligned = []
        for index in np.unique(found[inside]).tolist():
            frames = np.flatnonzero(found == index)
            first, last = int(frames[0]), int(frames[-1]) + 1
            posterior = self._word_posterior(words[index], first, last)
            longest = max(len(variant) for variant in words[index])
            usual = max(habits[index], -_MOST_FORGIVEN) if index < len(habits) else 0.0
            forgiven = min(0.0, posterior - usual * longest)
            aligned.append(
                AlignedWord(index, first * FRAME_S, last * FRAME_S, forgiven, posterior / longest, longest)
            )
        return Explanation(
            tuple(aligned),
            _weakest(fit[begin:end], min(_INSIDE_FRAMES, end - begin)),
            min(0.0, *(_weakest(side, _OUTSIDE_FRAMES) for side in (fit[:begin], fit[end:]))),
            max(_LEAST, min(0.0, graph.total(self._scores, self._bigram) - self._anything)),
        )

    def _word_posterior(self, variants: Sequence[Pronunciation], first: int, last: int) -> float:
        scores = self._scores[first:last]
        # as if the sound before had been a pause, for the word as for everything else
        said = WordGraph.of([variants]).total(scores, self._bigram)
        return max(_LEAST, min(0.0, said - any_phones(scores, self._bigram)))


def _weakest(fit: NDArray[np.float64], frames: int) -> float:
    """Least mean over so many frames in a row; over all where there are fewer, 0 where there are none."""
    if not fit.size:
        return 0.0
    frames = min(frames, fit.size)
    sums = np.concatenate([[0.0], np.cumsum(fit)])
    return float((sums[frames:] - sums[:-frames]).min() / frames)
