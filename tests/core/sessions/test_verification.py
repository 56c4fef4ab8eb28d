import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import (
    Decided,
    Event,
    Failed,
    LevelMeasured,
    Reason,
    ScoreUpdated,
    SpeechStarted,
    Verdict,
    WordsHeard,
)
from streamauth.core.ports import LEAST_LLR, Samples
from streamauth.core.sessions.base import Models, Session, SessionState
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.settings import DecisionSettings, Settings
from tests.fakes import BrokenEncoder, FakeRecognizer, cut, fake_models, pause, pcm, say, voiceprint

PHRASE = "open the front door please"
FORMAT = AudioFormat(16_000)
SETTINGS = Settings()


def session(
    phrase: str | None = PHRASE, models: Models | None = None, used: Settings = SETTINGS
) -> VerificationSession:
    claim = Claim(voiceprint(1), tuple(phrase.split()) if phrase else None)
    return VerificationSession(claim, FORMAT, models or fake_models(), used)


def continuous(phrase: str | None = PHRASE) -> ContinuousSession:
    claim = Claim(voiceprint(1), tuple(phrase.split()) if phrase else None)
    return ContinuousSession(claim, FORMAT, fake_models(), SETTINGS)


def run(verification: Session, chunks: list[bytes]) -> list[Event]:
    events: list[Event] = []
    for chunk in chunks:
        verification.receive_audio(chunk)
        events += verification.events()
    verification.receive_end()
    return events + verification.events()


def decide(audio: bytes, phrase: str | None = PHRASE, used: Settings = SETTINGS) -> Decided:
    events = run(session(phrase, used=used), [audio])
    (decided,) = [event for event in events if isinstance(event, Decided)]
    return decided


def spoken(words: str, speaker: int, level: float = 0.2) -> bytes:
    return pcm(pause(0.5), say(words, speaker, level=level), pause(0.8))


def test_the_right_voice_with_the_right_phrase_is_accepted() -> None:
    decided = decide(spoken(PHRASE, 1))
    assert decided.verdict is Verdict.ACCEPT
    assert decided.reasons == (Reason.VOICE_MATCH, Reason.PHRASE_MATCH)
    assert decided.phrase_expected == decided.phrase_heard == PHRASE
    assert decided.phrase_matched is True


@pytest.mark.parametrize(
    ("words", "speaker", "reasons"),
    [
        (PHRASE, 6, (Reason.VOICE_MISMATCH, Reason.PHRASE_MATCH)),
        ("close the window please my key", 1, (Reason.PHRASE_MISMATCH, Reason.VOICE_MATCH)),
        ("close the window please my key", 6, (Reason.PHRASE_MISMATCH, Reason.VOICE_MISMATCH)),
        ("open the front door", 1, (Reason.PHRASE_INCOMPLETE, Reason.VOICE_MATCH)),
        ("open the front window please", 1, (Reason.PHRASE_MISMATCH, Reason.VOICE_MATCH)),
    ],
)
def test_everything_else_is_rejected(words: str, speaker: int, reasons: tuple[Reason, ...]) -> None:
    decided = decide(spoken(words, speaker))
    assert decided.verdict is Verdict.REJECT
    assert decided.reasons[:2] == reasons


@pytest.mark.parametrize("words", ["open the front door", "close the window please my key"])
def test_other_words_leave_nothing_of_the_voice_for_both_together(words: str) -> None:
    verification = session()
    (decided,) = [event for event in run(verification, [spoken(words, 1)]) if isinstance(event, Decided)]
    assert decided.llr is not None
    assert decided.llr > verification.threshold
    assert verification.joint_llr == pytest.approx(verification.threshold + LEAST_LLR)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (pcm(np.zeros(32_000, np.float32)), Reason.DIGITAL_SILENCE),
        (pcm(pause(2.0)), Reason.NO_SPEECH),
        (pcm(pause(0.5), say("open", 1), pause(0.5)), Reason.TOO_LITTLE_SPEECH),
    ],
)
@pytest.mark.parametrize("phrase", [None])
def test_without_enough_speech_it_is_undecided(audio: bytes, reason: Reason, phrase: str | None) -> None:
    decided = decide(audio, phrase)
    assert decided.verdict is Verdict.UNDECIDED
    assert decided.reasons[0] is reason
    assert decided.llr is None


