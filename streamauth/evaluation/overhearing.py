"""Lets the likelihood ratio of a pass phrase be known, which a session keeps to itself."""

from streamauth.core.decision import PhraseRule, PhraseState
from streamauth.core.ports import PhraseRecognizer, PhraseStream, Transcript
from streamauth.core.strength import WordFacts
from streamauth.settings import Settings

LEAST_LLR = -30.0
"""The likelihood ratio of a phrase that was not heard, where the recognizer gives none, in nats."""


class Overhearing:
    """A recognizer that listens to what another one tells a session.

    Args:
        recognizer: The one that does the work.
        words: The phrase.
        settings: As the session's.
    """

    def __init__(self, recognizer: PhraseRecognizer, words: tuple[str, ...], settings: Settings) -> None:
        self._recognizer = recognizer
        self._most = settings.phrase.min_llr
        self._rule = PhraseRule(words, settings.phrase, min_llr=self._most)
        self._whole_llrs: list[float] = []
        self.id = recognizer.id

    @property
    def llr(self) -> float:
        """The phrase's so far, in nats: infinite where it was said and the recognizer gives none."""
        if self._rule.state is PhraseState.MATCHED:
            return self._rule.llr
        return min(self._most, max(self._whole_llrs, default=LEAST_LLR))

    def facts(self, word: str) -> WordFacts | None:
        """As the recognizer's."""
        return self._recognizer.facts(word)

    def unknown_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """As the recognizer's."""
        return self._recognizer.unknown_words(words)

    def stream(self, expected: tuple[str, ...] | None, *, habits: tuple[float, ...] = ()) -> PhraseStream:
        """A stream of the recognizer."""
        return _Overheard(self._recognizer.stream(expected, habits=habits), self)

    def take(self, transcript: Transcript) -> None:
        """The session took this for an utterance."""
        self._rule.add(transcript, 0)
        if transcript.whole_llr is not None:
            self._whole_llrs.append(transcript.whole_llr)

    def completed_by(self, transcript: Transcript) -> bool:
        """Whether the session takes these words before the utterance is over."""
        return self._rule.completed_by(transcript)


class _Overheard:
    def __init__(self, stream: PhraseStream, listener: Overhearing) -> None:
        self._stream = stream
        self._listener = listener
        self.accept, self.close = stream.accept, stream.close

    def glimpse(self) -> Transcript:
        transcript = self._stream.glimpse()
        if self._listener.completed_by(transcript):
            self._listener.take(transcript)
        return transcript

    def finish(self) -> Transcript:
        transcript = self._stream.finish()
        self._listener.take(transcript)
        return transcript
