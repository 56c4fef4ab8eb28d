import numpy as np
import pytest

from streamauth.core.ports import Samples
from streamauth.core.voice.pooling import RollingVoice, unit
from streamauth.settings import VoiceSettings
from tests.fakes import FakeEncoder, say, voiceprint

SETTINGS = VoiceSettings(hop_ms=400, first_score_ms=800)


class Recorder(FakeEncoder):
    """Remembers the window lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[int] = []

    def embed(self, windows: Samples) -> Samples:
        self.lengths.append(windows.shape[1])
        return super().embed(windows)


def speech(seconds: float, speaker: int = 1) -> Samples:
    long = say("open the front door please close window my voice is key " * 4, speaker)
    return long[: round(seconds * 16_000)]


def feed(voice: RollingVoice, audio: Samples, frame: int = 480) -> int:
    return sum(voice.accept(audio[at : at + frame]) for at in range(0, len(audio), frame))


def test_the_first_score_comes_after_first_score_ms_and_then_one_each_hop() -> None:
    encoder = Recorder()
    voice = RollingVoice(encoder, SETTINGS)
    assert feed(voice, speech(0.75)) == 0
    assert voice.sample() is None
    assert feed(voice, speech(3.0)) == 8
    assert encoder.lengths == [12_800, 19_200] + [25_600] * 6


@pytest.mark.parametrize("frame", [160, 480, 512, 3200])
def test_windows_do_not_depend_on_the_frames(frame: int) -> None:
    voices = [RollingVoice(FakeEncoder(), SETTINGS) for _ in range(2)]
    feed(voices[0], speech(4.0), 160)
    feed(voices[1], speech(4.0), frame)
    first, second = (voice.sample() for voice in voices)
    assert first is not None
    assert second is not None
    assert np.array_equal(first.embedding, second.embedding)


def test_what_is_far_louder_than_the_rest_does_not_drown_it() -> None:
    voice = RollingVoice(FakeEncoder(), SETTINGS)
    # one window is all of the other voice, three are ruled by it, nine are of the voice that follows
    feed(voice, np.concatenate([10 * speech(1.6, speaker=2), speech(4.8)]))
    sample = voice.sample()
    assert sample is not None
    assert sample.embedding @ voiceprint(1) > sample.embedding @ voiceprint(2) + 0.05


def test_a_window_is_uneven_where_its_end_is_far_quieter_than_the_rest() -> None:
    voice = RollingVoice(FakeEncoder(), SETTINGS)
    found = []
    for part in (10 * speech(0.8, speaker=2), *np.split(speech(2.4), 6)):
        feed(voice, part)
        found.append(voice.is_uneven)
    assert found == [False, True, True, True, False, False, False]
    assert not RollingVoice(FakeEncoder(), SETTINGS).is_uneven


def test_the_embedding_is_of_unit_length_and_the_speakers() -> None:
    voice = RollingVoice(FakeEncoder(), SETTINGS)
    feed(voice, speech(5.0, speaker=4))
    sample = voice.sample()
    assert sample is not None
    assert np.linalg.norm(sample.embedding) == pytest.approx(1.0, abs=1e-5)
    assert sample.embedding @ voiceprint(4) > 0.95
    assert sample.speech_s == pytest.approx(5.0)


def test_flush_embeds_the_tail_once_it_is_worth_it() -> None:
    encoder = Recorder()
    voice = RollingVoice(encoder, SETTINGS)
    feed(voice, speech(1.3))
    assert voice.flush() is False  # 0.1 s since the window at 1.2 s
    feed(voice, speech(0.2))
    assert voice.flush() is True
    assert encoder.lengths[-1] == 24_000
    assert RollingVoice(encoder, SETTINGS).flush() is False


def test_with_a_memory_only_the_recent_speaker_counts() -> None:
    voice = RollingVoice(FakeEncoder(), SETTINGS, memory_s=3.0)
    feed(voice, speech(8.0, speaker=1))
    feed(voice, speech(4.0, speaker=5))
    sample = voice.sample()
    assert sample is not None
    assert sample.embedding @ voiceprint(5) > 0.95
    assert sample.embedding @ voiceprint(1) < 0.3
    assert sample.speech_s == 3.0


def test_without_a_memory_all_speech_counts_equally() -> None:
    voice = RollingVoice(FakeEncoder(), SETTINGS)
    feed(voice, speech(5.0, speaker=1))
    feed(voice, speech(5.0, speaker=5))
    sample = voice.sample()
    assert sample is not None
    assert sample.embedding @ voiceprint(5) == pytest.approx(sample.embedding @ voiceprint(1), abs=0.15)


def test_loud_speech_counts_more_than_quiet_speech() -> None:
    voice = RollingVoice(FakeEncoder(), SETTINGS)
    feed(voice, speech(4.0, speaker=1))
    feed(voice, 0.1 * speech(4.0, speaker=2))
    sample = voice.sample()
    assert sample is not None
    assert sample.embedding @ voiceprint(1) > 0.9
    assert sample.embedding @ voiceprint(2) < 0.4


def test_silence_has_a_voice_of_unit_length() -> None:
    voice = RollingVoice(FakeEncoder(), SETTINGS)
    feed(voice, np.zeros(64_000, np.float32) + np.float32(1e-9))
    sample = voice.sample()
    assert sample is not None
    assert np.linalg.norm(sample.embedding) == pytest.approx(1.0, abs=1e-5)


def test_a_zero_vector_stays_zero() -> None:
    assert not unit(np.zeros(3, np.float32)).any()
