import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.speech.segmentation import SpeechSegmenter
from streamauth.settings import SpeechSettings

FRAME = 480  # 30 ms
SETTINGS = SpeechSettings(min_speech_ms=120, min_silence_ms=300, pad_ms=90)


def run(
    probabilities: list[float],
    settings: SpeechSettings = SETTINGS,
    lead_ms: int = 0,
    voicing: list[float] | None = None,
) -> tuple[list[int], list[tuple[int, int]], list[int], list[int]]:
    """(starts, (start, end) pairs, numbers of voiced frames, numbers of all utterance frames)."""
    segmenter = SpeechSegmenter(settings, FRAME, lead_ms)
    starts, ends, voiced, heard = [], [], [], []
    pairs = zip(probabilities, voicing or [1.0] * len(probabilities), strict=True)
    steps = [segmenter.push(np.full(FRAME, i, np.float32), p, voice) for i, (p, voice) in enumerate(pairs)]
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


@pytest.mark.parametrize("bad", [{"min_silence_ms": 0}, {"min_silence_ms": 6000}])
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    from streamauth.errors import BadSetting

    with pytest.raises(BadSetting):
        SpeechSettings(**bad)  # type: ignore[arg-type]


# --- sounds that carry no voice ---

HOLD = 13  # frames of 390 ms
VOICELESS = 6  # of 180 ms


def test_what_carries_no_voice_begins_nothing() -> None:
    assert run([0.0] * 10 + [1.0] * 200 + [0.0] * 20, voicing=[0.0] * 230, lead_ms=240) == ([], [], [], [])


def test_a_tone_right_before_speech_is_neither_voiced_nor_padding_nor_lead() -> None:
    probabilities = [1.0] * 50 + [1.0] * 30 + [0.0] * 20
    _, ends, voiced, heard = run(probabilities, voicing=[0.0] * 50 + [1.0] * 30 + [0.0] * 20, lead_ms=240)
    assert len(ends) == 1
    assert voiced[0] == heard[0] == 51 - VOICELESS


def test_a_tone_before_a_pause_and_speech_is_no_lead() -> None:
    probabilities = [1.0] * 50 + [0.0] * 6 + [1.0] * 30 + [0.0] * 20
    _, _, voiced, heard = run(probabilities, voicing=[0.0] * 56 + [1.0] * 30 + [0.0] * 20, lead_ms=240)
    assert voiced[0] == heard[0] == 54


def test_a_voice_of_a_single_frame_is_none() -> None:
    assert run([1.0] * 60, voicing=([0.0] * 9 + [1.0]) * 6) == ([], [], [], [])


def test_the_voiceless_begin_of_a_word_is_kept() -> None:
    probabilities = [0.0] * 20 + [1.0] * 30 + [0.0] * 20
    starts, _, voiced, _ = run(probabilities, voicing=[0.0] * 24 + [1.0] * 26 + [0.0] * 20)
    assert starts == [17 * FRAME]
    assert voiced[:10] == list(range(17, 27))


def test_a_voiceless_stretch_within_speech_is_kept() -> None:
    probabilities = [1.0] * (30 + HOLD) + [0.0] * 20
    _, ends, voiced, _ = run(probabilities, voicing=[1.0] * 15 + [0.0] * HOLD + [1.0] * 15 + [0.0] * 20)
    assert len(ends) == 1
    assert voiced == list(range(33 + HOLD))


def test_a_tone_that_follows_speech_ends_the_utterance() -> None:
    _, ends, voiced, _ = run([1.0] * 100, voicing=[1.0] * 20 + [0.0] * 80)
    assert voiced[-1] < 20 + HOLD + 3
    assert ends[0][1] <= (20 + HOLD + 3) * FRAME


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.4, 1.0]), st.sampled_from([0.0, 1.0])), max_size=120))
def test_without_a_voice_shortly_before_nothing_is_voiced(frames: list[tuple[float, float]]) -> None:
    _, _, voiced, _ = run([p for p, _ in frames], voicing=[voice for _, voice in frames])
    heard = [index for index in range(1, len(frames)) if frames[index][1] and frames[index - 1][1]]
    pad = 3
    assert all(any(index - HOLD - pad <= at <= index + HOLD + pad for at in heard) for index in voiced)
