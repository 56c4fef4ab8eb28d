"""How Whisper may write the words of a phrase: which spellings sound the same.

A word is the same in lower case and with a capital, as another word that sounds the same ("for", "four"), as a number
("4"), and as two words that make it ("wild fire").
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from streamauth.core.phrase.words import DIGITS, edit_distance
from streamauth.engines.phrase.lexicon import Lexicon

_COMMON = 20_000
_MOST_LETTERS, _MOST_SOUNDS, _LEAST_LETTERS = 0.3, 0.25, 4
"""Shares of a word's letters and of its sounds in which a way to write it may differ; letters of such a word."""
_SHORTEST_PART = 2
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = {word: str(number) for number, word in enumerate((*DIGITS, *_TEENS))}
_NUMBERS |= {word: str(10 * number) for number, word in enumerate(_TENS, 2)}
_FULL = {"'m": " am", "'re": " are", "'ll": " will", "'ve": " have", "n't": " not", "'d": " would"}


@dataclass(frozen=True)
class Spelling:
    """One way to write a phrase.

    Attributes:
        units: What is written, each with what comes before it.
        counts: How many of the phrase's words each unit stands for.
    """

    units: tuple[str, ...]
    counts: tuple[int, ...]


class WrittenForms:
    """Spellings of words.

    Args:
        lexicon: How words sound and which are common.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._known: dict[str, tuple[str, ...]] = {}

    def prepare(self) -> None:
        """Make what ``of`` makes at its first use."""
        _ = self._common_and_alike

    def of(self, word: str) -> tuple[str, ...]:
        """Texts that stand for one word behind another one, each with its space in front."""
        if word not in self._known:
            alike = {word, *self._homophones(word)}
            texts = {form for one in alike for form in (one, one.capitalize(), _NUMBERS.get(one, one))}
            texts |= {form for one in alike for form in self._parted(one)}
            self._known[word] = tuple(sorted(f" {text}" for text in texts))
        return self._known[word]

    def misspelt(self, words: Sequence[str], heard: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Texts among what was heard that stand for words of a phrase and for no other ones, by word.

        Whisper writes words that it saw seldom as they sound ("cappaccino"). Whatever no dictionary has is no other
        word; and a word that no dictionary has may be heard as one that it has.
        """
        found = {}
        for word in dict.fromkeys(words):
            known = bool(self._lexicon.of(word))
            likes = [one for one in dict.fromkeys(heard) if one != word and not (known and self._lexicon.of(one))]
            if forms := [
                form for one in likes if self._alike_in_writing(word, one) for form in (one, one.capitalize())
            ]:
                found[word] = tuple(f" {form}" for form in forms)
        return found

    def _alike_in_writing(self, word: str, heard: str) -> bool:
        if min(len(word), len(heard)) < _LEAST_LETTERS:
            return False
        if edit_distance(word, heard) <= _MOST_LETTERS * len(word):
            return True
        sounds = ((one, other) for one in self._lexicon.likely(word) for other in self._lexicon.likely(heard))
        return any(edit_distance(one, other) <= _MOST_SOUNDS * len(one) for one, other in sounds)

    def spellings(self, words: Sequence[str]) -> tuple[Spelling, ...]:
        """Ways to write a phrase from its beginning: as a sentence, and as digits where it is some."""
        sentence = tuple(f" {written(word, first=index == 0)}" for index, word in enumerate(words))
        found = [Spelling(sentence, (1,) * len(words))]
        if len(words) > 1 and set(words).issubset(DIGITS):
            digits = [_NUMBERS[word] for word in words]
            for between in (" ", ", ", "-"):
                found.append(Spelling((f" {digits[0]}", *(between + digit for digit in digits[1:])), (1,) * len(words)))
            found.append(Spelling((" " + "".join(digits),), (len(words),)))
        return tuple(found)

    def _parted(self, word: str) -> list[str]:
        """The word as two that are in common use, and a short form in full."""
        found = [
            f"{one}{space}{other}"
            for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
            if (one := word[:at]) in self._common and (other := word[at:]) in self._common
            for space in (" ", "-")
        ]
        found += [form.title() for form in found if "-" not in form]
        found += [
            written(word.removesuffix(end), first=False) + full for end, full in _FULL.items() if word.endswith(end)
        ]
        return found

    def _homophones(self, word: str) -> set[str]:
        # of a word that no dictionary has ("theres") as it would be read
        sounds = map(" ".join, self._lexicon.likely(word))
        return {other for sound in sounds for other in self._common_and_alike[1].get(sound, "").split()}

    @cached_property
    def _common(self) -> AbstractSet[str]:
        """Words in common use."""
        return self._common_and_alike[0]

    @cached_property
    def _common_and_alike(self) -> tuple[AbstractSet[str], Mapping[str, str]]:
        """Words in common use; and by how they sound, with spaces between those that sound the same."""
        alike: dict[str, str] = {}
        words, sounds = self._lexicon.common_with_sounds(_COMMON)
        for word, variants in zip(words, sounds, strict=True):
            for sound in variants.split("|"):
                alike[sound] = f"{alike[sound]} {word}" if sound in alike else word
        return frozenset(words), alike


def written(word: str, *, first: bool) -> str:
    """A word as it stands in a sentence."""
    return word.capitalize() if first or word == "i" or word.startswith("i'") else word
