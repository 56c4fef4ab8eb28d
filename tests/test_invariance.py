"""The same audio gives the same events, however it is cut, with the real engines and at every kind of rate."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.audio.frontend import PcmFrontEnd
from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import Decided, Event, Verdict
from streamauth.core.sessions.base import Models
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.verification import VerificationSession
from streamauth.demo_data import demo_utterances
from streamauth.engines.loader import Engines
from streamauth.evaluation.replay import CachingEncoder, Probe
from streamauth.settings import Settings
from tests.fakes import FakeDetector, cut

SETTINGS = Settings()
SPOKEN = demo_utterances()["slt", "door-4"]
RATES = (8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)


@cache
def models() -> Models:
    loaded = Engines(SETTINGS).models(with_words=True)
    return Models(loaded.detector, CachingEncoder(loaded.encoder), loaded.calibration, loaded.recognizer)


@cache
def claim() -> Claim:
    samples, _ = soundfile.read(demo_utterances()["slt", "door-1"].path, dtype="float32")
    voice = Probe(samples, models(), SETTINGS).voice()
    assert voice is not None
    return Claim(voice.embedding, tuple(SPOKEN.text.split()))


@cache
def recorded(audio_format: AudioFormat) -> bytes:
    samples, rate = soundfile.read(SPOKEN.path, dtype="float64")
    samples = soxr.resample(samples, rate, audio_format.sample_rate_hz)
    if audio_format.channels == 2:
        samples = np.repeat(samples[:, None], 2, axis=1)
    if audio_format.encoding is Encoding.F32LE:
        return np.asarray(samples).astype("<f4").tobytes()
    return np.asarray(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def run(audio_format: AudioFormat, chunks: list[Any]) -> list[Event]:
    session = VerificationSession(claim(), audio_format, models(), SETTINGS)
    events: list[Event] = []
    for chunk in chunks:
        session.receive_audio(chunk)
        events += session.events()
    session.receive_end()
    events += session.events()
    session.close()
    return events


@cache
def whole(audio_format: AudioFormat) -> list[Event]:
    return run(audio_format, [recorded(audio_format)])


FORMATS = st.builds(AudioFormat, st.sampled_from(RATES), st.sampled_from([1, 2]), st.sampled_from(list(Encoding)))
FEW = st.sampled_from([AudioFormat(8000), AudioFormat(16_000), AudioFormat(44_100, 2, Encoding.F32LE)])
SIZES = st.lists(st.integers(1, 20_000), min_size=1, max_size=12)


@settings(max_examples=6, deadline=None)
@given(FEW, SIZES)
def test_any_cut_gives_the_same_events(audio_format: AudioFormat, sizes: list[int]) -> None:
    assert run(audio_format, cut(recorded(audio_format), sizes)) == whole(audio_format)


def steps(audio_format: AudioFormat, chunks: list[Any]) -> list[Any]:
    """What the first stages make of it: all that later stages see. A detector is given whole frames."""
    stages = PcmFrontEnd(audio_format, FakeDetector(), SETTINGS.speech, lead_ms=300, max_s=60.0)
    every = [step for chunk in chunks for step in stages.feed(chunk)] + list(stages.flush())
    return [
        (
            replace(step, segmented=replace(step.segmented, utterance=[])),
            [(frame.tobytes(), voiced) for frame, voiced in step.segmented.utterance],
        )
        for step in every
    ]


@cache
def whole_steps(audio_format: AudioFormat) -> list[Any]:
    return steps(audio_format, [recorded(audio_format)])


@settings(max_examples=20, deadline=None)
@given(FORMATS, SIZES)
def test_any_cut_of_any_format_gives_the_same_frames(audio_format: AudioFormat, sizes: list[int]) -> None:
    assert steps(audio_format, cut(recorded(audio_format), sizes)) == whole_steps(audio_format)


@pytest.mark.parametrize("rate", RATES)
def test_the_decision_is_the_same_at_every_rate(rate: int) -> None:
    (decided,) = [event for event in whole(AudioFormat(rate)) if isinstance(event, Decided)]
    assert decided.verdict is Verdict.ACCEPT, decided.reasons
