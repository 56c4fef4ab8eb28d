"""Which words an utterance holds, where some are expected: those, their beginning, or what a decoder heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamauth.core.phrase import Comparison, compare
from streamauth.core.ports import Word
from streamauth.engines.phrase_evidence import Pronunciation, UtteranceEvidence

MIN_LOG_ODDS = 0.5


@dataclass(frozen=True, slots=True)
class ExpectedPhrase:
    """The words that are expected.

    Attributes:
        words: The words.
        sounds: For each of them its pronunciations.
    """

    words: tuple[str, ...]
    sounds: tuple[tuple[Pronunciation, ...], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was heard.

    Attributes:
        words: The words.
        evidence: Log likelihood ratio of the best beginning of the phrase against any sequence of phones, in nats
            per second of its words; None where the utterance is too short to tell.
        reached: How many words of the phrase are behind the speaker; 0 if it is complete or was not said.
    """

    words: tuple[Word, ...]
    evidence: float | None
    reached: int = 0


def choose(
    phrase: ExpectedPhrase,
    audio: UtteranceEvidence,
    heard: Sequence[Word],
    sounds: Sequence[Pronunciation],
    *,
    reached: int = 0,
) -> Choice:
    """Choose between the phrase, or its beginning, and the words that a decoder heard.

    Args:
        phrase: What is expected.
        audio: The utterance.
        heard: The decoder's words.
        sounds: How each of them was pronounced.
        reached: As in the choice for the utterance before: the phrase may go on from there.
    """
    explanation = audio.explain(phrase.sounds, starts=(0, reached), partly=True)
    if explanation is None:
        return Choice(tuple(heard), None)
    evidence = explanation.ratio / explanation.speech_s
    rival = audio.explain([[sound] for sound in sounds]) if sounds else None
    log_odds = explanation.log_odds(rival.ratio if rival else -np.inf)
    matches = compare(phrase.words, tuple(word.text for word in heard)) is Comparison.MATCH
    if matches or log_odds < MIN_LOG_ODDS:
        return Choice(tuple(heard), evidence)
    confidence = float(1 / (1 + np.exp(-log_odds)))
    words = [Word(phrase.words[word.index], word.start_s, word.end_s, confidence) for word in explanation.words]
    return Choice(tuple(words), evidence, (explanation.words[-1].index + 1) % len(phrase.words))
