"""What a pass phrase is worth: its length, how rare its words are, and whether many people would choose it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from streamauth.core.phrase.words import DIGITS
from streamauth.core.ports import WordFacts
from streamauth.core.settings import PhraseSettings

_DIGIT_BITS = math.log2(10)
_FAIR_BITS, _STRONG_BITS = 32.0, 48.0
_COMMON = frozenset(
    phrase.strip()
    for phrase in """
    abracadabra; good morning; good afternoon; good evening; good night; happy birthday; happy new year
    hello hello; hello world; hello how are you; how are you; how do you do; nice to meet you; i love you
    i don't know; thank you very much; thank you so much; open sesame; let me in please; please let me in now
    my password; password password; this is my password; the password is password; my voice; this is my voice
    this is a test; this is only a test; testing testing; test test test; testing one two three; one two three
    one two three four; one two three four five; one two three four five six; yes yes yes; no no no; it is me
    merry christmas; what is your name; my name is john; see you later; see you tomorrow; have a nice day
    """.replace("\n", ";").split(";")
)


class Level(StrEnum):
    """A strength in one word."""

    WEAK = "weak"
    FAIR = "fair"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Strength:
    """What a phrase is worth.

    Attributes:
        bits: How many guesses it takes, as a binary logarithm, for who guesses words by how common they are. An
            upper limit: what people choose is easier to guess than words drawn by chance.
        phones: Its length in speech sounds, some 80 ms each.
        common: Whether many people would choose it.
    """

    bits: float
    phones: int
    common: bool

    @property
    def level(self) -> Level:
        """The strength in one word."""
        if self.common or self.bits < _FAIR_BITS:
            return Level.WEAK
        return Level.STRONG if self.bits >= _STRONG_BITS else Level.FAIR

    def weakness(self, settings: PhraseSettings) -> str | None:
        """Why the phrase must not be used, as a sentence a person can act on; None if it may."""
        if self.phones < settings.min_phones:
            return "The pass phrase is too short to tell people apart by it. Choose one of four words or more."
        if self.common:
            return "The pass phrase is one of the first that anybody would try. Choose another one."
        if self.bits < settings.min_bits:
            return "The pass phrase is too easy to guess. Choose more words, or rarer ones."
        return None


def strength(words: tuple[str, ...], facts: Callable[[str], WordFacts | None]) -> Strength | None:
    """What a phrase is worth; None where the recognizer does not know its words well enough.

    Args:
        words: The phrase, as given by ``normalize``.
        facts: What the recognizer knows of a word.
    """
    known = [(word, facts(word)) for word in words]
    bits = {word: _DIGIT_BITS if word in DIGITS else fact.bits for word, fact in known if fact is not None}
    if len(bits) < len(set(words)):
        return None
    rare = [bits[word] for word in (words if set(words).issubset(DIGITS) else dict.fromkeys(words))]
    if any(value is None for value in rare):
        return None
    phones = sum(min(map(len, fact.sounds)) for _, fact in known if fact is not None)
    return Strength(sum(value for value in rare if value is not None), phones, " ".join(words) in _COMMON)
