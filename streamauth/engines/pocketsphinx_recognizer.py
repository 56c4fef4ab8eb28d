"""Pass phrases by PocketSphinx, whose English model travels in its package: the default that needs no download.

Two searches over the same audio:

- PocketSphinx's own decoder with its language model says which words were heard, while they are spoken. It is
  free to hear anything, but often hears real people wrong.
- At the end of an utterance, where words are expected, it is measured how well they explain the audio, against any
  sequence of phones and against the words that the decoder heard (``phrase_evidence``). Only where the expected
  words, or their beginning, stand that test are they what was heard (``phrase_choice``).
"""

import threading
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pocketsphinx

from streamauth.core.ports import SAMPLE_RATE_HZ, PhraseStream, Samples, Transcript
from streamauth.core.strength import WordFacts
from streamauth.engines.phrase_choice import ExpectedPhrase, choose
from streamauth.engines.phrase_evidence import UtteranceEvidence
from streamauth.engines.sphinx_decoder import SphinxDecoder
from streamauth.engines.sphinx_model import AcousticModel
from streamauth.errors import EngineError, ModelMissing, UnknownWord

MAX_STREAMS = 64

_BLOCK_SAMPLES = SAMPLE_RATE_HZ // 10
_MIN_EVIDENCE_SAMPLES = SAMPLE_RATE_HZ // 5
_MAX_EVIDENCE_SAMPLES = 30 * SAMPLE_RATE_HZ
_FILES = ("en-us/mdef", "en-us.lm.bin", "cmudict-en-us.dict")


class PocketsphinxRecognizer:
    """PocketSphinx with its English model.

    A decoder cannot share its model with another one, so that each running stream has a decoder of its own, of
    some 95 MB. They are kept for later streams; the first one is made at once, others when they are needed.

    Args:
        max_streams: The most streams at the same time.

    Raises:
        ModelMissing: The package came without its English model.
        ModelCorrupt: The acoustic model cannot be read.
        EngineError: PocketSphinx cannot load the model.
    """

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._folder = Path(pocketsphinx.get_model_path("en-us"))
        if not all((self._folder / name).is_file() for name in _FILES):
            raise ModelMissing("The English model of PocketSphinx is missing. Install the package pocketsphinx again.")
        self.id = f"pocketsphinx-{version('pocketsphinx')}-en-us"
        self.model = AcousticModel(self._folder / "en-us")
        self._dictionary = SphinxDecoder(self._folder)
        self._free = [self._dictionary]
        self._to_be_made = max_streams - 1
        self._lock = threading.Lock()

    def facts(self, word: str) -> WordFacts | None:
        """The pronunciations of a word."""
        sounds = tuple(self._dictionary.pronunciations(word))
        return WordFacts(sounds) if sounds else None

    def unknown_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the words that are not in the dictionary."""
        return tuple(word for word in words if not self._dictionary.pronunciations(word))

    def stream(self, expected: tuple[str, ...] | None, *, habits: tuple[float, ...] = ()) -> PhraseStream:
        """State for one new stream; habits change nothing.

        Raises:
            UnknownWord: One of the expected words is not in the dictionary.
            EngineError: As many streams are running as there may be, or PocketSphinx failed.
        """
        phrase = None
        if expected:
            sounds = tuple(tuple(self._dictionary.pronunciations(word)) for word in expected)
            if not all(sounds):
                raise UnknownWord()
            phrase = ExpectedPhrase(expected, sounds)
        return _PocketsphinxStream(self, self._take(), phrase)

    def give_back(self, decoder: SphinxDecoder | None) -> None:
        """Take the decoder of a stream that is over; None if it is broken."""
        with self._lock:
            if decoder is not None:
                self._free.append(decoder)
            else:
                self._to_be_made += 1

    def _take(self) -> SphinxDecoder:
        with self._lock:
            if self._free:
                return self._free.pop()
            if not self._to_be_made:
                raise EngineError("No more pass phrases can be recognized at the same time. Try again later.")
            self._to_be_made -= 1
        try:
            return SphinxDecoder(self._folder)
        except EngineError:
            self.give_back(None)
            raise


class _PocketsphinxStream:
    """Recognition of one stream. Audio is worked on in blocks of 100 ms, however the caller cuts it."""

    def __init__(self, owner: PocketsphinxRecognizer, decoder: SphinxDecoder, phrase: ExpectedPhrase | None) -> None:
        self._owner = owner
        self._decoder: SphinxDecoder | None = decoder
        self._phrase = phrase
        self._reached = 0
        self._audio: list[Samples] = []
        self._waiting: Samples = np.zeros(0, np.float32)
        self._text = ""

    def accept(self, samples: Samples) -> str:
        decoder = self._running()
        if not self._audio:
            decoder.begin()
        self._audio.append(samples)
        self._waiting = np.concatenate([self._waiting, samples])
        whole = self._waiting.size - self._waiting.size % _BLOCK_SAMPLES
        for start in range(0, whole, _BLOCK_SAMPLES):
            decoder.process(self._waiting[start : start + _BLOCK_SAMPLES])
        if whole:
            self._waiting = self._waiting[whole:]
            self._text = decoder.text()
        return self._text

    def glimpse(self) -> Transcript:
        """Nothing before the end: its search cannot be looked at in the middle and go on."""
        return Transcript(())

    def finish(self) -> Transcript:
        decoder = self._running()
        if not self._audio:
            return Transcript(())
        if self._waiting.size:
            decoder.process(self._waiting)
        words, sounds = decoder.end()
        samples = np.concatenate(self._audio)
        self._forget()
        if self._phrase is None or not _MIN_EVIDENCE_SAMPLES <= samples.size <= _MAX_EVIDENCE_SAMPLES:
            return Transcript(tuple(words))
        audio = UtteranceEvidence(self._owner.model, samples)
        choice = choose(self._phrase, audio, words, sounds, reached=self._reached)
        self._reached = choice.reached
        return Transcript(choice.words)

    def close(self) -> None:
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            self._audio.clear()
            try:
                decoder.abandon()
            except EngineError:
                self._owner.give_back(None)
                raise
            self._owner.give_back(decoder)

    def _forget(self) -> None:
        self._audio = []
        self._waiting = np.zeros(0, np.float32)
        self._text = ""

    def _running(self) -> SphinxDecoder:
        if self._decoder is None:
            raise EngineError()
        return self._decoder
