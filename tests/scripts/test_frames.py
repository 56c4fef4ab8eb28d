"""The file of the frame-wise network, with random weights: a stream gives what the whole recording gives."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scripts.train.frames.graph import graph
from scripts.train.frames.stream import FrameNetwork, FrameStream, State, Sums
from streamauth.core.ports import Samples
from streamauth.engines.encoder.ge2e import mel_spectra
from tests.fakes import say

WIDTH, LAYERS, DIM = 12, 2, 8


@lru_cache(maxsize=1)
def content() -> bytes:
    """The file."""
    rng = np.random.default_rng(5)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return np.asarray(rng.standard_normal(shape) / np.sqrt(shape[-1]), np.float32)

    weights = {
        "bandwidths": np.full(40, 80.0, np.float32),
        "attention.weight": drawn(1, WIDTH + 1),
        "attention.bias": drawn(1),
        "mean.weight": drawn(WIDTH, WIDTH),
        "mean.bias": np.full(WIDTH, 0.5, np.float32),
        "deviation.weight": drawn(WIDTH, WIDTH),
        "project.weight": drawn(DIM, WIDTH),
        "project.bias": drawn(DIM),
    }
    for layer in range(LAYERS):
        weights[f"lstm.weight_ih_l{layer}"] = 4 * drawn(4 * WIDTH, WIDTH if layer else 240)
        weights[f"lstm.weight_hh_l{layer}"] = drawn(4 * WIDTH, WIDTH)
        weights[f"lstm.bias_ih_l{layer}"] = drawn(4 * WIDTH)
        weights[f"lstm.bias_hh_l{layer}"] = drawn(4 * WIDTH)
    return bytes(graph(weights).SerializeToString(deterministic=True))


@pytest.fixture(scope="module")
def network() -> FrameNetwork:
    return FrameNetwork(content())


def speech(seconds: float, speaker: int = 1) -> Samples:
    return np.resize(say("open the front door please", speaker), round(seconds * 16_000))


def pooled(network: FrameNetwork, parts: list[Samples]) -> Sums:
    stream = FrameStream(network)
    return np.asarray(np.sum([stream.pool(part) for part in parts], axis=0))


class Seeing(FrameNetwork):
    """Keeps the frames that the network is given."""

    def __init__(self) -> None:
        super().__init__(content())
        self.seen: list[NDArray[np.float32]] = []

    def run(self, mels: NDArray[np.float32], state: State) -> tuple[Sums, State]:
        self.seen.append(mels)
        return super().run(mels, state)


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 20_000), max_size=12))
def test_cut_anywhere_the_frames_add_up_to_the_same(network: FrameNetwork, cuts: list[int]) -> None:
    audio = speech(1.25)
    whole, parts = pooled(network, [audio]), pooled(network, np.split(audio, sorted(cuts)))
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-4)
    assert network.embed(parts) @ network.embed(whole) > 0.99999


def test_audio_longer_than_one_run_gives_the_same(network: FrameNetwork) -> None:
    audio = speech(12.0)
    np.testing.assert_allclose(pooled(network, [audio]), pooled(network, np.split(audio, 20)), rtol=1e-3, atol=1e-3)


def test_the_frames_of_a_stream_are_those_of_the_whole_recording_each_once() -> None:
    network = Seeing()
    stream, audio = FrameStream(network), speech(1.0)
    for part in np.array_split(audio, 33):
        stream.pool(part)
    found = np.concatenate(network.seen, axis=1).reshape(1, -1, 40)
    assert found.shape[1] == 98  # the last two frames reach beyond what was heard
    np.testing.assert_allclose(found, mel_spectra(audio[None])[:, :98], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("gain", [0.02, 5.0])
def test_loudness_does_not_matter(network: FrameNetwork, gain: float) -> None:
    audio = 0.1 * speech(3.0)
    louder = network.embed(pooled(network, [np.float32(gain) * audio]))
    assert louder @ network.embed(pooled(network, [audio])) > 0.99


def test_voices_differ(network: FrameNetwork) -> None:
    first, second = (network.embed(pooled(network, [speech(3.0, speaker)])) for speaker in (1, 2))
    assert first @ second < 0.99999


def test_silence_gives_an_embedding(network: FrameNetwork) -> None:
    found = network.embed(pooled(network, [np.zeros(16_000, np.float32)]))
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_audio_that_is_not_finite_is_refused(network: FrameNetwork, value: float) -> None:
    audio = speech(1.0)
    audio[7_000] = value
    with pytest.raises(ValueError, match="finite"):
        FrameStream(network).pool(audio)
