"""A recording that is played again is known; a person who repeats a phrase is not taken for one."""

from functools import cache, partial
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from streamauth.core.audio.degradation import band_limited, coloured_noise, telephone, with_noise
from streamauth.core.audio.rooms import in_room, room_response
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.replay.comparison import Likeness, likeness
from streamauth.core.replay.rule import heard_before, is_replay
from streamauth.core.replay.trail import BANDS, PHASES, Trail, TrailRecorder
from streamauth.demo_data import demo_utterances

NAMES = sorted(name for name in demo_utterances() if name[1] in ("door-1", "door-2", "coffee", "window"))


@cache
def clip_of(voice: str, text: str) -> Samples:
    samples: Samples = soundfile.read(demo_utterances()[voice, text].path, dtype="float32")[0]
    return samples


def trail_of(samples: Samples) -> Trail:
    recorder = TrailRecorder(30.0)
    recorder.add(samples)
    return recorder.trail()


def quieter(samples: Samples) -> Samples:
    return samples[77:] * np.float32(0.4)


def noisy(samples: Samples, snr_db: float) -> Samples:
    noise = coloured_noise(samples.size, 1.0, np.random.default_rng(3))
    return with_noise(band_limited(quieter(samples), 300, 6500), noise[77:], snr_db)


@pytest.mark.parametrize("play", [quieter, lambda s: telephone(quieter(s)), partial(noisy, snr_db=20)])
def test_a_recording_is_known_again(play) -> None:  # type: ignore[no-untyped-def]
    for name in NAMES:
        assert heard_before([trail_of(play(clip_of(*name)))], [trail_of(clip_of(*name))]), name


def test_other_utterances_are_not_taken_for_replays() -> None:
    for mine, other in pairwise(NAMES):
        found = likeness([trail_of(clip_of(*mine))], [trail_of(clip_of(*other))], prompted=True)
        assert not is_replay(found), (mine, other, found)


def test_pieces_of_several_recordings_are_known() -> None:
    first, second = clip_of("slt", "coffee"), clip_of("slt", "passport")
    middle = SAMPLE_RATE_HZ
    spliced = np.concatenate((second[middle : 2 * middle], first[middle : 2 * middle]))
    earlier = [trail_of(first), trail_of(second)]
    assert not heard_before([trail_of(spliced)], earlier)
    assert heard_before([trail_of(spliced)], earlier, prompted=True)
    assert likeness([trail_of(spliced)], earlier, prompted=True).pieced > 0.9


def in_small_room(samples: Samples) -> Samples:
    size, source = np.array((5.0, 4.0, 2.6)), np.array((2.0, 1.5, 1.2))
    response = room_response(size, source, source + np.array((0.6, 0.3, 0.2)), 0.3, np.random.default_rng(5))
    return noisy(in_room(samples, response), 20)


def test_most_recordings_are_known_in_a_small_room() -> None:
    known = [heard_before([trail_of(in_small_room(clip_of(*name)))], [trail_of(clip_of(*name))]) for name in NAMES]
    assert sum(known) >= 0.8 * len(known)


def test_a_recording_played_faster_is_known() -> None:
    for name in NAMES:
        at = np.arange(0, clip_of(*name).size - 1, 1.01)
        sped = np.interp(at, np.arange(clip_of(*name).size), clip_of(*name)).astype(np.float32)
        assert heard_before([trail_of(sped)], [trail_of(clip_of(*name))]), name


