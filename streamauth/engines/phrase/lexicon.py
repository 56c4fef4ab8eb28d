"""The lexicon of the embedded recognizer: pronunciations of words, and how common the words are.

The dictionary is searched as it lies, a text with a sorted word a line: nothing is made of its 125,000 lines at the
start of a program that looks up ten of them.
"""

import gzip
from bisect import bisect_left
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
"""Words whose neighbours are kept: a phrase is expected again and again."""
_TAB, _LINE_END, _POINT, _ZERO = b"\t\n.0"

Numbers = NDArray[np.int64]


class Lexicon:
    """Words of the CMU dictionary, and others that can be read by its rules where the folder has them.

    Args:
        folder: The folder ``phrase`` of a Vosk model.

    Raises:
        ModelCorrupt: The dictionary is missing or cannot be read; when a word is not in it also where its spelling
            cannot be.
    """

    def __init__(self, folder: Path) -> None:
        self._near: dict[tuple[str, int], tuple[Phones, ...]] = {}
        try:
            self._text = gzip.decompress((folder / "dictionary.tsv.gz").read_bytes())
            self._starts, self._word_ends, self._tenths = _lines(self._text)
        except (OSError, EOFError, ValueError) as error:
            raise ModelCorrupt("The dictionary of phrases cannot be read. Install streamauth again.") from error
        self._spelling = folder / "spelling.npz"

    def of(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations of a word, each a tuple of phones; none if it is not in the dictionary."""
        index = self._find(word)
        if index is None:
            return ()
        _, _, sounds = self._text[self._starts[index] : self._starts[index + 1] - 1].decode("utf-8").split("\t")
        return tuple(tuple(variant.split()) for variant in sounds.split("|"))

    def likely(self, word: str) -> tuple[Phones, ...]:
        """As ``of``, but those proposed from its spelling if it is not in the dictionary."""
        return self.of(word) or (self._g2p.proposals(word) if self._g2p is not None else ())

    @cached_property
    def _g2p(self) -> G2P | None:
        """How other words are read; loaded with the first of them."""
        return G2P(self._spelling) if self._spelling.is_file() else None

    def facts(self, word: str) -> WordFacts | None:
        """What is known of a word, a proposed one being as rare as any; None if it has no pronunciation."""
        sounds, index = self.likely(word), self._find(word)
        tenths = self._tenths.max() if index is None else self._tenths[index]
        return WordFacts(sounds, float(tenths) / 10, index is None) if sounds else None

    def prepare(self) -> None:
        """Make what ``near`` makes at its first use."""
        _ = self._common_sounds

    def near(self, word: str, count: int) -> tuple[Phones, ...]:
        """How words in common use sound that differ from a word in one or two sounds, the nearest first.

        Args:
            word: A word with pronunciations.
            count: How many at most.
        """
        if (word, count) in self._near:
            return self._near[word, count]
        variants, table, lengths, kinds = self._common_sounds
        distances: dict[int, int] = {}
        for own in self.likely(word):
            # a sound that differs changes which sounds there are by two at most
            alike = (kinds != _kinds(*phone_table([own]))).sum(axis=1) <= 2 * _FARTHEST
            rows = np.flatnonzero(alike & (abs(lengths - len(own)) <= _FARTHEST))
            for row, distance in zip(rows.tolist(), phone_distances(own, table[rows], lengths[rows]), strict=True):
                distances[row] = min(int(distance), distances.get(row, _LONGEST))
        # what sounds the same is no other word
        near = sorted((distance, row) for row, distance in distances.items() if 0 < distance <= _FARTHEST)
        if len(self._near) >= _MOST_KEPT:
            self._near.clear()
        return self._near.setdefault((word, count), tuple(variants[row] for _, row in near[:count]))

    @cached_property
    def _common_sounds(self) -> tuple[Sequence[Phones], Numbers, Numbers, NDArray[np.bool_]]:
        """How common words sound, the commonest first; as ``phone_table`` and ``_kinds`` give it too."""
        _, sounds = self.common_with_sounds(_COMMON)
        every = dict.fromkeys("|".join(sounds).split("|"))
        variants = [phones for phones in (tuple(variant.split()) for variant in every) if len(phones) <= _LONGEST]
        table, lengths = phone_table(variants)
        return variants, table, lengths, _kinds(table, lengths)

    def common(self, count: int) -> Sequence[str]:
        """The most common words, the commonest first."""
        return self.common_with_sounds(count)[0]

    def common_with_sounds(self, count: int) -> tuple[Sequence[str], Sequence[str]]:
        """The same, and their pronunciations: phones with spaces between, and a bar between those of one word."""
        # words that are equally common in the order of the alphabet, which is that of the lines
        places = np.argsort(self._tenths, kind="stable")[:count]
        begins, ends = self._starts[places].tolist(), (self._starts[places + 1] - 1).tolist()
        lines = b"\t".join([self._text[begin:end] for begin, end in zip(begins, ends, strict=True)])
        fields = lines.decode("utf-8").split("\t") if lines else []
        return fields[0::3], fields[2::3]

    def _find(self, word: str) -> int | None:
        wanted = word.encode("utf-8", "surrogatepass")
        index = bisect_left(range(len(self._word_ends)), wanted, key=self._word)
        return index if index < len(self._word_ends) and self._word(index) == wanted else None

    def _word(self, index: int) -> bytes:
        return self._text[self._starts[index] : self._word_ends[index]]


def _lines(text: bytes) -> tuple[Numbers, Numbers, NDArray[np.int16]]:
    """Where the lines of a dictionary begin, and the last one ends; where their words end; their tenths of bits.

    Raises:
        ValueError: A line has other fields than a word, a number with one decimal, and pronunciations.
    """
    codes = np.frombuffer(text, np.uint8)
    line_ends, tabs = np.flatnonzero(codes == _LINE_END), np.flatnonzero(codes == _TAB)
    if not line_ends.size or line_ends[-1] != codes.size - 1 or tabs.size != 2 * line_ends.size:
        raise ValueError("not three fields a line")
    starts = np.concatenate([[0], line_ends + 1])
    word_ends, number_ends = tabs[0::2], tabs[1::2]
    digits = [codes[number_ends - back].astype(np.int16) - _ZERO for back in (1, 3)]
    sizes = number_ends - word_ends - 1
    tens = np.where(sizes == 4, codes[word_ends + 1].astype(np.int16) - _ZERO, 0)
    in_order = (starts[:-1] < word_ends) & (word_ends + 3 < number_ends) & (sizes <= 4) & (number_ends < line_ends)
    if not in_order.all() or (codes[number_ends - 2] != _POINT).any():
        raise ValueError("not a word, its rarity and its sounds")
    if any(((digit < 0) | (digit > 9)).any() for digit in (*digits, tens)):
        raise ValueError("no number")
    return starts, word_ends, digits[0] + 10 * digits[1] + 100 * tens


def phone_table(variants: Sequence[Phones]) -> tuple[Numbers, Numbers]:
    """Pronunciations as numbers, shape (variants, longest), and their lengths, shape (variants,)."""
    lengths = np.fromiter(map(len, variants), np.int64, len(variants))
    table = np.zeros((len(variants), max(lengths, default=0)), np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = [NUMBER[phone] for phones in variants for phone in phones]
    return table, lengths


def _kinds(table: Numbers, lengths: Numbers) -> NDArray[np.bool_]:
    """Which phones are in each pronunciation of a table, shape (variants, 1 + phones)."""
    found = np.zeros((len(table), 1 + len(NUMBER)), np.bool_)
    rows, places = np.nonzero(np.arange(table.shape[1]) < lengths[:, None])
    found[rows, table[rows, places]] = True
    return found


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