def test_silence_never_matches_a_phrase() -> None:
    decided = decide(pcm(pause(3.0)))
    assert (decided.verdict, decided.reasons) == (Verdict.UNDECIDED, (Reason.NO_SPEECH,))


def test_a_pause_inside_the_phrase_is_allowed() -> None:
    audio = pcm(pause(0.3), say("open the front", 1), pause(1.0), say("door please", 1), pause(0.8))
    assert decide(audio).verdict is Verdict.ACCEPT


def test_an_unfinished_phrase_is_rejected_once_timeout_is_lost() -> None:
    decided = decide(pcm(pause(0.3), say("open the front", 1), pause(4.0), say("door please", 1), pause(1.0)))
    assert decided.verdict is Verdict.REJECT
    assert decided.reasons[0] is Reason.PHRASE_INCOMPLETE
    assert decided.at_sample < 16_000 * 4


def test_the_voice_alone_decides_early_where_it_is_clear() -> None:
    long = "open the front door please close window my voice is key " * 3
    accepted, rejected = decide(spoken(long, 1), None), decide(spoken(long, 6), None)
    assert (accepted.verdict, accepted.reasons) == (Verdict.ACCEPT, (Reason.VOICE_MATCH,))
    assert (rejected.verdict, rejected.reasons[0]) == (Verdict.REJECT, Reason.VOICE_MISMATCH)
    assert accepted.speech_s < 2.0
    assert rejected.speech_s < 2.0
    assert accepted.phrase_expected is None


def test_the_time_budget_ends_an_attempt_undecided() -> None:
    used = Settings(decision=DecisionSettings(max_time_s=2.0))
    decided = decide(pcm(pause(5.0)), used=used)
    assert decided.verdict is Verdict.UNDECIDED
    assert decided.reasons == (Reason.TIME_BUDGET_SPENT, Reason.NO_SPEECH)
    assert decided.at_sample <= 2.1 * 16_000


def test_the_speech_budget_ends_an_attempt_undecided() -> None:
    used = Settings(decision=DecisionSettings(max_speech_s=3.0))
    endless = say("key voice is " * 6, 1, word_s=0.3)
    decided = decide(pcm(pause(0.3), endless), used=used)
    assert (decided.verdict, decided.reasons[0]) == (Verdict.UNDECIDED, Reason.SPEECH_BUDGET_SPENT)


def test_a_refusal_also_tells_what_is_wrong_with_the_audio() -> None:
    decided = decide(spoken(PHRASE, 6, level=4.0))
    assert decided.verdict is Verdict.REJECT
    assert Reason.CLIPPED in decided.reasons


def test_after_the_decision_audio_is_ignored() -> None:
    verification = session()
    verification.receive_audio(spoken(PHRASE, 1))
    assert verification.state is SessionState.DECIDED
    verification.events()
    verification.receive_audio(spoken("close the window", 6))
    verification.receive_end()
    assert verification.events() == []


def test_events_tell_the_story_in_order() -> None:
    events = run(session(), [spoken(PHRASE, 1)])
    story = [type(event) for event in events if not isinstance(event, LevelMeasured | ScoreUpdated | WordsHeard)]
    # decided at the first short pause after the phrase, before the utterance is over
    assert story == [SpeechStarted, Decided]
    assert [event.at_sample for event in events] == sorted(event.at_sample for event in events)
    partial = [event.text for event in events if isinstance(event, WordsHeard) and not event.final]
    assert partial == ["open", "open the", "open the front", "open the front door", "open the front door please"]
    assert sum(isinstance(event, ScoreUpdated) for event in events) >= 3


