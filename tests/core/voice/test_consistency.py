from math import inf

import numpy as np

from streamauth.core.audio.quality import Quality
from streamauth.core.decision import Share
from streamauth.core.ports import Samples
from streamauth.core.voice.consistency import SpeakerConsistency
from streamauth.core.voice.pooling import RollingVoice
from streamauth.core.voice.scoring import Gallery
from streamauth.settings import VoiceSettings
from tests.fakes import FAKE_CALIBRATION, FakeEncoder, say, voiceprint

ME, OTHER = 1, 6
QUIET = Quality(-20.0, 40.0, 0.0, 0.0, -20.0, False)
FRAME = 480


def speech(speaker: int, seconds: float) -> Samples:
    return say("open the front door please close window " * 3, speaker)[: round(seconds * 16_000)]


def along(*utterances: tuple[Samples, Share]) -> SpeakerConsistency:
    voice = SpeakerConsistency(FakeEncoder(), VoiceSettings())
    for samples, share in utterances:
        feed(voice, samples)
        voice.end_utterance(share)
    voice.flush()
    return voice


def feed(voice: SpeakerConsistency | RollingVoice, samples: Samples) -> None:
    for start in range(0, samples.size, FRAME):
        voice.accept(samples[start : start + FRAME])


def weakest(voice: SpeakerConsistency) -> float:
    return voice.weakest_llr(Gallery([voiceprint(ME)], FAKE_CALIBRATION), QUIET)


def test_all_of_it_in_one_voice() -> None:
    voice = along((speech(ME, 2.4), Share.NEXT), (speech(ME, 2.4), Share.NEXT))
    whole = RollingVoice(FakeEncoder(), VoiceSettings())
    feed(whole, np.concatenate((speech(ME, 2.4), speech(ME, 2.4))))
    whole.flush()
    sample, expected = voice.sample(), whole.sample()
    assert sample is not None
    assert expected is not None
    assert np.allclose(sample.embedding, expected.embedding)
    assert sample.speech_s == expected.speech_s == voice.speech_s
    assert weakest(voice) > 5


def test_the_stretch_in_another_voice_is_the_weakest() -> None:
    mixed = along((speech(ME, 4.0), Share.NEXT), (speech(OTHER, 2.4), Share.NEXT))
    assert weakest(mixed) < -10


def test_what_carries_no_words_does_not_count() -> None:
    voice = along((speech(OTHER, 4.0), Share.NONE), (speech(ME, 2.4), Share.NEXT), (speech(OTHER, 2.0), Share.NONE))
    sample = voice.sample()
    assert sample is not None
    assert sample.speech_s == 2.4
    assert voice.speech_s == 8.4
    assert weakest(voice) > 5


def test_words_that_begin_anew_leave_out_what_came_before() -> None:
    voice = along((speech(OTHER, 2.4), Share.NEXT), (speech(ME, 2.4), Share.FIRST), (speech(ME, 1.2), Share.NEXT))
    sample = voice.sample()
    assert sample is not None
    assert np.isclose(sample.speech_s, 3.6)
    assert weakest(voice) > 5


def test_speech_of_less_than_a_window_is_one_stretch() -> None:
    assert weakest(along((speech(ME, 1.0), Share.NEXT))) > 5
    assert weakest(along((speech(OTHER, 1.0), Share.NEXT))) < -10


def test_before_the_first_window_there_is_nothing() -> None:
    voice = along((speech(ME, 0.5), Share.NEXT))
    assert voice.sample() is None
    assert weakest(voice) == inf
