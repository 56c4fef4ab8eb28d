"""Sounds that are no speech: kinds by modes, with the real engines. Nobody is accepted, enrolled or refused by them."""

from dataclasses import replace
from functools import cache
from typing import TypeVar

import numpy as np
import pytest
import soundfile

from scripts.fixtures.lines import by_line
from scripts.fixtures.nonspeech import NON_SPEECH
from streamauth.core.audio.degradation import rms
from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import (
    Decided,
    Enrolled,
    Reason,
    ScoreUpdated,
    SpeechEnded,
    UtteranceRefused,
    UtteranceTaken,
    Verdict,
)
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, Voiceprint
from streamauth.core.sessions.base import Models, Session
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.enrolled import voiceprint_of
from streamauth.core.sessions.enrollment import EnrollmentPlan, EnrollmentSession
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.core.voice.roster import Roster
from streamauth.demo_data import demo_utterances
from streamauth.engines.loader import Engines
from streamauth.evaluation.replay import CachingEncoder
from streamauth.settings import Settings

SETTINGS = Settings()
FORMAT = AudioFormat(SAMPLE_RATE_HZ, 1, Encoding.F32LE)
WORDS = ("please", "open", "the", "door", "and", "let", "me", "come", "in")
Running = TypeVar("Running", bound=Session)
KINDS = [pytest.param(kind, id=kind) for kind in NON_SPEECH]


@cache
def models() -> Models:
    loaded = Engines(SETTINGS).models(with_words=True)
    return Models(loaded.detector, CachingEncoder(loaded.encoder), loaded.calibration, loaded.recognizer)


@cache
def speech(name: str, utterance: str) -> Samples:
    samples, rate = soundfile.read(demo_utterances()[name, utterance].path, dtype="float32")
    assert rate == SAMPLE_RATE_HZ
    return np.asarray(samples, np.float32)


def sound(kind: str, seconds: float, seed: int = 0) -> Samples:
    return NON_SPEECH[kind](seconds, np.random.default_rng(seed))


