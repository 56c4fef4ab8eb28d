"""One instance of every event, or several where it has forms; a walk test sees to it that none is missing."""

from streamauth.core.events import (
    Candidate,
    Decided,
    Enrolled,
    Event,
    Failed,
    LevelMeasured,
    PromptGiven,
    RankingUpdated,
    Reason,
    ScoreUpdated,
    SpeechEnded,
    SpeechStarted,
    UtteranceRefused,
    UtteranceTaken,
    Verdict,
    WordsHeard,
)

RANKING = (Candidate("ada", 0.8125, 7.5), Candidate("bob", 0.25, -11.0))
EVENTS: tuple[Event, ...] = (
    PromptGiven(0, "4 7 1 0 2 9", True, 59.5),
    SpeechStarted(4800, 3360),
    SpeechEnded(48_000, 3360, 41_280),
    LevelMeasured(1600, -32.5, 0.125, clipped=False),
    WordsHeard(9600, "open the", final=False),
    ScoreUpdated(19_200, 0.75, 4.25, 1.2),
    RankingUpdated(19_200, RANKING, 1.2),
    Decided(
        48_000,
        Verdict.REJECT,
        (Reason.PHRASE_MISMATCH, Reason.VOICE_MATCH),
        0.75,
        4.25,
        2.25,
        phrase_expected="open the front door please",
        phrase_heard="open the window",
        phrase_matched=False,
    ),
    Decided(32_000, Verdict.ACCEPT, (Reason.VOICE_MATCH,), 0.8125, 7.5, 1.95, name="ada", ranking=RANKING),
    Decided(480_000, Verdict.UNDECIDED, (Reason.TIME_BUDGET_SPENT, Reason.NO_SPEECH), None, None, 0.0),
    UtteranceTaken(48_000, 2, 1, 4.5, 0.0, "open the front door please"),
    UtteranceTaken(48_000, 1, 0, 3.5, 16.5, None),
    UtteranceRefused(48_000, (Reason.TOO_QUIET,), None),
    Enrolled(144_000, 3, 6.75, "open the front door please"),
    Failed(16_000, "engine_failed", "A speech engine failed."),
)
