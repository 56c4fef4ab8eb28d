"""The interfaces between the pure core and the engines: detector, encoder, recognizer.

Each engine is loaded once and shared by all streams; what belongs to one stream is made by ``stream()``.
All audio at these seams is 16 kHz mono float32 in [-1, 1].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Audio, shape (samples,), float32 in [-1, 1], 16 kHz mono."""

Embedding = NDArray[np.float32]
"""A speaker embedding of unit length, shape (dim,), float32."""

Voiceprint = NDArray[np.float32]
"""What is enrolled of a voice, float32, shape (views, dim): the voice as it is and then that of the speech with
each augmentation (``core/voice/augmentation.py``), of unit length; or shape (dim,), a single view."""

Rendering = NDArray[np.int8]
"""How one utterance of a phrase was said, shape (frames, dim), int8: made and compared by a recognizer only."""

SAMPLE_RATE_HZ = 16_000
"""The one sample rate inside the core. Every ``at_sample`` counts in it."""


class SpeechDetectorStream(Protocol):
    """Voice activity of one stream."""

    def probability(self, frame: Samples) -> float:
        """Probability in [0, 1] that the next frame, shape (frame_samples,), holds speech."""

    def voicing(self) -> float:
        """Probability in [0, 1] that the same frame carries a voice; 1 where the detector is no judge of that."""


class SpeechDetector(Protocol):
    """A voice activity detector, shared by all streams."""

    @property
    def id(self) -> str:
        """Name and version, for reports."""

    @property
    def frame_samples(self) -> int:
        """The exact length of every frame that a stream takes."""

    def stream(self) -> SpeechDetectorStream:
        """State for one new stream."""


class SpeakerEncoder(Protocol):
    """A speaker encoder, stateless and shared by all streams; safe to call from several threads."""

    @property
    def id(self) -> str:
        """Identity of weights *and* feature recipe. Embeddings of different ids are never compared."""

    @property
    def dim(self) -> int:
        """Length of an embedding."""

    @property
    def window_samples(self) -> int:
        """The window length that the encoder was trained for."""

    @property
    def min_samples(self) -> int:
        """The shortest window that it takes."""

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit-length embeddings, shape (batch, dim), of windows of voiced audio, float32 of shape (batch, samples).

        Raises:
            EngineError: The runtime failed or gave something that is not finite.
        """


@dataclass(frozen=True, slots=True)
class Word:
    """One recognized word.

    Attributes:
        text: The word, lower case.
        start_s: Begin, in seconds since the stream began an utterance.
        end_s: End, likewise.
        confidence: In [0, 1]; 1 where the engine gives none.
        pronunciation_score: Goodness of pronunciation (GOP; S. M. Witt, S. J. Young, "Phone-level pronunciation scoring
            and assessment for interactive language learning", Speech Communication 30, 2000): how well its sounds agree
            with the lexicon's, as a mean log probability per phone in nats, at most 0; None where the engine has none.
        recognition_score: How sure a second recognizer is of the word, as a log probability in nats, at most 0; None
            where the engine has none.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float
    pronunciation_score: float | None = None
    recognition_score: float | None = None


LEAST_LLR = -30.0
"""Likelihood ratio of words that an utterance cannot hold, in nats."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in one utterance.

    Attributes:
        words: The words in order, without fillers, silences and noises.
        llr: Natural-log likelihood ratio that the expected words were said, as many of them as the utterance may
            hold, against that anything else was; None where the engine has no such score or nothing was expected.
        whole_llr: The same of all expected words.
        pronunciation_scores: ``Word.pronunciation_score`` of each expected word where the utterance is taken for all of
            them; empty where it is too short, the engine has no such score or nothing was expected.
        evidence: What ``whole_llr`` is made of, by name, in nats: to be shown, nothing is decided by it.
        rendering: How the utterance was said, where all of the words are in it; None where the engine makes none.
        agreement: Whether it is said as the same person said it before, as a log-likelihood ratio in nats; None where
            nothing was given to compare with.
    """

    words: tuple[Word, ...]
    llr: float | None = None
    whole_llr: float | None = None
    pronunciation_scores: tuple[float, ...] = ()
    evidence: Mapping[str, float] = field(default_factory=dict)
    rendering: Rendering | None = field(default=None, repr=False)
    agreement: float | None = None

    @property
    def text(self) -> str:
        """The words with one space between them."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Usual:
    """How one person has said the words of a phrase before.

    Attributes:
        scores: For each word, or the first of them, the usual ``pronunciation_score``.
        recognition: Likewise the usual ``recognition_score``.
        renderings: How all of the words were said. None at enrollment, where nothing was said yet: an engine that knows
            no words takes the first utterance as it comes, and without any refuses all others.
    """

    scores: tuple[float, ...] = ()
    recognition: tuple[float, ...] = ()
    renderings: tuple[Rendering, ...] | None = field(default=(), repr=False)


NOTHING_USUAL = Usual()


class PhraseStream(Protocol):
    """Recognition of one stream, utterance by utterance."""

    def accept(self, samples: Samples) -> str:
        """Take more of the utterance; return the words heard in it so far (may change, may be empty)."""

    def partial(self) -> Transcript:
        """The partial result: what ``finish`` would give now, while the utterance goes on."""

    def finish(self) -> Transcript:
        """End the utterance and be ready for the next one."""

    def close(self) -> None:
        """Give back what the stream holds. Idempotent; the stream must not be used afterwards."""


@dataclass(frozen=True, slots=True)
class WordFacts:
    """What a recognizer knows of a word.

    Attributes:
        sounds: Its pronunciations, each a tuple of phones; at least one.
        bits: How rare it is: minus the binary logarithm of its share of all words in texts; None if unknown.
        proposed: Whether the pronunciations are no more than proposed from the spelling.
    """

    sounds: tuple[tuple[str, ...], ...]
    bits: float | None = None
    proposed: bool = False


class PhraseRecognizer(Protocol):
    """A recognizer of pass phrases, shared by all streams."""

    @property
    def id(self) -> str:
        """Name of the engine and its model."""

    def facts(self, word: str) -> WordFacts | None:
        """What is known of a word; None where the engine has no dictionary to look into, or cannot tell from it."""

    def unknown_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the words that the recognizer can never hear."""

    def likelihoods(self, samples: Samples, phrases: Sequence[tuple[str, ...]]) -> tuple[float, ...] | None:
        """Log-likelihood of each of some phrases in one utterance, in nats; None where the engine has none.

        They tell which of the phrases it was if it was one, and not whether it was.

        Args:
            samples: The utterance.
            phrases: Each at least one word.
        """

    def stream(
        self, expected: tuple[str, ...] | None, usual: Usual = NOTHING_USUAL, *, least_llr: float = 0.0
    ) -> PhraseStream:
        """State for one new stream that expects these words, or any words if None.

        What comes out of the stream is what was *heard*: the expected words may help the search but are never
        forced onto other speech.

        Args:
            expected: The words.
            usual: How this person said the words before.
            least_llr: Likelihood ratio from which the expected words stand for what was heard, in nats; engines without
                one ignore it.

        Raises:
            UnknownWord: The recognizer can never hear one of the expected words.
            EngineError: The engine cannot make another stream.
        """
