import numpy as np
import pytest

from streamauth.core.audio.rooms import in_room, random_room, room_response
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

SIZE, SOURCE = np.array([6.0, 5.0, 3.0], np.float32), np.array([2.0, 1.5, 1.6], np.float32)


def response(distance_m: float = 1.0, reverberation_s: float = 0.5, seed: int = 0) -> Samples:
    microphone = SOURCE + np.array([distance_m, 0, 0], np.float32)
    return room_response(SIZE, SOURCE, microphone, reverberation_s, np.random.default_rng(seed))


@pytest.mark.parametrize("reverberation_s", [0.2, 0.5, 0.8])
def test_it_decays_by_60_db_in_the_time_given(reverberation_s: float) -> None:
    left = np.cumsum(np.square(response(2.0, reverberation_s).astype(np.float64))[::-1])[::-1]
    left_db = 10 * np.log10(left / left[0])
    at_5, at_25 = int(np.argmax(left_db < -5)), int(np.argmax(left_db < -25))
    assert 3 * (at_25 - at_5) / SAMPLE_RATE_HZ == pytest.approx(reverberation_s, rel=0.2)


def test_direct_sound_comes_first_and_falls_with_distance() -> None:
    assert response(1.0)[0] == pytest.approx(1 / (4 * np.pi), rel=1e-3)
    assert response(2.0)[0] == pytest.approx(1 / (8 * np.pi), rel=1e-3)


def test_the_first_reflection_comes_when_the_floor_is_away_by_so_much() -> None:
    # mouth and microphone 1 m apart, ceiling 1.4 m above both: the shortest way of all by a wall
    way_m = np.hypot(1.0, 2 * 1.4)
    at = round((way_m - 1.0) / 343.0 * SAMPLE_RATE_HZ)
    assert int(np.flatnonzero(response(1.0)[1:])[0]) + 1 == at


def test_image_sources_pass_into_noise_of_the_same_power() -> None:
    edge = int(0.03 * SAMPLE_RATE_HZ - 1.0 / 343.0 * SAMPLE_RATE_HZ)
    power = np.mean([np.square(response(1.0, 0.8, seed)) for seed in range(20)], axis=0)
    before, after = power[edge - 240 : edge].mean(), power[edge : edge + 240].mean()
    assert 10 * np.log10(before / after) == pytest.approx(0, abs=3)


def test_random_rooms_differ_and_follow_their_seed() -> None:
    one, same, other = (random_room(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.dtype == np.float32
    assert one.size != other.size
    assert all(np.isfinite(random_room(np.random.default_rng(seed))).all() for seed in range(50))


def test_a_room_keeps_length_and_level() -> None:
    speech = np.random.default_rng(3).standard_normal(8000).astype(np.float32)
    heard = in_room(speech, response())
    assert heard.shape == speech.shape
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(np.sqrt(np.mean(speech**2)), rel=1e-3)


def test_a_room_of_nothing_but_the_direct_sound_changes_nothing() -> None:
    speech = np.random.default_rng(3).standard_normal(8000).astype(np.float32)
    np.testing.assert_allclose(in_room(speech, np.array([0.3], np.float32)), speech, rtol=1e-3, atol=1e-4)
