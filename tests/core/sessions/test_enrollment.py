from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Enrolled, Event, Failed, Reason, UtteranceRefused, UtteranceTaken
from streamauth.core.ports import NOTHING_USUAL, PhraseStream, Samples, Transcript, Usual, WordFacts
from streamauth.core.sessions.base import SessionState
from streamauth.core.sessions.enrolled import EnrolledUtterance, usual_of, voiceprint_of
from streamauth.core.sessions.enrollment import LEAST_PRONUNCIATION_SCORE, EnrollmentPlan, EnrollmentSession
from streamauth.core.voice.voiceprint import middle
from streamauth.settings import EnrollmentSettings, Settings
from tests.fakes import (
    BrokenEncoder,
    FakeEncoder,
    FakePhraseStream,
    FakeRecognizer,
    cut,
    fake_models,
    pause,
    pcm,
    say,
    voiceprint,
)

PHRASE = "open the front door please"
WORDS = tuple(PHRASE.split())
FORMAT = AudioFormat(16_000)
SPOKEN = EnrollmentPlan(text_dependent=True, expected_words=WORDS)
FREE = EnrollmentPlan(text_dependent=False)
SETTINGS = Settings(enrollment=EnrollmentSettings(text_independent_speech_s=8.0))


def session(plan: EnrollmentPlan = SPOKEN, encoder: FakeEncoder | None = None) -> EnrollmentSession:
    return EnrollmentSession(plan, FORMAT, fake_models(encoder=encoder), SETTINGS)


def enroll(files: list[bytes], plan: EnrollmentPlan = SPOKEN) -> tuple[EnrollmentSession, list[Event]]:
    enrollment = session(plan)
    events: list[Event] = []
    for file in files:
        if enrollment.state is SessionState.LISTENING:
            enrollment.receive_audio(file)
            enrollment.end_utterance()
            events += enrollment.events()
    enrollment.receive_end()
    kept = (UtteranceTaken, UtteranceRefused, Enrolled, Failed)
    return enrollment, [event for event in events + enrollment.events() if isinstance(event, kept)]


def spoken(words: str = PHRASE, speaker: int = 1, **how: float) -> bytes:
    return pcm(pause(0.5), say(words, speaker, **how), pause(0.7))


def refusals(events: list[Event]) -> list[tuple[Reason, ...]]:
    return [event.reasons for event in events if isinstance(event, UtteranceRefused)]


def test_three_utterances_of_the_phrase_enroll() -> None:
    enrollment, events = enroll([spoken()] * 3)
    assert [type(event) for event in events] == [UtteranceTaken] * 3 + [Enrolled]
    taken = [event for event in events if isinstance(event, UtteranceTaken)]
    assert [(event.count, event.needed) for event in taken] == [(1, 2), (2, 1), (3, 0)]
    assert {event.phrase for event in taken} == {PHRASE}
    assert enrollment.complete
    assert enrollment.state is SessionState.DECIDED
    assert middle(voiceprint_of(enrollment.everything)) @ voiceprint(1) > 0.99
    assert all(utterance.audio_s >= utterance.speech_s > 1.5 for utterance in enrollment.utterances)


def test_one_long_recording_with_pauses_enrolls_as_well() -> None:
    enrollment, events = enroll([spoken() * 3])
    assert enrollment.complete
    assert refusals(events) == []


def test_a_later_session_goes_on_where_the_first_stopped() -> None:
    first, _ = enroll([spoken()])
    assert not first.complete
    assert first.needed == 2
    plan = EnrollmentPlan(True, WORDS, earlier=first.everything)
    second, events = enroll([spoken()] * 2, plan)
    assert second.complete
    assert len(second.utterances) == 2
    assert isinstance(events[-1], Enrolled)
    assert events[-1].count == 3


def quiet() -> bytes:
    return pcm(0.002 * pause(0.5), 0.01 * say(PHRASE, 1, level=0.2), 0.002 * pause(0.7))


def noisy() -> bytes:
    audio = np.concatenate((pause(0.5), say(PHRASE, 1), pause(0.7)))
    return pcm((audio + 0.1 * np.random.default_rng(1).standard_normal(audio.size)).astype(np.float32))


