"""Words as networks of phones, and how well they explain an utterance, frame by frame.

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
"""Log scores, shape (frames, 2 * (1 + phones)): for each phone that it begins in a frame, and that it goes on."""

_HESITATIONS = (("AH",), ("AH", "M"), ("ER",), ("HH", "M"), ("EH",))


@dataclass(frozen=True)
class WordGraph:
    """All ways to say words: states that each are one phone.

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
    ) -> "WordGraph":
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
    def any_of(cls, words: Sequence[Sequence[Pronunciation]]) -> "WordGraph":
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

    def align(self, scores: Scores, bigram: Scores) -> tuple[float, NDArray[np.int64]]:
        """The best path: its score and the state of each frame. Minus infinity where there are too few frames."""
        count = len(self.phones)
        enter, stay = scores[:, 2 * self.phones], scores[:, 2 * self.phones + 1]
        chance = self._chances(bigram)
        value = np.full(count + 1, -np.inf)
        value[self.first] = bigram[SILENCE, self.phones[self.first]] + enter[0, self.first]
        came = np.zeros(enter.shape, np.int64)
        states = np.arange(count)
        for frame in range(1, len(enter)):
            choices = value[self.before] + chance
            best = choices.argmax(axis=1)
            arriving = choices[states, best] + enter[frame]
            staying = value[:-1] + stay[frame]
            moved = arriving > staying
            came[frame] = np.where(moved, self.before[states, best], states)
            value[:-1] = np.where(moved, arriving, staying)
        path = np.zeros(len(enter), np.int64)
        path[-1] = self.last[value[self.last].argmax()]
        for frame in range(len(enter) - 1, 0, -1):
            path[frame - 1] = came[frame, path[frame]]
        return float(value[self.last].max()), path

    def total(self, scores: Scores, bigram: Scores) -> float:
        """Log of the sum over all paths."""
        return float(np.logaddexp.reduce(self.forward(scores, bigram)[-1, self.last]))

    def forward(self, scores: Scores, bigram: Scores) -> Scores:
        """Log of the sum over all paths to each state in each frame, that frame included, shape (frames, states)."""
        enter, stay = scores[:, 2 * self.phones], scores[:, 2 * self.phones + 1]
        chance = self._chances(bigram)
        values = np.full((len(enter), len(self.phones) + 1), -np.inf)
        values[0, self.first] = bigram[SILENCE, self.phones[self.first]] + enter[0, self.first]
        for frame in range(1, len(enter)):
            arriving = _log_sum(values[frame - 1][self.before] + chance) + enter[frame]
            values[frame, :-1] = np.logaddexp(arriving, values[frame - 1, :-1] + stay[frame])
        return values[:, :-1]

    def backward(self, scores: Scores, bigram: Scores) -> Scores:
        """Log of the sum over all ways on from each state in each frame, that frame not included."""
        enter, stay = scores[:, 2 * self.phones], scores[:, 2 * self.phones + 1]
        count = len(self.phones)
        links = np.full((count + 1, count), -np.inf)  # from each state to each
        np.put_along_axis(links.T, self.before, self._chances(bigram), axis=1)
        links = links[:count]
        values = np.full((len(enter), count), -np.inf)
        values[-1, self.last] = 0.0
        for frame in range(len(enter) - 2, -1, -1):
            leaving = _log_sum(links + (enter[frame + 1] + values[frame + 1]))
            values[frame] = np.logaddexp(leaving, stay[frame + 1] + values[frame + 1])
        return values

    def _chances(self, bigram: Scores) -> Scores:
        real = self.before < len(self.phones)
        sources = self.phones[np.where(real, self.before, 0)]
        return np.where(real, bigram[sources, self.phones[:, None]], -np.inf)


def _log_sum(values: Scores) -> Scores:
    """Log of the sum of exponentials along the last axis; faster than ``logaddexp.reduce``."""
    top = values.max(axis=-1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values - safe[..., None]).sum(axis=-1)) + safe)


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
    ) -> WordGraph:
        most = max(1, max(map(len, self._before)))
        table = np.full((len(self._phones), most), len(self._phones))
        for state, sources in enumerate(self._before):
            table[state, : len(sources)] = sources
        numbers = (np.array(self._phones), np.array(self._words), table, np.array(first), np.array(last))
        return WordGraph(*numbers, *joints)


def any_phones(scores: Scores, bigram: Scores) -> float:
    """Log of the sum over all sequences of phones, pauses included."""
    pairs = scores.reshape(len(scores), -1, 2)
    chances = np.exp(bigram)
    value = bigram[SILENCE] + pairs[0, :, 0]
    for frame in range(1, len(scores)):
        top = value.max()
        arriving = np.log(np.exp(value - top) @ chances + 1e-300) + top + pairs[frame, :, 0]
        value = np.logaddexp(arriving, value + pairs[frame, :, 1])
    return float(np.logaddexp.reduce(value))


def phone_posteriors(scores: Scores, bigram: Scores) -> NDArray[np.float64]:
    """Log probability of each phone in each frame, whatever is said, shape (frames, 1 + phones)."""
    pairs = scores.reshape(len(scores), -1, 2)
    chances = np.exp(bigram)
    forward = np.empty(pairs.shape[:2])
    forward[0] = bigram[SILENCE] + pairs[0, :, 0]
    for frame in range(1, len(scores)):
        top = forward[frame - 1].max()
        arriving = np.log(np.exp(forward[frame - 1] - top) @ chances + 1e-300) + top + pairs[frame, :, 0]
        forward[frame] = np.logaddexp(arriving, forward[frame - 1] + pairs[frame, :, 1])
    backward = np.zeros(pairs.shape[:2])
    for frame in range(len(scores) - 2, -1, -1):
        following = backward[frame + 1] + pairs[frame + 1, :, 0]
        top = following.max()
        leaving = np.log(chances @ np.exp(following - top) + 1e-300) + top
        backward[frame] = np.logaddexp(leaving, backward[frame + 1] + pairs[frame + 1, :, 1])
    joint = forward + backward
    return np.asarray(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
