import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.audio.resampling import Resampler
from streamauth.core.ports import Samples
from streamauth.errors import UnsupportedSampleRate

RATES = [8_000, 11_025, 22_050, 32_000, 44_100, 48_000]
LONGEST_WAIT_MS = {8_000: 116, 11_025: 84, 22_050: 41, 32_000: 58, 44_100: 41, 48_000: 37}


def tone(rate: int, hz: float, seconds: float, level: float = 0.5) -> Samples:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def resampled(rate: int, *chunks: Samples) -> Samples:
    resampler = Resampler(rate)
    return np.concatenate([*(resampler.feed(chunk) for chunk in chunks), resampler.finish()])


def level_db(samples: Samples) -> float:
    """Root mean square of the middle, in dB of full scale."""
    middle = samples[samples.size // 4 : -samples.size // 4].astype(np.float64)
    return float(10 * np.log10(np.mean(middle**2) + 1e-30))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.sampled_from(RATES),
    st.integers(0, 12_000),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 12_000), max_size=40),
)
def test_any_cut_gives_the_same_samples(rate: int, size: int, seed: int, places: list[int]) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, size).astype(np.float32)
    whole = resampled(rate, samples)
    np.testing.assert_array_equal(whole, resampled(rate, *np.split(samples, sorted(places))))
    assert abs(whole.size - size * 16_000 / rate) <= 0.5


@pytest.mark.parametrize("rate", RATES)
def test_a_long_stream_in_small_chunks(rate: int) -> None:
    samples = np.random.default_rng(1).uniform(-1, 1, rate * 20).astype(np.float32)
    parts = resampled(rate, *np.split(samples, range(0, samples.size, 331)))
    np.testing.assert_array_equal(resampled(rate, samples), parts)
    assert parts.size == 320_000


def test_16_khz_passes_unchanged() -> None:
    samples = tone(16_000, 440, 1)
    np.testing.assert_array_equal(resampled(16_000, samples[:100], samples[100:]), samples)


@pytest.mark.parametrize("hz", [9_000, 10_000, 15_000, 21_000])
def test_what_16_khz_cannot_hold_is_gone(hz: float) -> None:
    kept = resampled(44_100, tone(44_100, hz, 1))
    assert level_db(kept) - level_db(tone(44_100, hz, 1)) < -60


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [100, 1_000, 3_400])
def test_level_is_kept(rate: int, hz: float) -> None:
    assert level_db(resampled(rate, tone(rate, hz, 1))) == pytest.approx(level_db(tone(rate, hz, 1)), abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_output_is_aligned_with_input(rate: int) -> None:
    inner = slice(2_000, -2_000)
    np.testing.assert_allclose(
        resampled(rate, tone(rate, 700, 1))[inner], tone(16_000, 700, 1)[inner], atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("rate", RATES)
def test_wait_is_the_documented_one(rate: int) -> None:
    resampler, given_out, longest = Resampler(rate), 0, 0.0
    for count in range(1, 301):
        given_out += resampler.feed(np.zeros(rate // 100, np.float32)).size
        longest = max(longest, count * (rate // 100) / rate - given_out / 16_000)
    assert longest * 1000 <= LONGEST_WAIT_MS[rate]


@pytest.mark.parametrize("rate", RATES)
def test_clipped_speech_stays_in_range(rate: int) -> None:
    square = np.sign(tone(rate, 300, 1))
    assert np.abs(resampled(rate, square)).max() == 1


@pytest.mark.parametrize("size", [0, 1, 5])
def test_a_stream_too_short_to_fill_the_filter(size: int) -> None:
    assert resampled(48_000, np.ones(size, np.float32)).size == round(size / 3)


@pytest.mark.parametrize("rate", [7_999, 192_001, 0, 16_000.0])
def test_rate_must_be_offered(rate: int) -> None:
    with pytest.raises(UnsupportedSampleRate):
        Resampler(rate)