def offset(audio: Samples) -> bytes:
    return pcm((audio + 0.4).astype(np.float32))


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (spoken("open"), Reason.TOO_LITTLE_SPEECH),
        (pcm(pause(2.0)), Reason.NO_SPEECH),
        (pcm(np.zeros(32_000, np.float32)), Reason.DIGITAL_SILENCE),
        (spoken(level=6.0), Reason.CLIPPED),
        (noisy(), Reason.TOO_NOISY),
        (offset(np.concatenate((pause(0.5), say(PHRASE, 1), pause(0.7)))), Reason.DC_OFFSET),
        (spoken("open the front door"), Reason.PHRASE_INCOMPLETE),
        (spoken("close the window my key"), Reason.PHRASE_MISMATCH),
        (spoken("key voice is my window " * 2), Reason.PHRASE_MISMATCH),
    ],
)
def test_each_reason_to_refuse_an_utterance(audio: bytes, reason: Reason) -> None:
    enrollment, events = enroll([audio])
    ((first, *_),) = refusals(events)
    assert first is reason
    assert enrollment.utterances == []


def test_too_quiet_speech_is_refused() -> None:
    used = Settings(enrollment=EnrollmentSettings(min_level_dbfs=-20.0))
    enrollment = EnrollmentSession(SPOKEN, FORMAT, fake_models(), used)
    enrollment.receive_audio(spoken(level=0.05))
    enrollment.receive_end()
    assert refusals(enrollment.events()) == [(Reason.TOO_QUIET,)]


def test_another_voice_than_the_first_is_refused() -> None:
    enrollment, events = enroll([spoken(), spoken(speaker=6), spoken(), spoken()])
    assert refusals(events) == [(Reason.OTHER_VOICE,)]
    assert enrollment.complete


def test_without_a_phrase_the_first_utterance_sets_it() -> None:
    plan = EnrollmentPlan(text_dependent=True)
    enrollment, events = enroll([spoken(), spoken("close the window my key"), spoken(), spoken()], plan)
    assert refusals(events) == [(Reason.OTHER_PHRASE,)]
    assert enrollment.complete
    assert enrollment.utterances[0].phrase == PHRASE


def test_free_speech_enrolls_once_there_is_enough_of_it() -> None:
    talk = say("open the front door please close window my voice is key " * 2, 1)
    enrollment, events = enroll([pcm(pause(0.4), talk, pause(0.6))] * 2, FREE)
    assert refusals(events) == []
    assert isinstance(events[-1], Enrolled)
    assert events[-1].phrase is None
    assert enrollment.complete
    assert enrollment.needed == 0


def test_free_speech_tells_how_much_is_needed() -> None:
    enrollment, events = enroll([pcm(pause(0.4), say(PHRASE + " close the window", 1), pause(0.6))], FREE)
    (taken,) = [event for event in events if isinstance(event, UtteranceTaken)]
    assert 4.0 < taken.needed_speech_s < 6.0
    assert taken.needed_speech_s == pytest.approx(8.0 - taken.speech_s)
    assert not enrollment.complete


def test_free_speech_of_another_person_in_between_is_refused() -> None:
    def talk(speaker: int) -> bytes:
        return pcm(pause(0.4), say(PHRASE + " close the window", speaker), pause(0.6))

    _, events = enroll([talk(1), talk(6), talk(1)], FREE)
    assert refusals(events) == [(Reason.OTHER_VOICE,)]


def test_a_breath_after_the_phrase_is_not_refused() -> None:
    _, events = enroll([spoken() + pcm(say("um", 1), pause(0.3))])
    assert [type(event) for event in events] == [UtteranceTaken]


def test_files_of_other_formats_follow_each_other() -> None:
    enrollment = session()
    enrollment.receive_audio(spoken())
    enrollment.end_utterance(AudioFormat(16_000, 2))
    stereo = np.repeat(np.frombuffer(spoken(), "<i2"), 2).tobytes()
    enrollment.receive_audio(stereo)
    enrollment.receive_end()
    assert len(enrollment.utterances) == 2


def test_a_failing_encoder_enrolls_nothing() -> None:
    enrollment = session(encoder=BrokenEncoder(2))
    enrollment.receive_audio(spoken())
    enrollment.receive_end()
    events = enrollment.events()
    assert enrollment.state is SessionState.FAILED
    assert isinstance(events[-1], Failed)
    assert enrollment.utterances == []


STORY = pcm(
    pause(0.4), say(PHRASE, 1), pause(0.8), say("um", 1), pause(1.9), say("close the window my key", 1), pause(0.8)
)


