from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamauth.engines.encoder import ge2e
from streamauth.engines.encoder.onnx import self_test_signal

GOLDEN = np.load(Path(__file__).parents[2] / "data" / "golden" / "ge2e_synthetic.npz")
"""What Resemblyzer itself gives, made by `scripts/train/ge2e/export.py --goldens`."""


def signal(index: int) -> NDArray[np.float32]:
    pitch, samples, gain = GOLDEN["signals"][index]
    return np.float32(gain) * self_test_signal(int(samples), pitch)


@pytest.mark.parametrize("index", range(len(GOLDEN["signals"])))
def test_mel_spectra_are_those_of_resemblyzer(index: int) -> None:
    ours, theirs = ge2e.mel_spectra(signal(index)[None])[0], GOLDEN[f"mels_{index}"]
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=0)


def test_a_window_in_a_batch_has_the_features_that_it_has_alone() -> None:
    windows = np.stack([self_test_signal(16_000, pitch) for pitch in (100, 150, 200)])
    together = ge2e.window_features(windows)
    np.testing.assert_array_equal(together[1], ge2e.window_features(windows[1:2])[0])


@pytest.mark.parametrize("samples", [12_800, 14_400, 25_600])
def test_a_window_has_a_frame_for_each_hop(samples: int) -> None:
    features = ge2e.window_features(self_test_signal(samples)[None])
    assert features.shape == (1, samples // 160, 40)
    assert features.dtype == np.float32


@pytest.mark.parametrize("gain_db", [-40, -20, 10])
def test_features_do_not_depend_on_the_gain(gain_db: int) -> None:
    window = self_test_signal(16_000)[None]
    louder = window * np.float32(10 ** (gain_db / 20))
    np.testing.assert_allclose(ge2e.window_features(louder), ge2e.window_features(window), rtol=1e-5, atol=0)


def test_every_window_is_brought_to_the_level() -> None:
    windows = np.stack([self_test_signal(12_800), 0.01 * self_test_signal(12_800, 200)])
    rms = np.sqrt(np.mean(ge2e.at_level(windows, -24.0) ** 2, axis=1))
    np.testing.assert_allclose(20 * np.log10(rms), -24.0, atol=1e-6)


def test_digital_silence_stays_silence() -> None:
    windows = np.zeros((2, 12_800), np.float32)
    windows[1] = self_test_signal(12_800)
    features = ge2e.window_features(windows)
    assert not features[0].any()
    assert features[1].any()


def test_the_features_leave_their_input_alone() -> None:
    window = self_test_signal(12_800)[None]
    before = window.copy()
    ge2e.window_features(window)
    np.testing.assert_array_equal(window, before)


def test_filters_have_unit_area_and_reach_from_the_lowest_to_the_highest_frequency() -> None:
    filters = ge2e.mel_filters()
    assert filters.shape == (40, 201)
    assert (filters >= 0).all()
    # the narrow ones are sampled coarsely, three bins wide
    np.testing.assert_allclose(filters.sum(axis=1)[20:] * 40, 1, atol=0.02)
    centres = filters.argmax(axis=1) * 40
    assert (np.diff(centres) > 0).all()
    assert centres[0] < 120
    assert centres[-1] > 7000
