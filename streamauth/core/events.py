"""Every event that a session can emit.

``at_sample`` is always a position in the session's audio, counted at 16 kHz from its first sample; it is never
wall-clock time. Events of a session come in the order of their positions.
"""

from dataclasses import dataclass
from typing import ClassVar

from streamauth.core.reasons import REASON_TEXTS as REASON_TEXTS
from streamauth.core.reasons import Reason as Reason
from streamauth.core.reasons import Verdict as Verdict


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events.

    Attributes:
        at_sample: Position in the audio at which the event fell, at 16 kHz.
    """

    type: ClassVar[str] = ""
    at_sample: int


@dataclass(frozen=True, slots=True)
class PromptGiven(Event):
    """The session waits for a random prompt. Comes before all other events, where there is one.

    Attributes:
        text: What to say.
        after_phrase: Whether the pass phrase must be said before it.
        expires_s: Time to say it, in seconds.
    """

    type: ClassVar[str] = "prompt"
    text: str
    after_phrase: bool
    expires_s: float


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """Speech began.

    Attributes:
        start_sample: Begin of the speech with its padding; at most ``at_sample``.
    """

    type: ClassVar[str] = "speech_started"
    start_sample: int


@dataclass(frozen=True, slots=True)
class SpeechEnded(Event):
    """Speech ended.

    Attributes:
        start_sample: As in the SpeechStarted before it.
        end_sample: End of the speech with its padding; at most ``at_sample``.
    """

    type: ClassVar[str] = "speech_ended"
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class LevelMeasured(Event):
    """Level of the audio since the last LevelMeasured, for a meter.

    Attributes:
        rms_dbfs: Root mean square, dB of full scale, -120 for digital silence.
        peak: Largest magnitude, in [0, 1].
        clipped: Whether samples stood at full scale.
    """

    type: ClassVar[str] = "level"
    rms_dbfs: float
    peak: float
    clipped: bool


@dataclass(frozen=True, slots=True)
class WordsHeard(Event):
    """Words of the current utterance so far.

    Attributes:
        text: The words, lower case, one space between.
        final: Whether the utterance is over and the text will not change.
    """

    type: ClassVar[str] = "words"
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class ScoreUpdated(Event):
    """The voice compared once more, over all speech so far.

    Attributes:
        score: Similarity in [-1, 1] (``voiceprint``).
        llr: Calibrated natural-log likelihood ratio, same speaker against another.
        speech_s: Net speech so far, in seconds.
    """

    type: ClassVar[str] = "score"
    score: float
    llr: float
    speech_s: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place in an identification ranking."""

    name: str
    score: float
    llr: float


@dataclass(frozen=True, slots=True)
class RankingUpdated(Event):
    """The voice compared with a whole group, best first.

    Attributes:
        ranking: The candidates, by falling LLR.
        speech_s: Net speech so far, in seconds.
    """

    type: ClassVar[str] = "ranking"
    ranking: tuple[Candidate, ...]
    speech_s: float


@dataclass(frozen=True, slots=True)
class Decided(Event):
    """The attempt is decided. In continuous mode, each *change* of the decision is one event.

    Attributes:
        verdict: The outcome.
        reasons: Why, most important first.
        score: Similarity of the voice, None where nothing was compared.
        llr: Its LLR, None likewise.
        speech_s: Net speech used, in seconds.
        phrase_expected: The pass phrase, followed by the prompt; None where no words are expected.
        phrase_heard: The words heard, None likewise.
        phrase_matched: Whether they match, None likewise.
        name: Who it is, for identification; None for nobody and for verification.
        ranking: The candidates, for identification.
    """

    type: ClassVar[str] = "decision"
    verdict: Verdict
    reasons: tuple[Reason, ...]
    score: float | None
    llr: float | None
    speech_s: float
    phrase_expected: str | None = None
    phrase_heard: str | None = None
    phrase_matched: bool | None = None
    name: str | None = None
    ranking: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class VoiceprintAdapted(Event):
    """The voiceprint followed the voice of a very confident accept.

    Attributes:
        updates: How often it has done so since the enrollment.
    """

    type: ClassVar[str] = "voiceprint_adapted"
    updates: int


@dataclass(frozen=True, slots=True)
class UtteranceTaken(Event):
    """An enrollment utterance passed the quality gate and counts.

    Attributes:
        count: Utterances so far, this one included.
        needed: Utterances still to come (text-dependent), 0 when complete or text-independent.
        speech_s: Net speech so far in all utterances, in seconds.
        needed_speech_s: Net speech still to come (text-independent), 0 otherwise.
        phrase: The phrase it carries, None if text-independent.
    """

    type: ClassVar[str] = "utterance_taken"
    count: int
    needed: int
    speech_s: float
    needed_speech_s: float
    phrase: str | None


@dataclass(frozen=True, slots=True)
class UtteranceRefused(Event):
    """An enrollment utterance was refused and does not count.

    Attributes:
        reasons: What is wrong with it, most important first.
        heard: The words heard in it, None if text-independent.
    """

    type: ClassVar[str] = "utterance_refused"
    reasons: tuple[Reason, ...]
    heard: str | None


@dataclass(frozen=True, slots=True)
class Enrolled(Event):
    """The enrollment is complete.

    Attributes:
        count: Utterances in it.
        speech_s: Net speech in it, in seconds.
        phrase: The pass phrase, None if text-independent.
        expected_frr: Share of the owner's attempts in quiet that will be refused, in [0, 1]; None where unknown.
        expected_far: Share of others' attempts that will be accepted, likewise.
        advice: What would make the voiceprint surer.
    """

    type: ClassVar[str] = "enrolled"
    count: int
    speech_s: float
    phrase: str | None
    expected_frr: float | None = None
    expected_far: float | None = None
    advice: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """An engine failed; the session is over and nothing was accepted.

    Attributes:
        code: Stable code of the error.
        message: Its sentence.
    """

    type: ClassVar[str] = "failed"
    code: str
    message: str
