"""How well words explain an utterance, against a free sequence of phones and against other words.

All are Viterbi scores of one acoustic model: of a network that allows nothing but the words, with pauses and
noises around them, and of a loop over all phones that allows everything. Their difference is a log likelihood
ratio in the sense of keyword spotting by a filler model (R. Rose and D. Paul, "A hidden Markov model based
keyword recognition system", 1990). It is also looked at word by word and in short stretches, so that one wrong
word cannot hide behind the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.phone_network import IMPOSSIBLE, LOG_SILENCE, PhoneNetwork, UtteranceScores, phone_loop
from streamauth.engines.sphinx_features import FRAME_SAMPLES, sphinx_features
from streamauth.engines.sphinx_model import BEGIN, END, INTERNAL, SINGLE, AcousticModel

Pronunciation = tuple[str, ...]
"""Phones of a word, such as ("D", "AO", "R")."""

_FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
_INSIDE_FRAMES = 10
_OUTSIDE_FRAMES = 30
_NOISE_FLOOR_DB = -33.0
_NOISE = np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE_HZ, np.float32)

# Logistic regression over the measures, fitted by scripts/evaluate_phrase.py.
_WEIGHTS = (0.197, 0.452, 0.865, 0.357)
_BIAS = 4.165


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One word where the best path has it.

    Attributes:
        index: Which of the words.
        start_s: Begin in the utterance.
        end_s: End in the utterance.
        ratio: Mean log likelihood ratio per frame of 10 ms against the phone loop, in nats.
    """

    index: int
    start_s: float
    end_s: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """How well words explain an utterance.

    Attributes:
        ratio: Log likelihood ratio of the whole utterance against the phone loop, in nats.
        words: The words of the best path in order.
        weakest_inside: The least mean ratio per frame over 100 ms between begin and end of the words.
        weakest_outside: The same over 300 ms before or after them; at most 0.
    """

    ratio: float
    words: tuple[AlignedWord, ...]
    weakest_inside: float
    weakest_outside: float

    @property
    def speech_s(self) -> float:
        """Time covered by the words, in seconds."""
        return sum(word.end_s - word.start_s for word in self.words)

    def measures(self, rival_ratio: float) -> tuple[float, float, float, float]:
        """What ``log_odds`` weighs: weakest word, weakest stretch inside, outside, and lead over the rival.

        All in nats per frame of 10 ms, limited to where more would not tell more.
        """
        lead = (self.ratio - rival_ratio) / (max(self.speech_s, 0.3) / _FRAME_S)
        return (
            max(-12.0, min(word.ratio for word in self.words)),
            max(-14.0, self.weakest_inside),
            max(-10.0, self.weakest_outside),
            min(2.0, max(-5.0, lead)),
        )

    def log_odds(self, rival_ratio: float) -> float:
        """Log odds that just these words were said, in nats, where that is as likely as not beforehand.

        Args:
            rival_ratio: ``ratio`` of the words that a decoder heard instead; minus infinity for none.
        """
        measures = self.measures(rival_ratio)
        return sum(weight * measure for weight, measure in zip(_WEIGHTS, measures, strict=True)) + _BIAS


class UtteranceEvidence:
    """Explains one utterance by words.

    Args:
        model: The acoustic model.
        samples: The utterance, from 50 ms to 30 s.
    """

    def __init__(self, model: AcousticModel, samples: Samples) -> None:
        self._model = model
        self._scores = UtteranceScores(model, sphinx_features(_with_noise_floor(samples)))
        self._loop_score, self._loop_frames = phone_loop(model, self._scores)

    def explain(
        self, words: Sequence[Sequence[Pronunciation]], *, starts: Sequence[int] = (0,), partly: bool = False
    ) -> Explanation | None:
        """The best way to find the words in the utterance, and nothing else but pauses and noises.

        None where the utterance is too short for the words.

        Args:
            words: For each word its pronunciations; at least one word.
            starts: The words that may come first.
            partly: Whether the utterance may end after any word.
        """
        network = _word_network(self._model, words, starts, partly)
        score, found, acoustic = network.best_path(self._scores)
        if score <= IMPOSSIBLE:
            return None
        gain = acoustic - self._loop_frames
        aligned = []
        for index in np.unique(found[found >= 0]).tolist():
            frames = np.flatnonzero(found == index)
            start_s, end_s = float(frames[0] * _FRAME_S), float((frames[-1] + 1) * _FRAME_S)
            aligned.append(AlignedWord(index, start_s, end_s, float(gain[frames].mean())))
        inside = np.flatnonzero(found >= 0)
        first, last = int(inside[0]), int(inside[-1]) + 1
        outside = [_weakest(side, _OUTSIDE_FRAMES) for side in (gain[:first], gain[last:])]
        return Explanation(
            score - self._loop_score,
            tuple(aligned),
            _weakest(gain[first:last], min(_INSIDE_FRAMES, last - first)),
            min(0.0, *outside),
        )


def _weakest(gain: NDArray[np.float64], frames: int) -> float:
    """Least mean over so many frames in a row; 0 where there are not as many."""
    if gain.size < frames:
        return 0.0
    sums = np.concatenate([[0.0], np.cumsum(gain)])
    return float((sums[frames:] - sums[:-frames]).min() / frames)


def _with_noise_floor(samples: Samples) -> Samples:
    """Audio over faint noise, as the model has never met the silence that a noise gate or a file editor leaves."""
    frames = samples[: samples.size - samples.size % 400].reshape(-1, 400)
    loud = float(np.quantile(np.sqrt(np.mean(frames**2, axis=1)), 0.9))
    level = max(loud, 1e-4) * 10 ** (_NOISE_FLOOR_DB / 20)
    return (samples + np.float32(level) * _NOISE[: samples.size]).astype(np.float32)


def _word_network(
    model: AcousticModel, words: Sequence[Sequence[Pronunciation]], starts: Sequence[int], partly: bool
) -> PhoneNetwork:
    network = PhoneNetwork(model)
    silence = model.phones["SIL"]
    numbered = [[[model.phones[phone] for phone in phones] for phones in variants] for variants in words]
    lead, tail = network.noises(), network.noises()
    for noise in lead:
        network.enter(noise, network.cost(noise))
    exits: list[int] = []
    for index, variants in enumerate(numbered):
        # contexts across words are those of the first pronunciation of the neighbour, without a pause
        left = numbered[index - 1][0][-1] if index else silence
        right = numbered[index + 1][0][0] if index + 1 < len(numbered) else silence
        ends = []
        for phones in variants:
            previous: int | None = None
            for place, base in enumerate(phones):
                first, last = place == 0, place == len(phones) - 1
                position = SINGLE if first and last else BEGIN if first else END if last else INTERNAL
                before = left if first else phones[place - 1]
                after = right if last else phones[place + 1]
                phone = network.phone(base, model.senones(base, before, after, position), index)
                if previous is not None:
                    network.join(previous, phone)
                else:
                    for end in exits:
                        network.join(end, phone)
                    if index in starts:
                        network.enter(phone)
                        for noise in lead:
                            network.join(noise, phone)
                previous = phone
            assert previous is not None  # noqa: S101 - no pronunciation is empty
            ends.append(previous)
        if partly or index == len(numbered) - 1:
            network.exits.update(ends)
            for end in ends:
                for noise in tail:
                    network.join(end, noise, network.cost(noise))
        pause = network.phone(silence, model.lone_senones(silence), -1)
        for end in ends:
            network.join(end, pause, LOG_SILENCE)
        exits = [*ends, pause]
    network.exits.update(tail)
    return network
