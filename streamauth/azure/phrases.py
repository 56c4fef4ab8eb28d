"""The pass phrases of the API, and which of them was said."""

from collections.abc import Sequence

from streamauth.azure.generations import PHRASES
from streamauth.core.phrase.words import edit_distance, normalize
from streamauth.errors import BadPhrase, BadSetting
from streamauth.settings import Settings

_TD_LOCALE = "en-US"
_MOST_WRONG = 0.5
_MARGIN, _LEAST_A_WORD = 8.0, -3.0
"""By how many nats one phrase of the list must be likelier than all others, and its nats a word at least: of three
people's recordings of such phrases the right one had -0.2 to -1.2 a word, and led by 38 nats and more."""
LEAST_LLR = -15.0
"""Likelihood ratio from which a phrase that was clearly meant counts as said at enrollment, in nats."""


class Phrases:
    """The pass phrases of each language.

    Raises:
        BadSetting: One of the setting's cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._by_locale: dict[str, list[str]] = {_TD_LOCALE: list(PHRASES)}
        for entry in filter(None, map(str.strip, settings.azure.phrases.split(";"))):
            locale, colon, text = entry.partition(":")
            if not colon:
                locale, text = _TD_LOCALE, entry
            try:
                phrase = " ".join(normalize(text, max_words=settings.phrase.max_words))
            except BadPhrase:
                raise BadSetting("azure.phrases: one of the phrases cannot be used.") from None
            self._by_locale.setdefault(locale.strip(), []).append(phrase)

    def of(self, locale: str) -> Sequence[str]:
        """The phrases of a language, in their order."""
        return self._by_locale.get(locale, ())

    def clearly_meant(self, likelihoods: Sequence[float], locale: str) -> str | None:
        """The phrase that is by far the likeliest of the list; None where there is none, or nothing like any.

        Args:
            likelihoods: Of each phrase of the language in an utterance, in nats, in their order; empty where unknown.
            locale: The language.
        """
        ranked = sorted(zip(likelihoods, self.of(locale), strict=False), reverse=True)
        if len(ranked) < 2:
            return None
        (best, phrase), (second, _) = ranked[:2]
        return phrase if best - second >= _MARGIN and best >= _LEAST_A_WORD * len(phrase.split()) else None

    def meant(self, words: tuple[str, ...], locale: str) -> str | None:
        """The phrase that words come nearest to, letter by letter; None if less than half of the letters fit.

        It only tells which phrase is to be looked for: whether it was said is judged by the recognizer. Letters, since
        what a decoder takes for another word mostly sounds, and is written, much alike ("a couple" for "a cup of").
        """
        if not words:
            return None
        near = [(edit_distance(" ".join(words), phrase) / len(phrase), phrase) for phrase in self.of(locale)]
        wrong, phrase = min(near, default=(1.0, ""))
        return phrase if wrong <= _MOST_WRONG else None
