"""Features against kaldi-native-fbank as upstream sets it, and against independent NumPy implementations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kaldi_native_fbank
import numpy as np
import pytest
from numpy.typing import NDArray

from streamauth.engines.encoder.nemo_mel import NemoRecipe
from streamauth.engines.encoder.recipes import LAYOUTS, RECIPES
from streamauth.engines.encoder.self_test import self_test_signal

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "nemo_mel.npz"
KALDI = {"wespeaker-fbank-1": ("hamming", 32768.0), "3dspeaker-fbank-1": ("povey", 1.0)}
Array = NDArray[np.floating[Any]]


def sounds() -> list[NDArray[np.float32]]:
    noise = (0.05 * np.random.RandomState(1).standard_normal(20_011)).astype(np.float32)
    offset = (self_test_signal(12_800, 210.0) + 0.02).astype(np.float32)
    return [self_test_signal(32_000), noise, offset]


@pytest.fixture(params=range(3), ids=["voice", "noise", "voice with DC offset"])
def sound(request: pytest.FixtureRequest) -> NDArray[np.float32]:
    return sounds()[int(request.param)]


def kaldi_by_numpy(samples: Array, window: str, scale: float) -> Array:
    """Kaldi's filter banks without their mean, written from its documentation, in double precision."""
    index = np.arange(400)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * index / 399)
    shape = {"povey": hann**0.85, "hamming": 0.54 - 0.46 * np.cos(2 * np.pi * index / 399)}[window]
    mel: Callable[[Array], Array] = lambda hertz: 1127.0 * np.log(1.0 + hertz / 700.0)  # noqa: E731
    edges = np.linspace(mel(np.array(20.0)), mel(np.array(8000.0)), 82)
    bins = mel(np.arange(257) * 16_000 / 512)
    rows = []
    for start in range(0, len(samples) - 399, 160):
        frame = scale * samples[start : start + 400].astype(np.float64)
        frame = frame - frame.mean()
        frame = np.concatenate((frame[:1] * (1 - 0.97), frame[1:] - 0.97 * frame[:-1]))
        power = np.abs(np.fft.rfft(frame * shape, 512)) ** 2
        row = []
        for band in range(80):
            low, centre, high = edges[band : band + 3]
            rise, fall = (bins - low) / (centre - low), (high - bins) / (high - centre)
            weights = np.maximum(0, np.minimum(rise, fall))
            weights[256] = 0  # Kaldi leaves the bin of the Nyquist frequency out
            row.append(np.log(max(float(weights @ power), float(np.finfo(np.float32).eps))))
        rows.append(row)
    banks: Array = np.array(rows)
    return np.asarray(banks - banks.mean(axis=0))


