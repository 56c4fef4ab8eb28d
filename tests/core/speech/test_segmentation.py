import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.speech.segmentation import SpeechSegmenter
from streamauth.settings import SpeechSettings

FRAME = 480  # 30 ms
SETTINGS = SpeechSettings(min_speech_ms=120, min_silence_ms=300, pad_ms=90)


def run(
    probabilities: list[float], settings: SpeechSettings = SETTINGS, lead_ms: int = 0
) -> tuple[list[int], list[tuple[int, int]], list[int], list[int]]:
    """(starts, (start, end) pairs, numbers of voiced frames, numbers of all utterance frames)."""
    segmenter = SpeechSegmenter(settings, FRAME, lead_ms)
    starts, ends, voiced, heard = [], [], [], []
    steps = [segmenter.push(np.full(FRAME, i, np.float32), p) for i, p in enumerate(probabilities)]
    steps.append(segmenter.finish())
    for step in steps:
        if step.started is not None:
            starts.append(step.started)
        heard += [int(frame[0]) for frame, _ in step.utterance]
        voiced += [int(frame[0]) for frame, is_voiced in step.utterance if is_voiced]
        if step.ended is not None:
            ends.append(step.ended)
    return starts, ends, voiced, heard


def test_an_utterance_has_its_padding_on_both_sides() -> None:
    starts, ends, voiced, _ = run([0.0] * 10 + [1.0] * 20 + [0.0] * 20)
    assert starts == [7 * FRAME]
    assert ends == [(7 * FRAME, 33 * FRAME)]
    assert voiced == list(range(7, 33))


def test_speech_shorter_than_the_least_is_no_speech() -> None:
    assert run([0.0] * 10 + [1.0] * 3 + [0.0] * 20)[:3] == ([], [], [])


def test_a_short_pause_does_not_end_the_utterance_and_its_middle_is_not_voiced() -> None:
    starts, ends, voiced, heard = run([1.0] * 10 + [0.0] * 8 + [1.0] * 10)
    assert len(starts) == len(ends) == 1
    assert voiced == [*range(13), *range(15, 28)]
    assert heard == list(range(28))


def test_a_long_pause_makes_two_utterances() -> None:
    starts, ends, _, _ = run([1.0] * 10 + [0.0] * 15 + [1.0] * 10 + [0.0] * 15)
    assert len(starts) == len(ends) == 2


def test_hysteresis_between_offset_and_onset_keeps_the_state() -> None:
    between = 0.4
    assert run([between] * 30)[0] == []
    _, ends, _, _ = run([1.0] * 10 + [between] * 30 + [0.0] * 12)
    assert ends == [(0, 43 * FRAME)]


def test_speech_running_at_the_end_of_the_stream_ends_there() -> None:
    assert run([0.0] * 10 + [1.0] * 20)[1] == [(7 * FRAME, 30 * FRAME)]


def test_a_too_long_utterance_is_cut_and_nothing_of_it_is_lost() -> None:
    settings = SpeechSettings(min_speech_ms=120, min_silence_ms=300, pad_ms=90, max_utterance_s=1.0)
    _, ends, voiced, _ = run([1.0] * 100 + [0.0] * 20, settings)
    assert len(ends) == 4
    assert voiced == list(range(103))


def test_a_recognizer_hears_the_lead_before_the_padding() -> None:
    _, _, voiced, heard = run([0.0] * 30 + [1.0] * 20 + [0.0] * 20, lead_ms=240)
    assert voiced[0] == 27
    assert heard[0] == 19


@given(st.lists(st.sampled_from([0.0, 0.4, 1.0]), max_size=300))
def test_whatever_comes_starts_and_ends_alternate_and_no_frame_is_voiced_twice(probabilities: list[float]) -> None:
    starts, ends, voiced, _ = run(probabilities)
    assert len(starts) == len(ends)
    assert voiced == sorted(set(voiced))
    for start, (begin, end), after in zip(starts, ends, [*starts[1:], 10**9], strict=False):
        assert start == begin < end <= after


@pytest.mark.parametrize("bad", [{"min_silence_ms": 0}, {"min_silence_ms": 6000}, {"aggressiveness": 9}])
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    from streamauth.errors import BadSetting

    with pytest.raises(BadSetting):
        SpeechSettings(**bad)  # type: ignore[arg-type]