@pytest.mark.parametrize("at_call", [1, 2, 3])
@pytest.mark.parametrize("phrase", [PHRASE, None])
def test_a_failing_encoder_never_accepts_and_tells_nothing_internal(at_call: int, phrase: str | None) -> None:
    # so strict that nothing is decided before the third window
    used = Settings(decision=DecisionSettings(target_far=1e-6))
    verification = session(phrase, fake_models(encoder=BrokenEncoder(at_call)), used=used)
    events = run(verification, [spoken(PHRASE, 1)])
    assert verification.state is SessionState.FAILED
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "engine_failed"
    assert "marker-secret" not in events[-1].message
    assert not any(isinstance(event, Decided) for event in events)


@pytest.mark.parametrize(
    ("audio_format", "audio", "code"),
    [
        (AudioFormat(16_000, 1, Encoding.F32LE), np.full(16_000, np.nan, "<f4").tobytes(), "audio_not_finite"),
        (FORMAT, pcm(pause(1.0))[:-1], "odd_byte_count"),
        (FORMAT, b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(64), "sample_rate_mismatch"),
    ],
)
def test_bad_audio_fails_the_session_by_name(audio_format: AudioFormat, audio: bytes, code: str) -> None:
    verification = VerificationSession(Claim(voiceprint(1)), audio_format, fake_models(), SETTINGS)
    events = run(verification, [audio])
    assert verification.error is not None
    assert verification.error.code == code
    assert isinstance(events[-1], Failed)


def test_too_much_audio_fails_the_session() -> None:
    used = SETTINGS.with_values({"audio": {"max_attempt_s": 3}, "decision": {"max_time_s": 3600}}, "test")
    verification = session(used=used)
    run(verification, [pcm(pause(1.0))] * 5)
    assert verification.error is not None
    assert verification.error.code == "audio_too_long"


def test_closing_gives_the_recognizer_stream_back() -> None:
    recognizer = FakeRecognizer()
    verification = session(models=fake_models(recognizer=recognizer))
    verification.receive_audio(pcm(pause(0.5), say("open the", 1)))
    verification.close()
    verification.close()
    assert [stream.closed for stream in recognizer.streams] == [True]


def test_misuse_after_the_end_is_an_error_of_the_program() -> None:
    verification = session()
    verification.receive_end()
    with pytest.raises(RuntimeError):
        verification.receive_audio(b"")
    with pytest.raises(RuntimeError):
        verification.receive_end()


# --- continuous ---


def talk(speaker: int, seconds: float) -> Samples:
    words = say("open the front door please close window my voice is key " * 12, speaker)
    return words[: round(seconds * 16_000)]


def test_continuous_mode_tells_when_the_voice_changes_and_when_it_is_back() -> None:
    audio = pcm(pause(0.5), talk(1, 8), talk(6, 10), talk(1, 10))
    verdicts = [e for e in run(continuous(None), [audio]) if isinstance(e, Decided)]
    assert [event.verdict for event in verdicts] == [Verdict.ACCEPT, Verdict.REJECT, Verdict.ACCEPT]
    assert 8.5 < verdicts[1].at_sample / 16_000 < 13.0
    assert 18.5 < verdicts[2].at_sample / 16_000 < 23.0


def test_continuous_mode_ends_with_a_first_decision_that_is_no_accept() -> None:
    audio = spoken("close the window please my key", 1) + pcm(talk(1, 10))
    verification = continuous()
    events = run(verification, [audio])
    assert [event.verdict for event in events if isinstance(event, Decided)] == [Verdict.REJECT]
    assert verification.state is SessionState.DECIDED


# --- independence of chunking ---

STORY = pcm(pause(0.4), say("um", 1), pause(0.6), say(PHRASE, 1), pause(0.6))
WHOLE = run(session(), [STORY])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_the_same_pcm_cut_anywhere_gives_the_same_events(sizes: list[int]) -> None:
    assert run(session(), cut(STORY, sizes)) == WHOLE
