from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, SpeechDetector
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.engines.vad.silero import SileroDetector
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.errors import EngineError, ModelMissing

PAUSE = round(0.6 * SAMPLE_RATE_HZ)


@pytest.fixture(params=[WebrtcDetector, SileroDetector])
def detector(request: pytest.FixtureRequest) -> SpeechDetector:
    made: SpeechDetector = request.param()
    return made


def speech(voice: str) -> Samples:
    samples, _ = soundfile.read(demo_utterances()[voice, "coffee"].path, dtype="float32")
    return np.asarray(samples, np.float32)


def probabilities(detector: SpeechDetector, samples: Samples) -> list[float]:
    stream, length = detector.stream(), detector.frame_samples
    starts = range(0, len(samples) - length + 1, length)
    return [stream.probability(samples[start : start + length]) for start in starts]


@pytest.mark.parametrize("voice", VOICES)
def test_speech_is_told_from_faint_noise(detector: SpeechDetector, voice: str) -> None:
    values = probabilities(detector, speech(voice))
    pause = PAUSE // detector.frame_samples
    # after the first half of the pause, as a detector has to learn what the noise is
    assert np.mean(values[pause // 2 : pause]) < 0.2
    assert np.mean(values[pause:-pause]) > 0.8


def test_silence_is_not_speech(detector: SpeechDetector) -> None:
    assert max(probabilities(detector, np.zeros(SAMPLE_RATE_HZ, np.float32))) < 0.3


def test_values_are_probabilities_and_repeat(detector: SpeechDetector) -> None:
    first = probabilities(detector, speech("rms"))
    assert all(0.0 <= value <= 1.0 for value in first)
    assert probabilities(detector, speech("rms")) == first


def test_streams_do_not_touch_each_other(detector: SpeechDetector) -> None:
    length = detector.frame_samples
    voices = [speech("slt"), speech("kal16")]
    count = min(len(samples) for samples in voices) // length
    streams = [detector.stream() for _ in voices]
    mixed: list[list[float]] = [[], []]
    for index in range(count):
        for stream, samples, values in zip(streams, voices, mixed, strict=True):
            values.append(stream.probability(samples[index * length : (index + 1) * length]))
    assert mixed == [probabilities(detector, samples[: count * length]) for samples in voices]


def test_samples_over_full_scale_are_clipped_and_not_wrapped() -> None:
    samples = speech("awb")
    clipped = np.clip(samples * 8, -1, 1).astype(np.float32)
    assert probabilities(WebrtcDetector(), samples * 8) == probabilities(WebrtcDetector(), clipped)


def test_aggressiveness_hears_less_speech() -> None:
    noisy = speech("slt") + np.random.default_rng(0).normal(0, 0.05, len(speech("slt"))).astype(np.float32)
    heard = [sum(probabilities(WebrtcDetector(level), noisy)) for level in range(4)]
    assert heard == sorted(heard, reverse=True)
    assert heard[0] > heard[3]


@pytest.mark.parametrize("length_of", [lambda n: n - 1, lambda n: n + 1, lambda n: 0])
def test_other_frame_lengths_are_refused(detector: SpeechDetector, length_of: Callable[[int], int]) -> None:
    with pytest.raises(EngineError):
        detector.stream().probability(np.zeros(length_of(detector.frame_samples), np.float32))


def test_missing_silero_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamauth.engines.vad.silero.find_spec", lambda name: None)
    with pytest.raises(ModelMissing, match=r"streamauth\[silero\]"):
        SileroDetector()


def test_ids_differ() -> None:
    ids = {WebrtcDetector(1).id, WebrtcDetector(2).id, SileroDetector().id}
    assert len(ids) == 3
