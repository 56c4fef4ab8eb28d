import numpy as np
import pytest

from streamauth.core.audio.degradation import telephone
from streamauth.core.ports import Voiceprint
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.pooling import RollingVoice, VoiceSample, voice_of
from streamauth.core.voice.voiceprint import middle
from streamauth.settings import VoiceSettings
from tests.fakes import FakeEncoder, say


@pytest.mark.parametrize("samples", [12_800, 20_000, 25_600, 40_123, 100_000])
def test_finished_speech_gives_the_voice_that_it_gave_in_pieces(samples: int) -> None:
    settings = VoiceSettings(hop_ms=800)
    speech = say("my voice is key please close the window " * 4, 3)[:samples]
    voice = RollingVoice(FakeEncoder(), settings)
    for start in range(0, speech.size, 480):
        voice.accept(speech[start : start + 480])
    voice.flush()
    expected, found = voice.sample(), voice_of(speech, FakeEncoder())
    assert expected is not None
    assert found is not None
    assert found.speech_s == expected.speech_s
    np.testing.assert_allclose(found.embedding, expected.embedding, atol=1e-6)


def test_speech_too_short_for_the_encoder_has_no_voice() -> None:
    assert voice_of(np.ones(12_799, np.float32), FakeEncoder()) is None


class BandEncoder(FakeEncoder):
    """Tells wide from narrow bands: the share of power above 4 kHz, as a direction."""

    def embed(self, windows: np.ndarray) -> np.ndarray:
        power = np.square(np.abs(np.fft.rfft(windows)))
        high = power[:, power.shape[1] // 2 :].sum(axis=1) / power.sum(axis=1)
        rows = np.zeros((len(windows), self.dim), np.float32)
        rows[:, 0], rows[:, 1] = high, 1 - high
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def enrolled(speech: np.ndarray) -> tuple[VoiceSample, Voiceprint]:
    own = voice_of(speech, BandEncoder())
    assert own is not None
    return own, augmented_voiceprint(own, speech, BandEncoder())


def test_a_voiceprint_leans_to_what_the_voice_sounds_like_on_a_line() -> None:
    speech = np.random.default_rng(1).standard_normal(40_000).astype(np.float32) * np.float32(0.1)
    own, found = enrolled(speech)
    line = voice_of(telephone(speech), BandEncoder())
    assert line is not None
    np.testing.assert_array_equal(found[0], own.embedding)
    assert (found @ line.embedding).max() == pytest.approx(1.0, abs=1e-3)
    assert own.embedding @ line.embedding + 0.05 < middle(found) @ line.embedding
    # and its middle stays nearest to the speech itself
    assert middle(found) @ own.embedding > middle(found) @ line.embedding
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(7), abs=1e-6)


def test_the_same_speech_enrolls_the_same_voiceprint() -> None:
    speech = np.random.default_rng(2).standard_normal(30_000).astype(np.float32)
    (_, one), (_, other) = enrolled(speech), enrolled(speech.copy())
    np.testing.assert_array_equal(one, other)
