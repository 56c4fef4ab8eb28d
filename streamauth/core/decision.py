"""The decision rules: LLR of the voice, the phrase, and the budget, to accept, reject or undecided."""

from dataclasses import dataclass
from enum import Enum

from streamauth.core.events import Reason, Verdict
from streamauth.core.phrase import Comparison, compare
from streamauth.core.ports import SAMPLE_RATE_HZ, Transcript
from streamauth.core.quality import Quality
from streamauth.settings import DecisionSettings, PhraseSettings


@dataclass(frozen=True, slots=True)
class VoiceRule:
    """What an LLR of the voice means after so much speech.

    Before the decision point only clear evidence decides, by a margin on either side of the threshold; at the
    decision point the threshold does.

    Attributes:
        threshold: The LLR to reach.
        settings: Decision point and margins.
    """

    threshold: float
    settings: DecisionSettings

    def early(self, llr: float, speech_s: float) -> Verdict | None:
        """The verdict where it may already fall, else None."""
        if speech_s >= self.settings.decide_speech_s:
            return self.final(llr, speech_s)
        if speech_s < self.settings.min_speech_s:
            return None
        if llr >= self.threshold + self.settings.early_accept_margin:
            return Verdict.ACCEPT
        if llr <= self.threshold - self.settings.early_reject_margin:
            return Verdict.REJECT
        return None

    def final(self, llr: float, speech_s: float) -> Verdict:
        """The verdict on all the speech there is."""
        if speech_s < self.settings.min_speech_s:
            return Verdict.UNDECIDED
        return Verdict.ACCEPT if llr >= self.threshold else Verdict.REJECT


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


class PhraseRule:
    """Judges the words of an attempt, utterance by utterance.

    A pause may fall inside the phrase: utterances are joined as long as they are a beginning of it. An utterance
    with less than half of its words that is no beginning (a cough heard as a word) does not decide anything.

    Args:
        expected: The words of the phrase.
        settings: How long an unfinished phrase is waited for.
    """

    def __init__(self, expected: tuple[str, ...], settings: PhraseSettings) -> None:
        self.expected = expected
        self.state = PhraseState.WAITING
        self._patience = settings.patience_ms * SAMPLE_RATE_HZ // 1000
        self._words: tuple[str, ...] = ()
        self._heard: list[str] = []
        self._ended_at = 0

    @property
    def heard(self) -> str:
        """All words heard in the attempt."""
        return " ".join(self._heard)

    def add(self, transcript: Transcript, ended_at: int) -> None:
        """An utterance is over, with these words, at this sample."""
        if self.state is PhraseState.MATCHED:
            return
        words = tuple(word.text for word in transcript.words)
        self._heard.extend(words)
        self._ended_at = ended_at
        joined = self._words + words
        for candidate in (joined, words):
            match compare(self.expected, candidate):
                case Comparison.MATCH:
                    self.state = PhraseState.MATCHED
                    return
                case Comparison.INCOMPLETE:
                    self.state, self._words = PhraseState.INCOMPLETE, candidate
                    return
                case Comparison.NOTHING:
                    return
                case Comparison.MISMATCH:
                    pass
        if 2 * len(joined) >= len(self.expected):
            self.state = PhraseState.WRONG

    def lost_patience(self, at_sample: int, in_utterance: bool) -> bool:
        """Whether an unfinished phrase has been waited for long enough."""
        waited = at_sample - self._ended_at
        return self.state is PhraseState.INCOMPLETE and not in_utterance and waited >= self._patience
