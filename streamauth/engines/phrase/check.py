"""Which words an utterance holds, where some are expected: all of them, their beginning, or other words.

Two judges look at it: the alignment, and at the end of the phrase Whisper where the language has it. Their evidence is
joined to one likelihood ratio (``whisper.fusion``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamauth.core.ports import LEAST_LLR, SAMPLE_RATE_HZ, Rendering, Samples, Transcript, Word
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.evidence import UtteranceEvidence
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.measures import Alignment
from streamauth.engines.phrase.whisper.judge import Opinion, PhraseJudge

_MIN_SAMPLES = SAMPLE_RATE_HZ // 10
_MAX_SAMPLES = 30 * SAMPLE_RATE_HZ
_MAX_FREE_SAMPLES = 12 * SAMPLE_RATE_HZ
"""Longer utterances are no pass phrases: their words are not worth the time."""
_LEAST_HEARD, _NOT_YET_HEARD = 0.8, 6
"""At a pause the judges are asked where the decoder has heard this share of the phones of what is expected.

Of whole phrases it hears 0.8 to 1.25, in white noise at 0 dB too, though then as other words. It works in blocks of
half a second, so that so many phones may not be among its words yet.
"""
_LEAST_HEARD_LLR = -1.0
_LEAST_PRONOUNCED = -8.0
"""Of what Whisper hears by itself: given noise, it makes words up, and "you" of silence, where no sound is like it."""


@dataclass(frozen=True)
class _Found:
    """Words in an utterance.

    Attributes:
        alignment: Where they are; None where the utterance is too short, or nothing like them.
        llr: Natural-log likelihood ratio that they were said.
        recognition: For each word its score by the second judge; empty where that was not asked.
        measures: What the likelihood ratio is made of, by name.
        own: Log-likelihood ratio that they were said as the same person said them before, in nats, where that is known.
    """

    alignment: Alignment | None
    llr: float
    recognition: tuple[float, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    own: float | None = None

    def words(self, texts: Sequence[str]) -> tuple[Word, ...]:
        """The words where they are; none without an alignment."""
        found = self.alignment.words if self.alignment is not None else ()
        scores: Sequence[float | None] = self.recognition or (None,) * len(found)
        return tuple(
            Word(
                texts[word.index],
                word.start_s,
                word.end_s,
                float(np.exp(word.log_posterior)),
                word.pronunciation_score,
                score,
            )
            for word, score in zip(found, scores, strict=True)
        )


class _Utterance:
    """One utterance before both judges."""

    def __init__(
        self,
        model: AcousticModel,
        judge: PhraseJudge | None,
        samples: Samples,
        least_llr: float,
        likely: Sequence[str] = (),
    ) -> None:
        # comes first, as it listens beside the alignment
        self.opinion: Opinion | None = judge.opinion(samples, likely) if judge is not None else None
        self.aligned = UtteranceEvidence(model, samples)
        self._least_llr = least_llr

    def find(self, expected: Expected) -> _Found:
        alignment = self.aligned.align(expected)
        if alignment is None:
            return _Found(None, LEAST_LLR)
        if self.opinion is None:
            return _Found(alignment, alignment.llr, measures={"alignment": alignment.llr})
        sure, renderings = expected.usual.recognition, expected.usual.renderings or ()
        evidence = self.opinion.evidence(expected.words, alignment.llr, self._least_llr, sure, renderings)
        llr = self.opinion.llr(evidence)
        if evidence.scores is None:
            return _Found(alignment, llr, measures={"alignment": alignment.llr})
        measures = evidence.measures() | ({"own": evidence.own} if evidence.own is not None else {})
        return _Found(alignment, llr, self.opinion.scores(expected.words), measures, evidence.own)

    @property
    def rendering(self) -> Rendering | None:
        """How it was said; None without Whisper."""
        return self.opinion.rendering if self.opinion is not None else None

    def heard(self, lexicon: Lexicon) -> tuple[Word, ...] | None:
        """The words that Whisper hears by itself; None where it was not asked, or both judges doubt them."""
        words = self.opinion.words if self.opinion is not None else ()
        if not words or not all(map(lexicon.likely, words)):
            return None
        found = self.find(Expected.of(words, lexicon))
        if found.alignment is None or found.llr < _LEAST_HEARD_LLR:
            return None
        if min(word.pronunciation_score for word in found.alignment.words) < _LEAST_PRONOUNCED:
            return None
        return found.words(words)


class PhraseCheck:
    """Follows one stream through an expected phrase, utterance by utterance: a pause may fall inside it.

    Args:
        model: The acoustic model.
        lexicon: How words sound.
        expected: What is expected.
        judge: The second judge, where there is one.
        least_llr: Likelihood ratio from which the whole phrase stands for what was said, in nats; a part of it does not
            under a quarter of that, where that is more.
    """

    def __init__(
        self,
        model: AcousticModel,
        lexicon: Lexicon,
        expected: Expected,
        judge: PhraseJudge | None = None,
        least_llr: float = 0.0,
    ) -> None:
        self._model, self._lexicon, self._judge = model, lexicon, judge
        self._expected = expected
        self._least_llr = least_llr
        self._reached = 0

    def judge(self, samples: Samples, heard: Sequence[Word], *, over: bool) -> Transcript:
        """What an utterance holds.

        Args:
            samples: The utterance so far.
            heard: The decoder's words, which stand where neither the phrase nor the second judge's words do.
            over: Whether the utterance is over, so that the next one goes on where this one ends.
        """
        if not over and not self._may_be_complete(heard):
            return Transcript(())
        if not _MIN_SAMPLES <= samples.size <= _MAX_SAMPLES:
            return Transcript(tuple(heard))
        expected = self._expected
        least_llr = min(_LEAST_HEARD_LLR, self._least_llr)
        utterance = _Utterance(self._model, self._judge, samples, least_llr, expected.words)
        whole = utterance.find(expected)
        first, found = 0, whole
        reached = utterance.aligned.best_span(expected, (0, self._reached))
        if reached is not None and reached != (0, len(expected.words) - 1):
            part = utterance.find(expected.part(*reached))
            # the likeliest end may lie before a short last word that was said all the same
            if part.llr > whole.llr and (part.llr >= 0 or whole.llr < self._least_llr):
                first, found = reached[0], part
        said: tuple[Word, ...] = ()
        # one word of a phrase is soon found in anything
        least_llr = self._least_llr if found is whole else max(self._least_llr / 4, self._least_llr)
        if found.alignment is not None and found.llr >= least_llr:
            said = found.words(expected.words[first:])
        if over:
            self._reached = (first + len(said)) % len(expected.words) if said else 0
        words = said or (utterance.heard(self._lexicon) if over else None) or tuple(heard)
        scores = tuple(word.pronunciation_score for word in whole.alignment.words) if whole.alignment else ()
        rendering = utterance.rendering if over and said and found is whole and whole.recognition else None
        return Transcript(words, found.llr, whole.llr, scores, whole.measures, rendering, whole.own)

    def _may_be_complete(self, heard: Sequence[Word]) -> bool:
        """Whether the decoder has heard enough for all that is still expected, whatever words it took it for.

        Both judges look at the whole utterance, as the second network's input and Whisper's depend on all of it. So
        they are not asked at a pause inside the phrase. Where the decoder misses much, they are asked at the end of
        the utterance, a third of a second later.
        """
        expected = sum(min(map(len, sounds)) for sounds in self._expected.sounds[self._reached :])
        found = sum(min(map(len, self._lexicon.likely(word.text)), default=0) for word in heard)
        return found + _NOT_YET_HEARD >= _LEAST_HEARD * expected


class FreeCheck:
    """Any words, by the second judge: what becomes of the decoder's words where no phrase is expected."""

    def __init__(self, model: AcousticModel, lexicon: Lexicon, judge: PhraseJudge) -> None:
        self._model, self._lexicon, self._judge = model, lexicon, judge

    def judge(self, samples: Samples, heard: Sequence[Word], *, over: bool) -> Transcript:
        """What an utterance holds; the decoder's words while it goes on, and where the judges find nothing."""
        if not over or not _MIN_SAMPLES <= samples.size <= _MAX_FREE_SAMPLES:
            return Transcript(tuple(heard))
        utterance = _Utterance(self._model, self._judge, samples, _LEAST_HEARD_LLR)
        words = utterance.heard(self._lexicon)
        if words is None:
            return Transcript(tuple(heard))
        return Transcript(words, rendering=utterance.rendering)
