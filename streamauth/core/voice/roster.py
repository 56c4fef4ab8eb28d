"""The people whom a voice may be of: searched as a whole, the nearest ranked.

A roster never changes, so any number of sessions share one. One that differs in a few people shares with the one before
it all that is large: those who are gone are left out of the ranking, those who came are searched beside. Only where
these are many is all of it put together anew.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.quality import Quality
from streamauth.core.events import Candidate
from streamauth.core.ports import Voiceprint
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.pooling import VoiceSample
from streamauth.core.voice.scoring import Gallery

RANKED = 64
"""Candidates of a ranking; further ones are compared, and nothing is told of them."""
_FEW = 1_000
_SHARE = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """People whose voiceprints lie together.

    Attributes:
        numbers: Place of each in the order of the part, by name.
        names: In that order.
        begins: Number of each one's first voiceprint, and of the end of the last one's, shape (people + 1,).
        gallery: Their voiceprints.
        voiceprints: What the gallery was made of.
        gone: Which of them do not count, shape (people,); None where all do.
    """

    numbers: dict[str, int]
    names: tuple[str, ...]
    begins: NDArray[np.int64]
    gallery: Gallery
    voiceprints: tuple[tuple[Voiceprint, ...], ...]
    gone: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, people: Mapping[str, Sequence[Voiceprint]], calibration: Calibration) -> "_Part":
        names, voiceprints = tuple(people), tuple(map(tuple, people.values()))
        begins = np.cumsum([0, *map(len, voiceprints)])
        gallery = Gallery([one for each in voiceprints for one in each], calibration)
        return cls({name: number for number, name in enumerate(names)}, names, begins, gallery, voiceprints)

    def without(self, names: Collection[str]) -> "_Part":
        """The same, some of whom do not count; names that are not here are passed over."""
        numbers = [self.numbers[name] for name in names if name in self.numbers]
        if not numbers:
            return self
        gone = np.zeros(len(self.names), np.bool_) if self.gone is None else self.gone.copy()
        gone[numbers] = True
        return replace(self, gone=gone)

    def people(self) -> Iterator[tuple[str, tuple[Voiceprint, ...]]]:
        """Those who count."""
        for number, name in enumerate(self.names):
            if self.gone is None or not self.gone[number]:
                yield name, self.voiceprints[number]

    def has(self, name: str) -> bool:
        """Whether somebody is here and counts."""
        number = self.numbers.get(name)
        return number is not None and (self.gone is None or not self.gone[number])

    def count(self) -> int:
        """Voiceprints of those who count."""
        counts = np.diff(self.begins)
        return int(counts.sum() if self.gone is None else counts[~self.gone].sum())

    def nearest(self, voice: VoiceSample, quality: Quality) -> list[Candidate]:
        """The most likely of those who count, each with their best voiceprint, in any order."""
        similar = self.gallery.similarities(voice)
        worth = self.gallery.normalized(similar, voice)
        if len(worth) > len(self.names):
            worth = np.maximum.reduceat(worth, self.begins[:-1])
        if self.gone is not None:
            worth = np.where(self.gone, np.float32(-np.inf), worth)
        most = min(RANKED, len(worth))
        chosen = np.argpartition(worth, len(worth) - most)[len(worth) - most :]
        if self.gone is not None:
            chosen = chosen[~self.gone[chosen]]
        which = [np.arange(self.begins[number], self.begins[number + 1]) for number in chosen]
        if not which:
            return []
        scores = iter(self.gallery.scores(similar, voice, quality, np.concatenate(which)))
        best = (max((next(scores) for _ in of_one), key=lambda one: (one.llr, one.score)) for of_one in which)
        return [Candidate(self.names[number], one.score, one.llr) for number, one in zip(chosen, best, strict=True)]


class Roster:
    """People by name; made by ``of``.

    Args:
        parts: The many, and those who came since.
        calibration: Of the encoder that made the voiceprints.

    Attributes:
        chances: Voiceprints that a voice may resemble.
    """

    def __init__(self, parts: Sequence[_Part], calibration: Calibration) -> None:
        self._parts = tuple(parts)
        self._calibration = calibration
        self.chances = sum(part.count() for part in parts)

    @classmethod
    def of(cls, people: Mapping[str, Sequence[Voiceprint]], calibration: Calibration) -> "Roster":
        """A new one.

        Args:
            people: All voiceprints of each, at least one.
            calibration: Of the encoder that made them.
        """
        return cls([_Part.of(people, calibration)] if people else [], calibration)

    def changed(self, gone: Collection[str], people: Mapping[str, Sequence[Voiceprint]]) -> "Roster":
        """The one after a change.

        Args:
            gone: Who is no more in it.
            people: Who came, or has other voiceprints than before.
        """
        out = {*gone, *people}
        if not out:
            return self
        if not self._parts:
            return Roster.of(people, self._calibration)
        first, *later = self._parts
        fresh = {name: given for part in later for name, given in part.people() if name not in out} | dict(people)
        if len(fresh) > max(_FEW, len(first.names) // _SHARE):
            kept = {name: given for name, given in first.people() if name not in out}
            return Roster.of(kept | fresh, self._calibration)
        parts = [first.without(out)]
        return Roster(parts + ([_Part.of(fresh, self._calibration)] if fresh else []), self._calibration)

    def without(self, names: Collection[str]) -> "Roster":
        """The same for one session, in which some do not count."""
        return Roster([part.without(names) for part in self._parts], self._calibration) if names else self

    def rank(self, voice: VoiceSample, quality: Quality) -> tuple[Candidate, ...]:
        """The ``RANKED`` most likely ones, by falling LLR, then by name."""
        found = [candidate for part in self._parts for candidate in part.nearest(voice, quality)]
        return tuple(sorted(found, key=lambda candidate: (-candidate.llr, candidate.name))[:RANKED])

    def gallery_of(self, name: str) -> Gallery:
        """One person's voiceprints alone."""
        given = next(part.voiceprints[part.numbers[name]] for part in self._parts if part.has(name))
        return Gallery(given, self._calibration)
