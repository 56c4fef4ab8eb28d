"""Alignment graphs: words as hidden Markov models of phones, and how well they explain an utterance.

A phone has one state with two outputs of the acoustic model: its first frame of 30 ms and all others, so that it
lasts 30 ms at least. The scores of a path are the outputs along it and a bigram of phones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PHONES = (
    *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH"),
    *("K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH"),
)
"""The phones of the CMU dictionary, in the order of the acoustic model's outputs behind silence."""

SILENCE = 0
NUMBER = {phone: number for number, phone in enumerate(PHONES, 1)}
FRAME_S = 0.03

Pronunciation = Sequence[str]
"""Phones of a word, such as ("D", "AO", "R")."""

Scores = NDArray[np.float64]
"""Log scores, shape (..., frames, 2 * (1 + phones)): for each phone that it begins in a frame, and that it goes on.

What stands before the frames, such as several networks, is worked on side by side.
"""

_TINY = 1e-304  # the least normal number, with room for a product
_HESITATIONS = (("AH",), ("AH", "M"), ("ER",), ("HH", "M"), ("EH",))


@dataclass(frozen=True)
class AlignmentGraph:
    """Hidden Markov model of all ways to say words; each state is one phone.

    Attributes:
        phones: Phone of each state, shape (states,).
        words: Word of each state, -1 for pauses and hesitations, shape (states,).
        before: Numbers of the states before each state, shape (states, most), padded with the number of states.
        first: States that may begin an utterance.
        last: States that may end one.
        sources: For each word, and for the end, the states from which it is entered.
        targets: For each word, and for the end, the states with which it begins.
    """

    phones: NDArray[np.int64]
    words: NDArray[np.int64]
    before: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    sources: tuple[list[int], ...]
    targets: tuple[list[int], ...]

    @classmethod
    def of(
        cls,
        words: Sequence[Sequence[Pronunciation]],
        *,
        starts: Sequence[int] = (0,),
        partly: bool = False,
        hesitations: bool = False,
    ) -> "AlignmentGraph":
        """The graph of words, with pauses anywhere between and around them.

        Args:
            words: For each word its pronunciations; at least one word.
            starts: The words that may come first.
            partly: Whether the utterance may end after any word.
            hesitations: Whether the speaker may hesitate aloud before the first word and after the last.
        """
        building = _Building()
        first, lead = building.around(hesitations)
        ends: list[int] = []
        finals: list[int] = []
        entered: list[list[int]] = []
        begun: list[list[int]] = []
        for index, variants in enumerate(words):
            sources = [*ends, *(lead if index in starts else ())]
            entered.append(sources)
            begun.append([])
            ends = []
            for phones in variants:
                previous = sources
                for place, phone in enumerate(phones):
                    previous = [building.state(NUMBER[phone], index, previous)]
                    if place == 0:
                        begun[-1] += previous
                        first += previous if index in starts else []
                ends += previous
            if partly or index == len(words) - 1:
                finals += ends
            ends = [*ends, building.state(SILENCE, -1, list(ends))]
        spoken = list(finals)
        trailing, silent = building.around(hesitations, spoken)
        return building.graph(first, [*spoken, *silent], ((*entered, spoken), (*begun, trailing)))

    @classmethod
    def any_of(cls, words: Sequence[Sequence[Pronunciation]]) -> "AlignmentGraph":
        """The graph of all sequences of these words, one word at least, with pauses anywhere."""
        building = _Building()
        ends: list[int] = []  # filled below; all first phones share it
        pause = building.state(SILENCE, -1, ends)
        first, before_first = [pause], [pause]
        for index, variants in enumerate(words):
            for phones in variants:
                previous = before_first
                for place, phone in enumerate(phones):
                    previous = [building.state(NUMBER[phone], index, previous)]
                    first += previous if place == 0 else []
                ends += previous
        before_first += ends
        trailing = building.state(SILENCE, -1, ends)
        return building.graph(first, [*ends, trailing], ((), ()))

    def best_path(self, scores: Scores, bigram: Scores) -> tuple[Scores, NDArray[np.int64]]:
        """The best path (Viterbi): its score, shape (...), and the state of each frame, shape (..., frames).

        The score is minus infinity where there are too few frames.
        """
        enter, stay = self._outputs(scores)
        chance = self._chances(bigram)
        value = np.full((*enter.shape[1:-1], len(self.phones) + 1), -np.inf)
        value[..., self.first] = bigram[SILENCE, self.phones[self.first]] + enter[0][..., self.first]
        came = np.zeros(enter.shape, np.int64)
        states = np.arange(len(self.phones))
        for frame in range(1, len(enter)):
            choices = value[..., self.before] + chance
            best = choices.argmax(axis=-1)
            arriving = np.take_along_axis(choices, best[..., None], axis=-1)[..., 0] + enter[frame]
            staying = value[..., :-1] + stay[frame]
            moved = arriving > staying
            came[frame] = np.where(moved, self.before[states, best], states)
            value[..., :-1] = np.where(moved, arriving, staying)
        ending = value[..., self.last]
        path = np.zeros(enter.shape[:-1], np.int64)
        path[-1] = self.last[ending.argmax(axis=-1)]
        for frame in range(len(enter) - 1, 0, -1):
            path[frame - 1] = np.take_along_axis(came[frame], path[frame][..., None], axis=-1)[..., 0]
        return ending.max(axis=-1), np.moveaxis(path, 0, -1)

    def total(self, scores: Scores, bigram: Scores) -> Scores:
        """Log of the sum over all paths, shape (...)."""
        return np.asarray(np.logaddexp.reduce(self.forward(scores, bigram)[..., -1, self.last], axis=-1))

    def forward(self, scores: Scores, bigram: Scores) -> Scores:
        """Log of the sum over all paths to each state in each frame, that frame included, shape (..., frames, states).

        Minus infinity also for what is less likely than the best by 700 nats or more.
        """
        enter, stay, level = self._likelihoods(scores)
        links = self._links(bigram)
        value = np.zeros(enter.shape[1:])
        value[..., self.first] = np.exp(bigram[SILENCE, self.phones[self.first]]) * enter[0][..., self.first]
        values, scales = np.empty(enter.shape), np.empty(level.shape)
        values[0], scales[0] = scaled(value)
        for frame in range(1, len(enter)):
            before = values[frame - 1]
            values[frame], scales[frame] = scaled((before @ links) * enter[frame] + before * stay[frame])
        return np.moveaxis(logarithm(values) + np.cumsum(np.log(scales) + level, axis=0), 0, -2)

    def backward(self, scores: Scores, bigram: Scores) -> Scores:
        """Log of the sum over all ways on from each state in each frame, that frame not included.

        Shape and precision are as those of ``forward``.
        """
        enter, stay, level = self._likelihoods(scores)
        links = self._links(bigram).T.copy()
        values, scales = np.zeros(enter.shape), np.ones(level.shape)
        values[-1][..., self.last] = 1.0
        for frame in range(len(enter) - 2, -1, -1):
            after = values[frame + 1]
            values[frame], scales[frame] = scaled((after * enter[frame + 1]) @ links + after * stay[frame + 1])
        added = np.log(scales)
        added[:-1] += level[1:]
        return np.moveaxis(logarithm(values) + np.cumsum(added[::-1], axis=0)[::-1], 0, -2)

    def _outputs(self, scores: Scores) -> tuple[Scores, Scores]:
        """The scores of each state for its first frame and for all others, shape (frames, ..., states)."""
        scores = np.moveaxis(scores, -2, 0)
        return scores[..., 2 * self.phones], scores[..., 2 * self.phones + 1]

    def _likelihoods(self, scores: Scores) -> tuple[Scores, Scores, Scores]:
        """The same as likelihoods relative to the highest of each frame, and its log, shape (frames, ..., 1)."""
        enter, stay = self._outputs(scores)
        level = np.maximum(enter, stay).max(axis=-1, keepdims=True)
        return np.exp(enter - level), np.exp(stay - level), level

    def _chances(self, bigram: Scores) -> Scores:
        real = self.before < len(self.phones)
        sources = self.phones[np.where(real, self.before, 0)]
        return np.where(real, bigram[sources, self.phones[:, None]], -np.inf)

    def _links(self, bigram: Scores) -> Scores:
        """Probability of each state after each other, shape (states, states)."""
        count = len(self.phones)
        links = np.zeros((count + 1, count))
        np.put_along_axis(links.T, self.before, np.exp(self._chances(bigram)), axis=1)
        return links[:count]


