"""The lexicon of the embedded recognizer: pronunciations of words, and how common the words are."""

import gzip
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import WordFacts
from streamauth.engines.phrase.alignment import NUMBER
from streamauth.engines.phrase.g2p import G2P, Phones
from streamauth.errors import ModelCorrupt

_COMMON = 8000
_LONGEST = 16
_FARTHEST = 2
_MOST_KEPT = 10_000
"""Words whose neighbours are kept: to find them takes 5 ms, and a phrase is expected again and again."""


class Lexicon:
    """Words of the CMU dictionary, and others that can be read by its rules where the folder has them.

    Args:
        folder: The folder ``phrase`` of a Vosk model.

    Raises:
        ModelCorrupt: The dictionary is missing, or a file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._near: dict[tuple[str, int], tuple[Phones, ...]] = {}
        try:
            text = gzip.decompress((folder / "dictionary.tsv.gz").read_bytes()).decode("utf-8").rstrip("\n")
            fields = text.replace("\n", "\t").split("\t")  # in one go: there are many lines
            if text.count("\t") != 2 * (text.count("\n") + 1):
                raise ValueError("not three fields a line")
            words, bits, sounds = fields[0::3], fields[1::3], fields[2::3]
            self._sounds = dict(zip(words, sounds, strict=True))
            self._bits = dict(zip(words, map(float, bits), strict=True))
            self._rarest = max(self._bits.values())
        except (OSError, EOFError, ValueError) as error:
            raise ModelCorrupt("The dictionary of phrases cannot be read. Install streamauth again.") from error

        g2p = folder / "spelling.npz"
        self._g2p = G2P(g2p) if g2p.is_file() else None

    def of(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations of a word, each a tuple of phones; none if it is not in the dictionary."""
        return tuple(tuple(variant.split()) for variant in self.written(word))

    def written(self, word: str) -> Sequence[str]:
        """As ``of``, each a text with the phones' names between spaces."""
        sounds = self._sounds.get(word)
        return sounds.split("|") if sounds else ()

    def likely(self, word: str) -> tuple[Phones, ...]:
        """As ``of``, but those proposed from its spelling if it is not in the dictionary."""
        return self.of(word) or (self._g2p.proposals(word) if self._g2p is not None else ())

    def facts(self, word: str) -> WordFacts | None:
        """What is known of a word, a proposed one being as rare as any; None if it has no pronunciation."""
        sounds, proposed = self.likely(word), word not in self._bits
        return WordFacts(sounds, self._bits.get(word, self._rarest), proposed) if sounds else None

    def near(self, word: str, count: int) -> tuple[Phones, ...]:
        """How words in common use sound that differ from a word in one or two sounds, the nearest first.

        Args:
            word: A word with pronunciations.
            count: How many at most.
        """
        if (word, count) in self._near:
            return self._near[word, count]
        variants, table, lengths = self._common_sounds
        distance = np.min([phone_distances(own, table, lengths) for own in self.likely(word)], axis=0)
        # what sounds the same is no other word
        near = [index for index in np.argsort(distance, kind="stable") if 0 < distance[index] <= _FARTHEST]
        if len(self._near) >= _MOST_KEPT:
            self._near.clear()
        return self._near.setdefault((word, count), tuple(variants[index] for index in near[:count]))

    @cached_property
    def _common_sounds(self) -> tuple[Sequence[Phones], NDArray[np.int64], NDArray[np.int64]]:
        """How common words sound, the commonest first; the same as numbers, shape (variants, longest), and lengths."""
        every = (phones for word in self.common(_COMMON) for phones in self.of(word))
        variants = [phones for phones in dict.fromkeys(every) if len(phones) <= _LONGEST]
        return variants, *phone_table(variants)

    def common(self, count: int) -> Sequence[str]:
        """The most common words, the commonest first."""
        every = np.fromiter(self._bits.values(), float)
        last = np.partition(every, min(count, every.size) - 1)[min(count, every.size) - 1]
        few = (word for word, bits in self._bits.items() if bits <= last)
        return sorted(few, key=lambda word: (self._bits[word], word))[:count]


def phone_table(variants: Sequence[Phones]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pronunciations as numbers, shape (variants, longest), and their lengths, shape (variants,)."""
    table = np.zeros((len(variants), max(map(len, variants), default=0)), np.int64)
    for row, phones in enumerate(variants):
        table[row, : len(phones)] = [NUMBER[phone] for phone in phones]
    return table, np.array([len(phones) for phones in variants], np.int64)


def phone_distances(phones: Phones, table: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sounds to be put in, left out or replaced (Levenshtein) between one word and each row of a table."""
    row = np.broadcast_to(np.arange(table.shape[1] + 1), (len(table), table.shape[1] + 1)).copy()
    for count, phone in enumerate(phones, 1):
        above, row = row, np.empty_like(row)
        row[:, 0] = count
        for place in range(1, row.shape[1]):
            replaced = above[:, place - 1] + (table[:, place - 1] != NUMBER[phone])
            row[:, place] = np.minimum(np.minimum(above[:, place], row[:, place - 1]) + 1, replaced)
    return np.asarray(row[np.arange(len(table)), lengths])
