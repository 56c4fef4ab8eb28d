"""Pass phrases that people choose: their words, their strength, and how unknown words are said."""

import unicodedata

from streamauth.core.phrase.strength import Strength, strength
from streamauth.core.phrase.words import normalize
from streamauth.core.ports import PhraseRecognizer
from streamauth.engines.loader import Engines
from streamauth.errors import UnknownWord, WeakPhrase
from streamauth.settings import PhraseSettings


class Phrases:
    """Judges pass phrases by the recognizer that will have to hear them."""

    def __init__(self, engines: Engines, settings: PhraseSettings) -> None:
        self._engines = engines
        self._settings = settings

    def words(self, phrase: str, locale: str | None = None) -> tuple[tuple[str, ...], Strength | None]:
        """The words of a phrase, and what it is worth as a pass phrase; None where the recognizer cannot tell.

        Args:
            phrase: The phrase.
            locale: Its language, ``phrase.locale`` if None.

        Raises:
            BadPhrase: It has no words or too many, or one that the recognizer does not know.
            EngineError: The recognizer cannot be used.
        """
        recognizer = self._engines.recognizer(locale)
        words = tuple(
            self._in_dictionary(word, recognizer) for word in normalize(phrase, max_words=self._settings.max_words)
        )
        unknown = recognizer.unknown_words(words)
        if not self._settings.propose_sounds:
            unknown += tuple(self.proposed_sounds(words, locale))
        if unknown:
            raise UnknownWord(f"The recognizer does not know: {', '.join(unknown)}. Choose other words.")
        return words, strength(words, recognizer.facts)

    def _in_dictionary(self, word: str, recognizer: PhraseRecognizer) -> str:
        """A word as the dictionary has it: without its accents, where it is known only so ("café" in English)."""
        plain = unicodedata.normalize(
            "NFC", "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
        )
        return (
            plain
            if plain != word and not self._is_known(word, recognizer) and self._is_known(plain, recognizer)
            else word
        )

    @staticmethod
    def _is_known(word: str, recognizer: PhraseRecognizer) -> bool:
        if recognizer.unknown_words((word,)):
            return False
        facts = recognizer.facts(word)
        return facts is None or not facts.proposed

    def proposed_sounds(self, words: tuple[str, ...], locale: str | None = None) -> dict[str, tuple[str, ...]]:
        """Those of the words that the dictionary does not have, with the pronunciations proposed for each.

        A pronunciation is its phones with one space between, such as "K EH L V AA N D R OW".

        Raises:
            EngineError: The recognizer cannot be used.
        """
        facts = {word: self._engines.recognizer(locale).facts(word) for word in words}
        return {
            word: tuple(map(" ".join, fact.sounds))
            for word, fact in facts.items()
            if fact is not None and fact.proposed
        }

    def usable(self, phrase: str, locale: str | None = None) -> tuple[str, ...]:
        """The words of a phrase that can be a pass phrase.

        Raises:
            BadPhrase: It cannot.
            EngineError: The recognizer cannot be used.
        """
        words, worth = self.words(phrase, locale)
        if worth is not None and (weakness := worth.weakness(self._settings)):
            raise WeakPhrase(weakness)
        return words
