"""Grapheme-to-phoneme model (G2P): pronunciations of words that the lexicon does not have.

A joint n-gram model of letters and phones: each letter comes with no, one or two phones, and such pairs follow each
other as they do in the dictionary (M. Bisani, H. Ney, "Joint-sequence models for grapheme-to-phoneme conversion",
Speech Communication 50, 2008). ``scripts/train/vosk/make_g2p.py`` learns it from the shipped dictionary.
"""

import io
from array import array
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from streamauth.engines.phrase.alignment import PHONES
from streamauth.errors import ModelCorrupt

BITS = 9
"""Bits of a pair's number in the key of an n-gram."""
BEGIN, END, FIRST = 1, 2, 3
"""Numbers of the pairs that stand for begin and end of a word, and of the first real one."""
STEPS = 16
"""Steps of a stored log probability per nat."""

_BEAM = 24
_MOST = 3
_MARGIN = 3.0  # nats under the likeliest
_STRANGEST = -4.0  # nats per letter; of the dictionary's own words one in 500 is stranger
_VOWELS = frozenset(phone for phone in PHONES if phone[0] in "AEIOU")

Phones = tuple[str, ...]
Key = TypeVar("Key")


class G2P:
    """Proposes pronunciations.

    Args:
        path: What ``scripts/train/vosk/make_g2p.py`` has made.

    Raises:
        ModelCorrupt: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._pairs: dict[str, list[tuple[int, Phones]]] = {}
        self._keys: list[array[int]] = []
        self._chances: list[array[float]] = []
        self._fallbacks: list[array[float]] = []
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                for number, pair in enumerate(data["pairs"].tolist(), FIRST):
                    letter, *phones = pair.split()
                    self._pairs.setdefault(letter, []).append((number, tuple(phones)))
                keys = np.zeros(1, np.int64)
                for order in range(int(data["order"])):
                    keys = np.repeat(keys, data[f"followers{order}"]) << BITS | data[f"last{order}"]
                    self._keys.append(array("q", keys.tobytes()))
                    self._chances.append(array("d", (data[f"chance{order}"] / -STEPS).tobytes()))
                    self._fallbacks.append(array("d", (data[f"fallback{order}"] / STEPS).tobytes()))
        # a damaged archive raises whatever the layer that stumbles over it raises
        except Exception as error:
            raise ModelCorrupt("The spelling of phrases cannot be read. Install streamauth again.") from error
        self._known = lru_cache(1024)(self._find)

    def proposals(self, word: str) -> tuple[Phones, ...]:
        """Up to three pronunciations of a word, the likeliest first.

        None where it has anything but the letters a to z and apostrophes, and where words are not spelled so: nobody
        could tell how it is to be said.
        """
        return self._known(word)

    def _find(self, word: str) -> tuple[Phones, ...]:
        hypotheses: dict[tuple[int, Phones], float] = {(BEGIN, ()): 0.0}
        for letter in word:
            longer: dict[tuple[int, Phones], float] = {}
            for (context, phones), chance in hypotheses.items():
                for number, sound in self._pairs.get(letter, ()):
                    key = self._shortened(context << BITS | number), phones + sound
                    _add(longer, key, chance + self._chance(context, number))
            hypotheses = dict(_likeliest(longer, _BEAM))
        found: dict[Phones, float] = {}
        for (context, phones), chance in hypotheses.items():
            if not _VOWELS.isdisjoint(phones):
                _add(found, phones, chance + self._chance(context, END))
        ranked = _likeliest(found, _MOST)
        if not ranked or ranked[0][1] < _STRANGEST * (len(word) + 1):
            return ()
        return tuple(phones for phones, chance in ranked if chance >= ranked[0][1] - _MARGIN)

    def _chance(self, context: int, number: int) -> float:
        """Log probability of a pair behind those of a context."""
        total = 0.0
        while (at := self._place(context << BITS | number)) is None:
            total += self._fallbacks[_length(context) - 1][self._place(context) or 0]
            context = _without_oldest(context)
        return total + self._chances[_length(context)][at]

    def _shortened(self, context: int) -> int:
        """As much of a context, its end, as makes a difference."""
        while _length(context) >= len(self._keys) or self._place(context) is None:
            context = _without_oldest(context)
        return context

    def _place(self, key: int) -> int | None:
        keys = self._keys[_length(key) - 1]
        at = bisect_left(keys, key)
        return at if at < len(keys) and keys[at] == key else None


def _length(key: int) -> int:
    return -(-key.bit_length() // BITS)


def _without_oldest(key: int) -> int:
    return key & ((1 << BITS * (_length(key) - 1)) - 1)


def _likeliest(chances: dict[Key, float], most: int) -> list[tuple[Key, float]]:
    return sorted(chances.items(), key=lambda each: -each[1])[:most]


def _add(chances: dict[Key, float], key: Key, chance: float) -> None:
    before = chances.get(key)
    chances[key] = chance if before is None else float(np.logaddexp(before, chance))