def scaled(values: Scores) -> tuple[Scores, Scores]:
    """The values relative to their highest, and that one; what is next to nothing becomes nothing."""
    top = np.maximum(values.max(axis=-1, keepdims=True), _TINY)
    values = values / top
    # processors are slow with numbers below
    values[values < _TINY] = 0.0
    return values, top


def logarithm(values: Scores) -> Scores:
    """Minus infinity for what is nothing."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))


class _Building:
    """States in the making."""

    def __init__(self) -> None:
        self._phones: list[int] = []
        self._words: list[int] = []
        self._before: list[list[int]] = []

    def state(self, phone: int, word: int, before: list[int]) -> int:
        self._phones.append(phone)
        self._words.append(word)
        self._before.append(before)
        return len(self._phones) - 1

    def around(self, hesitations: bool, before: Sequence[int] = ()) -> tuple[list[int], list[int]]:
        """A pause, and hesitations between pauses, that may follow ``before``; where they begin and where they end."""
        pause = self.state(SILENCE, -1, list(before))
        first, ends = [pause], []
        for phones in _HESITATIONS if hesitations else ():
            previous = [*before, pause]
            for place, phone in enumerate(phones):
                previous = [self.state(NUMBER[phone], -1, previous)]
                first += previous if place == 0 else []
            ends += previous
        return first, [pause, *ends, self.state(SILENCE, -1, list(ends))] if ends else [pause]

    def graph(
        self,
        first: Sequence[int],
        last: Sequence[int],
        joints: tuple[tuple[list[int], ...], tuple[list[int], ...]],
    ) -> AlignmentGraph:
        most = max(1, max(map(len, self._before)))
        table = np.full((len(self._phones), most), len(self._phones))
        for state, sources in enumerate(self._before):
            table[state, : len(sources)] = sources
        numbers = (np.array(self._phones), np.array(self._words), table, np.array(first), np.array(last))
        return AlignmentGraph(*numbers, *joints)


def any_phones(scores: Scores, bigram: Scores) -> tuple[Scores, Scores]:
    """What is there whatever is said, over all sequences of phones, pauses included.

    Returns:
        Log of the sum over them, shape (...), and the log probability of each phone in each frame, shape (..., frames,
        1 + phones).
    """
    phones = np.arange(1 + len(PHONES))
    # a state for each phone, and each may follow each
    graph = AlignmentGraph(phones, np.full_like(phones, -1), np.tile(phones, (phones.size, 1)), phones, phones, (), ())
    ways = graph.forward(scores, bigram) + graph.backward(scores, bigram)
    total = np.logaddexp.reduce(ways[..., -1, :], axis=-1)
    return total, ways - total[..., None, None]
