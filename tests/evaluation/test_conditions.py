from functools import cache

import numpy as np
import pytest

from streamauth.core.audio.degradation import mu_law, with_noise
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.evaluation.conditions import CONDITIONS, EVALUATED, degrade, talkers


def voice(seed: int, seconds: float = 2.0) -> Samples:
    """Swelling harmonics and hiss: something with the bandwidth and the pauses of speech."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tone = np.sum([np.sin(2 * np.pi * 120 * k * times + seed) / k for k in range(1, 50)], axis=0)
    swell = np.clip(np.sin(2 * np.pi * 1.5 * times), 0, 1)
    return np.asarray(0.1 * swell * tone + 0.002 * rng.standard_normal(times.size), np.float32)


SPEECH = voice(0)


@cache
def others() -> tuple[Samples, ...]:
    return tuple(voice(seed, 1.0 + seed / 10) for seed in range(1, 9))


def under(name: str, speech: Samples = SPEECH, seed: int = 7) -> Samples:
    return degrade(name, speech, np.random.default_rng(seed), others())


def power_db(audio: Samples, low_hz: float, high_hz: float) -> float:
    power = np.square(np.abs(np.fft.rfft(audio)))
    hertz = np.fft.rfftfreq(audio.size, 1 / SAMPLE_RATE_HZ)
    return float(10 * np.log10(power[(hertz >= low_hz) & (hertz < high_hz)].sum() + 1e-20))


@pytest.mark.parametrize("name", CONDITIONS)
def test_keeps_length_and_type_and_is_bounded_finite_and_seeded(name: str) -> None:
    before = SPEECH.copy()
    found = under(name)
    assert found.shape == SPEECH.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1
    np.testing.assert_array_equal(found, under(name))
    np.testing.assert_array_equal(SPEECH, before)


@pytest.mark.parametrize("name", [name for name in CONDITIONS if name != "clean"])
def test_changes_what_it_is_given(name: str) -> None:
    assert np.abs(under(name) - SPEECH).max() > 1e-3


@pytest.mark.parametrize("name", [name for name in CONDITIONS if "-" in name or name == "reverb"])
def test_another_seed_gives_another_noise_or_room(name: str) -> None:
    assert not np.array_equal(under(name), under(name, seed=8))


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("samples", [1, 100, 4001])
def test_takes_the_shortest_clips(name: str, samples: int) -> None:
    assert under(name, SPEECH[4000 : 4000 + samples]).shape == (samples,)


@pytest.mark.parametrize("name", CONDITIONS)
def test_silence_stays_nearly_silent(name: str) -> None:
    assert np.abs(under(name, np.zeros(8000, np.float32))).max() < 1e-2


def test_the_evaluated_conditions_are_those_promised() -> None:
    noises = [f"{kind}-{snr_db}" for kind in ("babble", "pink") for snr_db in (20, 10, 5)]
    assert set(EVALUATED) == {"clean", "reverb", "telephone", *noises}
    assert set(EVALUATED) <= set(CONDITIONS)


def test_clean_is_what_it_was() -> None:
    np.testing.assert_array_equal(under("clean"), SPEECH)


@pytest.mark.parametrize("kind", ["babble", "pink", "white"])
@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_the_ratio_is_that_of_the_whole_clip(kind: str, snr_db: int) -> None:
    noise = under(f"{kind}-{snr_db}") - SPEECH
    assert 10 * np.log10(SPEECH.var() / noise.var()) == pytest.approx(snr_db, abs=0.1)


def test_pink_noise_falls_by_three_decibels_an_octave_and_white_rises_by_as_much() -> None:
    for kind, difference in (("pink", 0.0), ("white", 3.0)):
        noise = under(f"{kind}-5", voice(0, 8.0)) - voice(0, 8.0)
        octaves = [power_db(noise, low, 2 * low) for low in (250, 500, 1000, 2000)]
        np.testing.assert_allclose(np.diff(octaves), difference, atol=0.5)


def test_a_telephone_has_its_band_only() -> None:
    heard = under("telephone")
    assert power_db(heard, 400, 3300) == pytest.approx(power_db(SPEECH, 400, 3300), abs=1)
    assert power_db(heard, 0, 200) < power_db(SPEECH, 0, 200) - 15
    assert power_db(heard, 4100, 8000) < power_db(heard, 400, 3300) - 40


def test_gsm_has_half_the_band() -> None:
    assert power_db(under("gsm"), 4200, 8000) < power_db(under("gsm"), 300, 3400) - 40


@pytest.mark.parametrize("name", ["telephone", "gsm", "opus", "mp3", "reverb"])
def test_nothing_is_delayed(name: str) -> None:
    heard = under(name)
    spectrum = np.fft.rfft(heard, 2 * heard.size) * np.conj(np.fft.rfft(SPEECH, 2 * heard.size))
    lags = np.fft.irfft(spectrum)
    # within a period of the tone, which lags alike
    assert np.argmax(np.roll(lags, 66)[:132]) == pytest.approx(66, abs=30)
    envelope = [np.sqrt(np.square(audio[: 320 * 100].reshape(100, 320)).mean(axis=1)) for audio in (heard, SPEECH)]
    shifts = [np.corrcoef(np.roll(envelope[1], by), envelope[0])[0, 1] for by in range(-10, 11)]
    assert abs(int(np.argmax(shifts)) - 10) <= 2


def test_quiet_and_clipped_have_their_levels() -> None:
    assert 20 * np.log10(np.sqrt(np.mean(under("quiet") ** 2))) == pytest.approx(-55, abs=0.2)
    assert np.mean(np.abs(under("clipped")) == 1) > 0.02


def test_mu_law_keeps_speech_within_its_38_decibels() -> None:
    error = mu_law(SPEECH) - SPEECH
    assert 30 < 10 * np.log10(SPEECH.var() / error.var()) < 42


def test_names_joined_are_applied_in_turn() -> None:
    both = under("telephone+quiet")
    assert power_db(both, 4100, 8000) < power_db(both, 400, 3300) - 10
    assert 20 * np.log10(np.sqrt(np.mean(both**2))) == pytest.approx(-55, abs=0.2)


def test_what_would_exceed_full_scale_is_scaled_as_a_whole() -> None:
    loud = np.asarray(SPEECH / np.abs(SPEECH).max(), np.float32)
    heard = under("white-5", loud)
    assert np.abs(heard).max() == pytest.approx(1)
    assert np.sum(np.abs(heard) > 0.9999) < 3


def test_babble_is_of_the_others_and_needs_them() -> None:
    rng = np.random.default_rng(1)
    other = others()[0]
    one = talkers(other.size, [other], 6, rng)
    level = np.sqrt(np.mean(other**2))
    np.testing.assert_allclose(np.sort(one), np.sort(other) / level, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="needs speech of others"):
        degrade("babble-10", SPEECH, rng)


def test_noise_without_power_adds_nothing() -> None:
    np.testing.assert_array_equal(with_noise(SPEECH, np.zeros_like(SPEECH), 10), SPEECH)


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no condition of that name; there are: clean, babble-20"):
        under("clean+rain")


@pytest.mark.parametrize(
    "speech",
    [np.zeros((2, 100), np.float32), np.zeros(0, np.float32), np.full(100, np.nan, np.float32)],
    ids=["stereo", "empty", "nan"],
)
def test_what_is_no_speech_is_refused(speech: Samples) -> None:
    with pytest.raises(ValueError, match="one channel of finite samples"):
        under("clean", speech)