def gap(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def run(session: Running, *pieces: Samples) -> Running:
    session.receive_audio(np.concatenate(pieces))
    session.receive_end()
    assert session.error is None
    return session


@cache
def voiceprint(name: str) -> Voiceprint:
    return voiceprint_of(enrolled(name, gap(0.3)).utterances)


def enrolled(name: str, before: Samples, with_words: bool = False, utterances: int = 3) -> EnrollmentSession:
    """The enrollment of a voice by so many utterances, each with this before it."""
    session = EnrollmentSession(EnrollmentPlan(with_words, WORDS if with_words else None), FORMAT, models(), SETTINGS)
    for number in range(1, utterances + 1):
        session.receive_audio(np.concatenate([before, gap(0.3), speech(name, f"door-{number}")]))
        session.end_utterance()
    session.close()
    assert session.error is None
    return session


def decision(session: Session) -> Decided:
    (decided,) = [event for event in session.events() if isinstance(event, Decided)]
    return decided


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_no_attempt_and_no_enrollment_in_any_mode(kind: str) -> None:
    audio = sound(kind, 4.0), gap(1.0)
    claim = Claim(voiceprint("awb"))
    spoken = replace(claim, expected_words=WORDS)
    sessions: tuple[Session, ...] = (
        VerificationSession(claim, FORMAT, models(), SETTINGS),
        VerificationSession(spoken, FORMAT, models(), SETTINGS),
        ContinuousSession(claim, FORMAT, models(), SETTINGS),
        IdentificationSession(
            Roster.of({"awb": [voiceprint("awb")]}, models().calibration), FORMAT, models(), SETTINGS
        ),
    )
    for session in sessions:
        decided = decision(run(session, *audio))
        assert decided.verdict is Verdict.UNDECIDED
        assert decided.reasons[0] in (Reason.NO_SPEECH, Reason.TOO_LITTLE_SPEECH)
        assert decided.speech_s < SETTINGS.decision.min_speech_s
        assert decided.name is None
    for plan in (EnrollmentPlan(False), EnrollmentPlan(True, WORDS), EnrollmentPlan(True)):
        session = EnrollmentSession(plan, FORMAT, models(), SETTINGS)
        events = run(session, *audio).events()
        assert not any(isinstance(event, UtteranceTaken | Enrolled | ScoreUpdated) for event in events)


@pytest.mark.parametrize("kind", KINDS)
def test_the_owner_is_accepted_after_it_as_without_it(kind: str) -> None:
    claim = Claim(voiceprint("awb"))
    told = []
    for before in (gap(1.5), sound(kind, 1.5, seed=1)):
        session = VerificationSession(claim, FORMAT, models(), SETTINGS)
        told.append(decision(run(session, before, gap(0.3), speech("awb", "door-4"))))
    assert [decided.verdict for decided in told] == [Verdict.ACCEPT] * 2
    assert told[0].llr is not None
    assert told[1].llr is not None
    # what is taken for the voiceless begin of the first word may be a sound's end
    assert abs(told[0].llr - told[1].llr) < 4.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_is_not_the_owner_because_both_come_with_it(kind: str) -> None:
    owner = enrolled("awb", sound(kind, 2.2), utterances=2)
    assert owner.utterances
    claim = Claim(voiceprint_of(owner.utterances))
    for stranger in ("rms", "kal16"):
        session = VerificationSession(claim, FORMAT, models(), SETTINGS)
        decided = decision(run(session, sound(kind, 2.2), gap(0.3), speech(stranger, "door-4")))
        assert decided.verdict is not Verdict.ACCEPT


@pytest.mark.parametrize(
    ("kind", "coding"),
    [("dtmf", "ULAW"), ("ring-us", "GSM610"), ("busy", "ALAW"), ("dial-tone", "PCM_16"), ("beeps", "ULAW")],
)
def test_by_telephone_it_is_no_speech_either(kind: str, coding: str) -> None:
    """A line leaves marks on every sound, which must not be taken for those of speech."""

    def called(*pieces: Samples) -> Samples:
        return by_line(np.concatenate(pieces), coding)

    before = sound(kind, 2.2)
    events = run(
        EnrollmentSession(EnrollmentPlan(False), FORMAT, models(), SETTINGS), called(before), gap(1.0)
    ).events()
    assert not any(isinstance(event, UtteranceTaken) for event in events)
    owner = EnrollmentSession(EnrollmentPlan(False, least_speech_s=2.0), FORMAT, models(), SETTINGS)
    run(owner, called(before, gap(0.3), speech("awb", "door-1"), gap(1.0)))
    claim = Claim(voiceprint_of(owner.utterances))
    for voice, accepted in (("awb", True), ("kal16", False)):
        attempt = VerificationSession(claim, FORMAT, models(), SETTINGS)
        decided = decision(run(attempt, called(before, gap(0.3), speech(voice, "door-4"), gap(1.0))))
        assert (decided.verdict is Verdict.ACCEPT) is accepted


@pytest.mark.parametrize("kind", ["dtmf", "ring-us", "beeps", "chords"])
def test_an_enrollment_whose_utterances_share_a_loud_sound_is_refused_with_the_reason(kind: str) -> None:
    loud = sound(kind, 2.2)
    session = enrolled("awb", np.asarray(loud / rms(loud) * 2 * rms(speech("awb", "door-1")), np.float32), True)
    events = session.events()
    assert len([event for event in events if isinstance(event, UtteranceTaken)]) == 1
    refused = [event for event in events if isinstance(event, UtteranceRefused)]
    assert len(refused) == 2
    assert all(Reason.OTHER_SOUND in event.reasons for event in refused)


def test_tones_before_free_speech_leave_the_owner_enrolled_and_known() -> None:
    ring = np.concatenate([sound("ring-us", 2.0), gap(4.0)])
    long = speech("rms", "long-1")
    session = EnrollmentSession(EnrollmentPlan(False, least_speech_s=8.0), FORMAT, models(), SETTINGS)
    run(session, ring, ring, long)
    assert not any(isinstance(event, UtteranceRefused) for event in session.events())
    claim = Claim(voiceprint_of(session.utterances))
    assert decision(run(VerificationSession(claim, FORMAT, models(), SETTINGS), ring, long)).verdict is Verdict.ACCEPT


@pytest.mark.parametrize("level", [0.003, 0.03])
def test_noise_after_digital_silence_holds_no_utterance_open(level: float) -> None:
    """The first stage follows the background, has none to follow in digital silence, and takes noise for speech."""
    noise = np.random.default_rng(7).normal(0, level, 6 * SAMPLE_RATE_HZ).astype(np.float32)
    session = run(
        ContinuousSession(Claim(voiceprint("awb")), FORMAT, models(), SETTINGS),
        gap(1.0),
        speech("awb", "door-4"),
        gap(0.1),
        noise,
    )
    spoken_s = 1.0 + speech("awb", "door-4").size / SAMPLE_RATE_HZ
    ended = [event.end_sample / SAMPLE_RATE_HZ for event in session.events() if isinstance(event, SpeechEnded)]
    assert len(ended) >= 1
    assert max(ended) < spoken_s + 1.0