def kaldi_by_upstream(samples: NDArray[np.float32], window: str, scale: float) -> Array:
    """As WeSpeaker and 3D-Speaker set Kaldi: everything by default but window, dither and the number of bands."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = 16_000
    options.frame_opts.frame_length_ms = 25
    options.frame_opts.frame_shift_ms = 10
    options.frame_opts.dither = 0
    options.frame_opts.window_type = window
    options.frame_opts.snip_edges = True
    options.frame_opts.remove_dc_offset = True
    options.frame_opts.preemph_coeff = 0.97
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = 0  # up to the Nyquist frequency
    options.use_energy = False
    options.use_power = True
    options.use_log_fbank = True
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(16_000, (samples * np.float32(scale)).tolist())
    bank.input_finished()
    banks = np.array([bank.get_frame(index) for index in range(bank.num_frames_ready)], np.float64)
    return np.asarray(banks - banks.mean(axis=0))


@pytest.mark.parametrize("recipe", KALDI)
def test_kaldi_features_are_those_of_upstream(recipe: str, sound: NDArray[np.float32]) -> None:
    (found,) = RECIPES[recipe]({}).features(sound[None])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, kaldi_by_upstream(sound, *KALDI[recipe]), atol=1e-4)


@pytest.mark.parametrize("recipe", KALDI)
def test_kaldi_features_are_those_of_an_independent_implementation(recipe: str, sound: NDArray[np.float32]) -> None:
    (found,) = RECIPES[recipe]({}).features(sound[None])
    differences = np.abs(found - kaldi_by_numpy(sound, *KALDI[recipe]))
    # Kaldi computes in single precision: it shows where the one bin of a narrow band nearly cancels
    assert np.sort(differences.ravel())[-3] < 1e-4
    assert differences.max() < 1e-3
    assert np.sqrt(np.mean(np.square(differences))) < 2e-5


@pytest.mark.parametrize("recipe", KALDI)
def test_kaldi_features_of_silence_are_finite(recipe: str) -> None:
    assert np.isfinite(RECIPES[recipe]({}).features(np.zeros((1, 12_800), np.float32))).all()


def test_the_two_kaldi_recipes_differ() -> None:
    window = sounds()[0][None]
    one, other = (RECIPES[recipe]({}).features(window) for recipe in KALDI)
    assert np.abs(one - other).max() > 0.1


def nemo_by_numpy(samples: Array, bands: int, frame_samples: int) -> Array:
    """NeMo's features, frame by frame and band by band, in double precision."""
    sound = samples.astype(np.float64)
    sound = np.append(sound[0], sound[1:] - 0.97 * sound[:-1])
    sound = np.concatenate((sound[256:0:-1], sound, sound[-2:-258:-1]))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame_samples) / (frame_samples - 1))

    def hertz(mel: float) -> float:
        return 200 / 3 * mel if mel < 15 else float(1000 * 6.4 ** ((mel - 15) / 27))

    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = [hertz(mel) for mel in np.linspace(0, top, bands + 2)]
    frequencies = np.arange(257) * 16_000 / 512
    rows = []
    for index in range(1 + len(samples) // 160):
        middle = index * 160 + 256
        frame = sound[middle - frame_samples // 2 : middle + frame_samples // 2] * window
        power = np.abs(np.fft.rfft(frame, 512)) ** 2
        row = []
        for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
            triangle = np.minimum((frequencies - low) / (centre - low), (high - frequencies) / (high - centre))
            row.append(np.log(2 / (high - low) * np.maximum(0, triangle) @ power + 2**-24))
        rows.append(row)
    logs = np.array(rows)
    deviation = np.sqrt(np.square(logs - logs.mean(axis=0)).sum(axis=0) / (len(logs) - 1))
    return np.asarray((logs - logs.mean(axis=0)) / (deviation + 1e-5))


@pytest.mark.parametrize(("bands", "frame_ms"), [(80, 25), (64, 20)])
def test_nemo_features_are_those_of_an_independent_implementation(
    bands: int, frame_ms: int, sound: NDArray[np.float32]
) -> None:
    metadata = {"feat_dim": str(bands), "window_size_ms": str(frame_ms)}
    (found,) = RECIPES["nemo-mel-1"](metadata).features(sound[None])
    np.testing.assert_allclose(found, nemo_by_numpy(sound, bands, frame_ms * 16), atol=1e-4)


@pytest.mark.parametrize(("case", "bands", "frame_ms", "samples"), [
    ("titanet", 80, 25, 20_011), ("speakernet", 64, 20, 16_000),
])  # fmt: skip
def test_nemo_features_are_those_of_pytorch_and_librosa(case: str, bands: int, frame_ms: int, samples: int) -> None:
    metadata = {"feat_dim": str(bands), "window_size_ms": str(frame_ms)}
    (found,) = RECIPES["nemo-mel-1"](metadata).features(self_test_signal(samples)[None])
    np.testing.assert_allclose(found[::5], np.load(GOLDEN)[case], atol=1e-4)


@pytest.mark.parametrize("metadata", [
    {"feature_normalize_type": "all_features"}, {"window_type": "kaiser"}, {"feat_dim": "many"}, {"feat_dim": "0"},
    {"window_size_ms": "40"}, {"window_stride_ms": "0"}, {"window_size_ms": "nan"},
])  # fmt: skip
def test_nemo_metadata_that_ask_for_unknown_features_are_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"features|literal"):
        NemoRecipe.of(metadata)


@pytest.mark.parametrize("recipe", RECIPES)
def test_features_are_of_each_window_alone(recipe: str) -> None:
    windows = np.stack([self_test_signal(16_000, pitch) for pitch in (100.0, 150.0, 200.0)])
    made = RECIPES[recipe]({})
    together = made.features(windows)
    assert together.shape[2] == made.bands
    for window, features in zip(windows, together, strict=True):
        np.testing.assert_allclose(made.features(window[None])[0], features, atol=1e-6)


@pytest.mark.parametrize("recipe", ["wespeaker-fbank-1", "3dspeaker-fbank-1", "nemo-mel-1"])
def test_each_window_has_its_own_mean(recipe: str) -> None:
    made = RECIPES[recipe]({})
    sound = self_test_signal(48_000)
    for start in (0, 16_000):
        (features,) = made.features(sound[None, start : start + 32_000])
        np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)


def test_the_layout_of_nemo_pads_and_tells_the_length() -> None:
    features = np.ones((2, 101, 80), np.float32)
    tensor, lengths = LAYOUTS["bands-frames-length"].arrange(features)
    assert tensor.shape == (2, 80, 112)
    assert not tensor[:, :, 101:].any()
    assert lengths.tolist() == [101, 101]
    assert lengths.dtype == np.int64
