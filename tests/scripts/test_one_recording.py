"""Two takes that are one recording are told from two that only sound alike."""

from itertools import combinations

import numpy as np
import soundfile
import soxr

from scripts.measure.one_recording import BOUND, sameness
from streamauth.core.audio.degradation import telephone
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.demo_data import demo_utterances

VOICES, PHRASE = ("awb", "rms", "slt"), ("door-1", "door-2")


def take(voice: str, text: str) -> Samples:
    samples: Samples = soundfile.read(demo_utterances()[voice, text].path, dtype="float32")[0]
    return samples


def test_one_recording_is_known_by_its_waveform_and_two_takes_are_not() -> None:
    for voice in VOICES:
        first, second = (take(voice, text) for text in PHRASE)
        assert sameness([first], [-0.3 * first[777:]]) > 0.95
        assert sameness([first], [second]) < 0.5 * BOUND < 0.5 < sameness([first], [telephone(first)])
    for one, other in combinations(VOICES, 2):
        assert sameness([take(one, "door-1")], [take(other, "door-1")]) < 0.5 * BOUND


def test_one_recording_is_known_at_another_speed_where_that_is_asked_for() -> None:
    first = take("slt", "door-1")[: 2 * SAMPLE_RATE_HZ]
    faster = np.asarray(soxr.resample(first, 1.01 * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ), np.float32)
    assert sameness([first], [faster]) < 0.5 * BOUND
    assert sameness([first], [faster], (1.0, 1 / 1.01)) > 0.9
