"""The decision rules: from the LLR of the voice, the phrase and the budget to accept, reject or undecided."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from streamauth.core.audio.quality import Quality
from streamauth.core.events import Reason, Verdict
from streamauth.core.phrase.words import WordMatch, compare
from streamauth.core.ports import LEAST_LLR, SAMPLE_RATE_HZ, Transcript
from streamauth.core.settings import DecisionSettings, PhraseSettings, PromptSettings

_RISE = 0.5
"""Nats from one look to the next, from which the LLR rises."""


@dataclass(frozen=True, slots=True)
class VoiceRule:
    """What an LLR of the voice means after so much speech: a sequential test with two bounds and a budget.

    As soon as either bound is reached, that is the verdict (A. Wald, "Sequential tests of statistical hypotheses",
    1945), but nobody is rejected while the LLR rises, or hangs on a sound far louder than what follows it: who sneezed
    first is heard on. The LLR is that of all speech so far, not a sum over windows, so that windows that overlap and
    resemble each other are not counted twice. Where the budget of speech is spent between the bounds, the attempt is
    left undecided if more speaks for the claimed voice than ``doubt_llr``, else rejected.

    Attributes:
        accept_llr: The LLR to reach.
        reject_llr: The LLR at which waiting for more speech is given up; under ``accept_llr``.
        settings: Budget.
        doubt_llr: See above; nothing is left undecided by default, as where words have been said to their end.
    """

    accept_llr: float
    reject_llr: float
    settings: DecisionSettings
    doubt_llr: float = math.inf

    def early(
        self, llr: float, speech_s: float, before_llr: float = math.inf, *, is_uneven: bool = False
    ) -> Verdict | None:
        """The verdict where it may already fall, else None.

        Args:
            llr: At this look, in nats.
            speech_s: Net speech so far, in seconds.
            before_llr: At the look before, in nats; infinite at the first.
            is_uneven: Of ``RollingVoice``.
        """
        if speech_s >= self.settings.decide_speech_s:
            return self.final(llr, speech_s)
        if speech_s < self.settings.first_look_s:
            return None
        if llr >= self.accept_llr:
            return Verdict.ACCEPT
        return Verdict.REJECT if llr <= min(self.reject_llr, before_llr + _RISE) and not is_uneven else None

    def final(self, llr: float, speech_s: float) -> Verdict:
        """The verdict on all the speech that there is, or that is allowed."""
        if speech_s < self.settings.min_speech_s:
            return Verdict.UNDECIDED
        if llr >= self.accept_llr:
            return Verdict.ACCEPT
        return Verdict.UNDECIDED if llr > self.doubt_llr else Verdict.REJECT


def joint_llr(voice_margin: float, phrase_llr: float) -> float:
    """What is left of the voice's margin over its threshold when the phrase may be wrong too, in nats.

    A right attempt needs both, so the odds of a wrong voice and of a wrong phrase add up: a doubtful phrase asks for
    a surer voice, and a sure phrase never makes up for a doubtful voice.

    Args:
        voice_margin: LLR of the voice less its threshold, in nats.
        phrase_llr: LLR of the phrase, in nats.
    """
    return float(-np.logaddexp(-voice_margin, -phrase_llr))


def lacking(quality: Quality, speech_s: float) -> tuple[Reason, ...]:
    """Why an attempt with too little speech in it could not be decided."""
    if quality.digital_silence:
        return (Reason.DIGITAL_SILENCE,)
    return (Reason.TOO_LITTLE_SPEECH,) if speech_s > 0 else (Reason.NO_SPEECH,)


class PhraseState(Enum):
    """Where the pass phrase stands in an attempt."""

    WAITING = "waiting"
    INCOMPLETE = "incomplete"
    MATCHED = "matched"
    WRONG = "wrong"


class Share(Enum):
    """What an utterance has to do with the expected words."""

    NONE = "none"
    """It carries none of them."""
    FIRST = "first"
    """With it they begin, or begin anew; what came before does not count."""
    NEXT = "next"
    """It goes on where the one before ended."""


class PhraseRule:
    """Judges the words of an attempt, utterance by utterance: those of the pass phrase, and after them the prompt's.

    A pause may fall inside the phrase: utterances are joined as long as they are a beginning of it. An utterance
    with less than half of its words that is no beginning (a cough heard as a word) does not decide anything.

    Args:
        phrase: The words of the pass phrase; none for a prompt alone.
        settings: How long an unfinished phrase is waited for.
        prompt: The words of the prompt; none for a pass phrase alone.
        min_llr: Likelihood ratio from which words count as said, in nats.

    Attributes:
        expected: All words.
        state: Where they stand.
        whole_llr: Highest likelihood ratio of any utterance that it holds all words, in nats; None where the recognizer
            gives none.
        evidence: What that is made of, by name.
    """

    def __init__(
        self,
        phrase: tuple[str, ...],
        settings: PhraseSettings | PromptSettings,
        prompt: tuple[str, ...] = (),
        *,
        min_llr: float = 0.0,
    ) -> None:
        self.expected = phrase + prompt
        self.state = PhraseState.WAITING
        self.whole_llr: float | None = None
        self.evidence: Mapping[str, float] = {}
        self._carried_llr = math.inf
        self._min_llr = min_llr
        self._phrase = phrase
        self._prompt = prompt
        self._timeout = settings.timeout_ms * SAMPLE_RATE_HZ // 1000
        self._words: tuple[str, ...] = ()
        self._heard: list[str] = []
        self._ended_at = 0

    @property
    def llr(self) -> float:
        """Likelihood ratio that all words were said, in nats.

        Once they match, the least of the utterances that carry them, infinite where the recognizer gives none; before,
        that of the likeliest utterance, never over the one from which words count as said.
        """
        if self.state is PhraseState.MATCHED:
            return self._carried_llr
        return min(self._min_llr, LEAST_LLR if self.whole_llr is None else self.whole_llr)

    @property
    def heard(self) -> str:
        """All words heard in the attempt."""
        return " ".join(self._heard)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What is to be said of the words, as things stand."""
        if self.state is PhraseState.MATCHED:
            return (Reason.PHRASE_MATCH,) * bool(self._phrase) + (Reason.PROMPT_MATCH,) * bool(self._prompt)
        incomplete = self.state is PhraseState.INCOMPLETE
        if self._prompt and self._said(self._phrase):
            return (Reason.PROMPT_INCOMPLETE if incomplete else Reason.PROMPT_MISMATCH,)
        return (Reason.PHRASE_INCOMPLETE if incomplete else Reason.PHRASE_MISMATCH,)

    def completed_by(self, transcript: Transcript) -> bool:
        """Whether the expected words are all said with these."""
        words = tuple(word.text for word in transcript.words)
        matches = any(compare(self.expected, heard) is WordMatch.MATCH for heard in (self._words + words, words))
        return matches and self._is_sure(transcript)

    def _is_sure(self, transcript: Transcript) -> bool:
        return transcript.llr is None or transcript.llr >= self._min_llr

    def add(self, transcript: Transcript, ended_at: int) -> Share:
        """An utterance is over, with these words, at this sample."""
        if self.state is PhraseState.MATCHED:
            return Share.NONE
        if transcript.whole_llr is not None:
            if self.whole_llr is None or transcript.whole_llr > self.whole_llr:
                self.evidence = transcript.evidence
            self.whole_llr = max(transcript.whole_llr, LEAST_LLR if self.whole_llr is None else self.whole_llr)
        words = tuple(word.text for word in transcript.words)
        self._heard.extend(words)
        self._ended_at = ended_at
        if compare(self.expected, words) is WordMatch.NOTHING:
            return Share.NONE
        joined = self._words + words
        for candidate, share in ((joined, Share.NEXT), (words, Share.FIRST)):
            match compare(self.expected, candidate):
                case WordMatch.MATCH if self._is_sure(transcript):
                    self.state = PhraseState.MATCHED
                    self._weigh(transcript, share)
                    return share
                case WordMatch.INCOMPLETE:
                    self.state, self._words = PhraseState.INCOMPLETE, candidate
                    self._weigh(transcript, share)
                    return share
                case _:
                    pass
        if 2 * len(joined) >= len(self.expected):
            self.state = PhraseState.WRONG
            return Share.NEXT
        return Share.NONE

    def _weigh(self, transcript: Transcript, share: Share) -> None:
        before = self._carried_llr if share is Share.NEXT else math.inf
        self._carried_llr = before if transcript.llr is None else min(before, transcript.llr)

    def timed_out(self, at_sample: int, in_utterance: bool) -> bool:
        """Whether an unfinished phrase has been waited for long enough."""
        waited = at_sample - self._ended_at
        return self.state is PhraseState.INCOMPLETE and not in_utterance and waited >= self._timeout

    def _said(self, phrase: tuple[str, ...]) -> bool:
        starts = (tuple(self._heard[:count]) for count in range(len(self._heard) + 1))
        return not phrase or any(compare(phrase, start) is WordMatch.MATCH for start in starts)
