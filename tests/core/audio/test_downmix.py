import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamauth.core.audio.downmix import Downmix
from streamauth.core.ports import Samples

RATE = 16_000
SETTLED = slice(RATE // 10, None)


def voice(seconds: float = 2.0, seed: int = 0, level: float = 0.1) -> Samples:
    """Noise in syllables, four a second."""
    time = np.arange(round(RATE * seconds)) / RATE
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * time)
    carrier = np.random.default_rng(seed).standard_normal(time.size)
    return (level * syllables * carrier).astype(np.float32)


def mixed(left: Samples, right: Samples) -> Samples:
    return Downmix(RATE, 2).feed(np.stack([left, right], axis=1))


def test_equal_channels_give_the_same_channel() -> None:
    np.testing.assert_array_equal(mixed(voice(), voice()), voice())


def test_channels_are_averaged() -> None:
    left, right = voice(seed=1), voice(seed=1) * np.float32(0.5)
    np.testing.assert_allclose(mixed(left, right), (left + right) / 2, atol=1e-7)


def test_independent_channels_are_averaged() -> None:
    left, right = voice(seed=1), voice(seed=2)
    np.testing.assert_allclose(mixed(left, right), (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("dead_is_left", [True, False])
@pytest.mark.parametrize("hum", [0.0, 0.003])
def test_beside_a_dead_channel_the_level_is_kept(dead_is_left: bool, hum: float) -> None:
    dead = (hum * np.random.default_rng(5).standard_normal(voice().size)).astype(np.float32)
    mono = mixed(dead, voice()) if dead_is_left else mixed(voice(), dead)
    np.testing.assert_array_equal(mono[SETTLED], voice()[SETTLED])


def test_opposite_polarity_does_not_cancel() -> None:
    np.testing.assert_array_equal(mixed(voice(), -voice())[SETTLED], voice()[SETTLED])


def test_nearly_equal_channels_of_opposite_polarity_are_not_taken_in_turns() -> None:
    right = -voice() + voice(seed=3, level=0.01)
    np.testing.assert_array_equal(mixed(voice(), right)[SETTLED], voice()[SETTLED])


def test_a_channel_that_dies_is_left_behind() -> None:
    left, right = voice(6), voice(6)
    left[2 * RATE :] = 0
    mono = mixed(left, right)
    np.testing.assert_array_equal(mono[: 2 * RATE], right[: 2 * RATE])
    np.testing.assert_array_equal(mono[5 * RATE :], right[5 * RATE :])


def test_a_change_makes_no_click() -> None:
    steady = np.full(RATE, 0.5, np.float32)
    mono = mixed(steady, np.zeros_like(steady))
    assert mono[-1] == 0.5
    assert np.abs(np.diff(mono)).max() < 0.001


def test_silence() -> None:
    assert not mixed(np.zeros(RATE, np.float32), np.zeros(RATE, np.float32)).any()


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6_000), max_size=30), st.sampled_from([8_000, 11_025]))
def test_any_cut_gives_the_same_samples(seed: int, places: list[int], rate: int) -> None:
    rng = np.random.default_rng(seed)
    # channels that come and go, so that the weights change
    gains = rng.choice([0.0, 0.3, 1.0, -1.0], (6, 2)).repeat(1_000, axis=0)
    frames: NDArray[np.float32] = (gains * rng.uniform(-1, 1, (6_000, 1))).astype(np.float32)
    whole, parts = Downmix(rate, 2), Downmix(rate, 2)
    np.testing.assert_array_equal(
        whole.feed(frames), np.concatenate([parts.feed(part) for part in np.split(frames, sorted(places))])
    )


@pytest.mark.parametrize("channels", [3, 6, 8])
def test_many_microphones_that_hear_the_same_are_averaged(channels: int) -> None:
    frames = np.repeat(voice()[:, None], channels, axis=1)
    np.testing.assert_allclose(Downmix(RATE, channels).feed(frames), voice(), atol=1e-6)


@pytest.mark.parametrize("where", [0, 2, 5])
def test_of_many_channels_with_one_voice_that_channel_is_taken(where: int) -> None:
    frames = np.zeros((voice().size, 6), np.float32)
    frames[:, where] = voice()
    np.testing.assert_array_equal(Downmix(RATE, 6).feed(frames)[SETTLED], voice()[SETTLED])
