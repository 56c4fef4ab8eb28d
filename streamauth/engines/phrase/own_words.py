"""Pass phrases in languages that no recognizer is there for, by the person's own renderings alone.

Nobody tells which words were said: the first enrolled utterance is taken for the phrase, and every later one must be
said like those before it (``whisper.renderings``). What tells words apart was learned from English; rates of other
languages and of short words are in ``docs/phrases.md``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamauth.core.ports import (
    LEAST_LLR,
    NOTHING_USUAL,
    SAMPLE_RATE_HZ,
    PhraseStream,
    Rendering,
    Samples,
    Transcript,
    Usual,
    Word,
    WordFacts,
)
from streamauth.engines.phrase.whisper.fusion import Fusion
from streamauth.engines.phrase.whisper.model import WhisperModel
from streamauth.engines.phrase.whisper.renderings import Projection, difference
from streamauth.errors import EngineError, UnknownWord

_LEAST_SAMPLES, _MOST_SAMPLES = SAMPLE_RATE_HZ * 3 // 5, 12 * SAMPLE_RATE_HZ
_OTHER = "?"
"""Stands for words that were not the phrase: nothing that ``normalize`` gives."""


class OwnWordsRecognizer:
    """Compares utterances with those of the same person, and knows no words.

    Args:
        folder: Of Whisper.

    Attributes:
        id: Name of the engine and its model.

    Raises:
        ModelCorrupt: A file is missing or cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.id = f"own-renderings:{folder.name}"
        self._model, self._projection, self._fusion = WhisperModel(folder), Projection(folder), Fusion.read(folder)

    def facts(self, word: str) -> WordFacts | None:
        """Nothing is known of words."""
        return None

    def unknown_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """None: any word will do."""
        return ()

    def likelihoods(self, samples: Samples, phrases: Sequence[tuple[str, ...]]) -> None:
        """None: no words are known."""

    def stream(
        self, expected: tuple[str, ...] | None, usual: Usual = NOTHING_USUAL, *, least_llr: float = 0.0
    ) -> PhraseStream:
        """State for one new stream.

        Raises:
            UnknownWord: No phrase is given, and what was said can be told in no words.
        """
        if not expected:
            raise UnknownWord("No recognizer hears this language. Give the pass phrase in writing.")
        return _OwnWordsStream(self, expected, usual.renderings, least_llr)

    def judged(
        self, samples: Samples, expected: tuple[str, ...], renderings: Sequence[Rendering] | None, least_llr: float
    ) -> Transcript:
        """What an utterance holds: all of the words, or others."""
        if not _LEAST_SAMPLES <= samples.size <= _MOST_SAMPLES:
            return Transcript((Word(_OTHER, 0.0, samples.size / SAMPLE_RATE_HZ, 0.0),), LEAST_LLR, LEAST_LLR)
        rendering = self._projection.rendering(self._model.hear(samples), samples.size)
        own = self._fusion.own_llr([difference(rendering, one) for one in renderings or ()])
        said = renderings is None if own is None else own >= max(0.0, least_llr)
        words = expected if said else (_OTHER,) * len(expected)
        step_s = samples.size / SAMPLE_RATE_HZ / len(words)
        # where a word begins and ends is not known
        found = tuple(Word(word, step_s * at, step_s * (at + 1), float(said)) for at, word in enumerate(words))
        evidence = {"own": own} if own is not None else {}
        llr = max(LEAST_LLR, own if own is not None else 0.0 if said else LEAST_LLR)
        return Transcript(found, llr, llr, (), evidence, rendering if said else None, own)


class _OwnWordsStream:
    """One stream; it says nothing before an utterance is over, or a pause."""

    def __init__(
        self,
        recognizer: OwnWordsRecognizer,
        expected: tuple[str, ...],
        renderings: tuple[Rendering, ...] | None,
        least_llr: float,
    ) -> None:
        self._recognizer, self._expected = recognizer, expected
        self._renderings, self._least_llr = renderings, least_llr
        self._audio: list[Samples] = []
        self._closed = False

    def accept(self, samples: Samples) -> str:
        if self._closed:
            raise EngineError
        self._audio.append(samples)
        return ""

    def partial(self) -> Transcript:
        if self._closed:
            raise EngineError
        # without anything to compare with every pause would end the phrase
        return self._judged() if self._renderings else Transcript(())

    def finish(self) -> Transcript:
        if self._closed:
            raise EngineError
        transcript = self._judged() if self._audio else Transcript(())
        self._audio = []
        return transcript

    def close(self) -> None:
        self._closed = True
        self._audio = []

    def _judged(self) -> Transcript:
        samples = np.concatenate(self._audio)
        return self._recognizer.judged(samples, self._expected, self._renderings, self._least_llr)