def test_who_says_the_same_in_another_rhythm_is_no_recording() -> None:
    # nearer than anybody comes: the very same sound, but each quarter of a second lasts up to 25 ms more or less
    rng = np.random.default_rng(2)
    for name in NAMES:
        parts = np.array_split(clip_of(*name), clip_of(*name).size // (SAMPLE_RATE_HZ // 4))
        moved = [
            np.pad(part, (0, more), "edge") if more > 0 else part[: part.size + more]
            for part, more in zip(parts, rng.integers(-400, 401, len(parts)), strict=True)
        ]
        found = likeness([trail_of(np.concatenate(moved))], [trail_of(clip_of(*name))])
        assert not is_replay(found), (name, found)


def test_a_thump_is_like_another_one_and_tells_nothing() -> None:
    rng, at = np.random.default_rng(7), np.arange(SAMPLE_RATE_HZ // 50)
    thump = np.sin(2 * np.pi * 120 * at / SAMPLE_RATE_HZ) * np.hanning(at.size)

    def thumping() -> tuple[Trail, ...]:
        noise = 1e-3 * rng.standard_normal(3 * SAMPLE_RATE_HZ)
        for begin in (8_000, 24_000, 40_000):
            noise[begin : begin + at.size] += thump
        return trails_of(noise.astype(np.float32))

    assert likeness(thumping(), [thumping()[0]], prompted=True) == Likeness()


def trails_of(samples: Samples) -> tuple[Trail, ...]:
    recorder = TrailRecorder(30.0, PHASES)
    recorder.add(samples)
    return recorder.trails()


def words_of(clip: str) -> list[Samples]:
    """Half seconds of one recording, as an attacker would cut words out."""
    samples = clip_of("slt", clip)
    return [samples[at : at + SAMPLE_RATE_HZ * 6 // 10] for at in range(SAMPLE_RATE_HZ // 2, SAMPLE_RATE_HZ * 3, 9600)]


def joined(*words: Samples) -> Samples:
    return np.concatenate([part for word in words for part in (word, np.zeros(1200, np.float32))])


@pytest.mark.parametrize("play", [quieter, lambda s: telephone(quieter(s)), partial(noisy, snr_db=20)])
def test_one_recording_of_a_word_does_not_serve_twice_in_a_prompt(play) -> None:  # type: ignore[no-untyped-def]
    one, two, three, *_ = words_of("coffee")
    assert heard_before(trails_of(play(joined(one, two, one, three))), [], prompted=True)
    assert not heard_before(trails_of(play(joined(one, two, three))), [], prompted=True)
    assert not heard_before(trails_of(play(joined(one, two, one, three))), [], prompted=False)


def test_one_recording_of_a_word_does_not_serve_in_two_prompts() -> None:
    one, two, three, four, *_ = words_of("coffee")
    others = words_of("passport")
    kept = trails_of(joined(one, two, three))[0]
    assert heard_before(trails_of(quieter(joined(others[0], others[1], two, others[2]))), [kept], prompted=True)
    assert not heard_before(trails_of(quieter(joined(*others[:3], four))), [kept], prompted=True)


def test_who_says_the_same_words_again_to_a_prompt_is_no_recording() -> None:
    first, second = trails_of(clip_of("slt", "door-1")), trails_of(clip_of("slt", "door-2"))
    assert not heard_before(second, [first[0]], prompted=True)
    again = trails_of(joined(clip_of("slt", "door-1"), clip_of("slt", "door-2")))
    assert not heard_before(again, [], prompted=True)


def test_trails_at_later_phases_do_not_depend_on_how_audio_is_cut() -> None:
    samples, recorder = clip_of(*NAMES[0]), TrailRecorder(30.0, PHASES)
    for at in range(0, samples.size, 37):
        recorder.add(samples[at : at + 37])
    for number, trail in enumerate(recorder.trails()):
        np.testing.assert_array_equal(trail, trail_of(samples[number * 40 :]))


def test_nothing_and_silence_are_like_nothing() -> None:
    speech, silence = trail_of(clip_of(*NAMES[0])), trail_of(np.zeros(SAMPLE_RATE_HZ * 2, np.float32))
    empty = trail_of(np.zeros(100, np.float32))
    assert empty.shape == (0, BANDS)
    for heard, earlier in ((silence, speech), (speech, silence), (empty, speech), (speech, empty), (silence, silence)):
        assert likeness([heard], [earlier], prompted=heard is silence) == Likeness()
    assert not heard_before([speech], [], prompted=True)


def test_a_trail_does_not_depend_on_how_audio_is_cut() -> None:
    samples, rng = clip_of(*NAMES[0]), np.random.default_rng(1)
    recorder, at = TrailRecorder(30.0), 0
    while at < samples.size:
        size = int(rng.integers(1, 900))
        recorder.add(samples[at : at + size])
        at += size
        if rng.random() < 0.1:
            recorder.trail()
    np.testing.assert_array_equal(recorder.trail(), trail_of(samples))


def test_a_trail_ends_at_its_limit() -> None:
    recorder = TrailRecorder(1.0)
    for _ in range(5):
        recorder.add(clip_of(*NAMES[0])[:SAMPLE_RATE_HZ])
    assert recorder.trail().shape == (100, BANDS)
    assert recorder.trail().dtype == np.int8