@cache
def whole() -> list[Event]:
    return enroll([STORY])[1]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_the_same_pcm_cut_anywhere_gives_the_same_events(sizes: list[int]) -> None:
    enrollment = session()
    for chunk in cut(STORY, sizes):
        enrollment.receive_audio(chunk)
    enrollment.end_utterance()
    enrollment.receive_end()
    kept = (UtteranceTaken, UtteranceRefused, Enrolled, Failed)
    assert [event for event in enrollment.events() if isinstance(event, kept)] == whole()


def test_a_weak_phrase_does_not_become_the_pass_phrase() -> None:
    plan = EnrollmentPlan(text_dependent=True)
    enrollment, events = enroll([spoken("key", word_s=1.5)], plan)
    assert [reasons[0] for reasons in refusals(events)] == [Reason.WEAK_PHRASE]
    assert not enrollment.utterances


class FittingStream(FakePhraseStream):
    """Scores the pronunciation: of "key" and "window" badly, of any other word well."""

    def __init__(self, expected: tuple[str, ...]) -> None:
        super().__init__()
        self._expected = expected

    def partial(self) -> Transcript:
        words = tuple(
            replace(word, pronunciation_score=self._fit(word.text), recognition_score=-1.5) for word in self._words
        )
        whole = [self._fit(word if word in {heard.text for heard in words} else "key") for word in self._expected]
        return Transcript(words, pronunciation_scores=tuple(whole))

    def _fit(self, word: str) -> float:
        return LEAST_PRONUNCIATION_SCORE - 0.1 if word in ("key", "window") else LEAST_PRONUNCIATION_SCORE


class GuessingRecognizer(FakeRecognizer):
    """Has some words in no dictionary."""

    def __init__(self, *guessed: str) -> None:
        super().__init__()
        self._guessed = guessed

    def facts(self, word: str) -> WordFacts | None:
        facts = super().facts(word)
        return replace(facts, proposed=word in self._guessed) if facts is not None else None

    def stream(
        self,
        expected: tuple[str, ...] | None,
        usual: Usual = NOTHING_USUAL,
        *,
        least_llr: float = 0.0,
    ) -> PhraseStream:
        return FittingStream(expected or ())


@pytest.mark.parametrize(
    ("phrase", "guessed", "said", "reasons"),
    [
        ("open the key please", ("key",), "open the key please", Reason.PRONUNCIATION_MISMATCH),
        ("open the key please", ("open",), "open the key please", None),
        ("open the key please", (), "open the key please", None),
        ("open the door please", ("door",), "open the window please", Reason.PRONUNCIATION_MISMATCH),
        ("open the door please", ("open",), "open the window please", Reason.PHRASE_MISMATCH),
        ("open the door please", ("door",), "my voice is window", Reason.PHRASE_MISMATCH),
        ("open the door please", ("door",), "open the", Reason.PHRASE_INCOMPLETE),
        ("door voice", ("door", "voice"), "is the front is", Reason.PRONUNCIATION_MISMATCH),
    ],
)
def test_a_proposed_word_must_be_said_as_proposed(
    phrase: str, guessed: tuple[str, ...], said: str, reasons: Reason | None
) -> None:
    plan = EnrollmentPlan(text_dependent=True, expected_words=tuple(phrase.split()))
    enrollment = EnrollmentSession(plan, FORMAT, fake_models(recognizer=GuessingRecognizer(*guessed)), SETTINGS)
    enrollment.receive_audio(spoken(said, word_s=0.5))
    enrollment.end_utterance()
    assert refusals(enrollment.events()) == ([(reasons,)] if reasons else [])
    assert len(enrollment.utterances) == (reasons is None)
    for utterance in enrollment.utterances:
        assert utterance.recognition_scores == (-1.5,) * len(phrase.split())


def test_expected_scores_are_the_mean_of_what_is_known() -> None:
    first = EnrolledUtterance(voiceprint(1), 2.0, 3.0, "open door", (-0.2, -0.6), recognition_scores=(-2.0, 0.0))
    second = replace(first, pronunciation_scores=(-0.4, -0.2), recognition_scores=(-4.0, -1.0))
    unknown = replace(first, pronunciation_scores=(), recognition_scores=())
    assert usual_of([first, second, unknown]).scores == pytest.approx((-0.3, -0.4))
    assert usual_of([unknown]).scores == ()
    assert usual_of([first, second, unknown]).recognition == pytest.approx((-3.0, -0.5))
    assert usual_of([unknown]).recognition == ()
