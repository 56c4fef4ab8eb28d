"""The expected words of a phrase, with the values that the evidence for them is measured against."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from streamauth.core.phrase.words import DIGITS
from streamauth.core.ports import NOTHING_USUAL, Usual
from streamauth.engines.phrase.alignment import NUMBER, SILENCE, Pronunciation
from streamauth.engines.phrase.decoys import Alternative
from streamauth.engines.phrase.lexicon import Lexicon

_COMMON = (
    *("a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "for", "from", "had", "has"),
    *("have", "he", "her", "him", "his", "i", "if", "in", "is", "it", "its", "me", "my", "no", "not"),
    *("now", "of", "on", "or", "our", "she", "so", "that", "the", "their", "them", "then", "there"),
    *("they", "this", "to", "up", "us", "was", "we", "were", "when", "will", "with", "you", "your"),
)
_DIGITS = (*DIGITS, "oh")
_NEAR_WORDS = 8


@dataclass(frozen=True, slots=True)
class Expected:
    """The words that are expected.

    Attributes:
        words: The words.
        sounds: For each of them its pronunciations, at least one.
        rivals: Pronunciations of the words that might have been said instead: of all digits, where the expected
            words are digits, else of the expected words and of the most common ones, which are the easiest to miss.
        near: For each word how others sound that it is easily taken for: of all other digits, where the expected words
            are digits, else of common words that differ from it in a sound or two.
        closed: Whether the rivals are all that is likely to be said.
        usual: How this person said the words before.
    """

    words: tuple[str, ...]
    sounds: tuple[Sequence[Pronunciation], ...]
    rivals: tuple[Sequence[Pronunciation], ...]
    near: tuple[Sequence[Pronunciation], ...]
    closed: bool
    usual: Usual = NOTHING_USUAL

    @classmethod
    def of(cls, words: tuple[str, ...], lexicon: Lexicon, usual: Usual = NOTHING_USUAL) -> "Expected":
        """The expectation of words that the dictionary knows or can read."""
        sounds_of = lexicon.likely
        closed = set(words).issubset(_DIGITS)
        rivals = _DIGITS if closed else tuple(dict.fromkeys((*words, *_COMMON)))
        near: tuple[Sequence[Pronunciation], ...]
        if closed:
            near = tuple([s for digit in _DIGITS if digit != word for s in sounds_of(digit)] for word in words)
        else:
            near = tuple(lexicon.near(word, _NEAR_WORDS) for word in words)
        sounds, rival_sounds = tuple(map(sounds_of, words)), tuple(map(sounds_of, rivals))
        return cls(words, sounds, rival_sounds, near, closed, usual)

    def part(self, first: int, last: int) -> "Expected":
        """Only the words from one to another, the last included."""
        some = slice(first, last + 1)
        words, sounds, near = self.words[some], self.sounds[some], self.near[some]
        renderings = self.usual.renderings if words == self.words else ()
        usual = Usual(self.usual.scores[some], self.usual.recognition[some], renderings)
        return replace(self, words=words, sounds=sounds, near=near, usual=usual)

    def alternatives(self) -> Iterator[Alternative]:
        """Each word replaced by those that it is easily taken for, and each two neighbours swapped."""
        for index, near in enumerate(self.near):
            for phones in near:
                yield Alternative(index, index + 1, tuple(NUMBER[phone] for phone in phones))
        for index, (one, other) in enumerate(pairwise(self.sounds)):
            if self.words[index] != self.words[index + 1]:
                first, then = ([NUMBER[phone] for phone in variants[0]] for variants in (other, one))
                yield Alternative(index, index + 2, (*first, *then))
                yield Alternative(index, index + 2, (*first, SILENCE, *then))
