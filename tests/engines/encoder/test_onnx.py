import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
import soundfile
from numpy.typing import NDArray

from streamauth.catalog.registry import EncoderEntry, models_folder, read_model, read_registry
from streamauth.core.ports import SpeakerEncoder
from streamauth.core.settings import VoiceSettings
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.engines.encoder import self_test
from streamauth.engines.encoder.load import load_encoder
from streamauth.engines.encoder.onnx import RECIPES, OnnxEncoder, self_test_signal
from streamauth.errors import EngineError, ModelCorrupt
from streamauth.evaluation.conditions import degrade

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
LIBRISPEECH = Path(__file__).parents[4] / "shared" / "audio" / "librispeech-251"
NAMES = ("ge2e", "ge2e-noise", "ge2e-noise-int8")
LEAST_COSINE = {"ge2e": 0.9999}


@pytest.fixture(scope="module", params=NAMES)
def encoder(request: pytest.FixtureRequest) -> OnnxEncoder:
    return load_encoder(request.param)


@pytest.fixture(scope="module")
def ge2e() -> OnnxEncoder:
    return load_encoder("ge2e")


def entry_and_content(name: str = "ge2e") -> tuple[EncoderEntry, bytes]:
    entry = read_registry(models_folder())[name]
    assert isinstance(entry, EncoderEntry)
    return entry, read_model(entry, models_folder())


def windows(count: int, samples: int = 16_000) -> NDArray[np.float32]:
    return np.stack([self_test_signal(samples, 90 + 17 * index) for index in range(count)])


def test_the_references_of_the_default_encoder_are_what_it_gives_without_optimization() -> None:
    entry, content = entry_and_content(VoiceSettings().encoder)
    assert len(entry.references) == len(self_test.FRAMES)
    plain = OnnxEncoder(replace(entry, references=()), content).reference_embeddings(content)
    registered = [self_test.decoded(text, entry.dim) for text in entry.references]
    assert self_test.least_cosine(plain, registered) >= self_test.LEAST_COSINE


@pytest.mark.parametrize("name", LEAST_COSINE)
def test_embeddings_are_those_of_resemblyzer(name: str) -> None:
    encoder = load_encoder(name)
    golden = np.load(GOLDEN / "ge2e_synthetic.npz")
    for index, (pitch, samples, gain) in enumerate(golden["signals"]):
        window = np.float32(gain) * self_test_signal(int(samples), pitch)
        assert encoder.embed(window[None])[0] @ golden[f"embedding_{index}"] >= LEAST_COSINE[name]


@pytest.mark.real_audio
@pytest.mark.skipif(not LIBRISPEECH.is_dir(), reason="no recordings of real people")
@pytest.mark.parametrize("model", LEAST_COSINE)
def test_embeddings_of_real_speech_are_those_of_resemblyzer(model: str) -> None:
    encoder = load_encoder(model)
    golden = np.load(GOLDEN / "ge2e_librispeech.npz")
    start = int(golden["start"])
    assert len(golden["names"]) == 10
    for name, expected in zip(golden["names"], golden["embeddings"], strict=True):
        audio, _ = soundfile.read(LIBRISPEECH / str(name), dtype="float32")
        assert encoder.embed(audio[None, start : start + encoder.window_samples])[0] @ expected >= LEAST_COSINE[model]


def test_weights_in_8_bits_give_nearly_the_same() -> None:
    voices = windows(6, 25_600)
    whole, small = load_encoder("ge2e-noise").embed(voices), load_encoder("ge2e-noise-int8").embed(voices)
    assert np.sum(whole * small, axis=1).min() >= 0.995


def test_it_is_what_the_registry_says(encoder: OnnxEncoder) -> None:
    as_port: SpeakerEncoder = encoder
    entry, _ = entry_and_content(as_port.id.split(":")[0])
    assert as_port.id == f"{entry.name}:{entry.sha256[:12]}:{entry.features}"
    assert (as_port.dim, as_port.window_samples, as_port.min_samples) == (256, 25_600, 12_800)


def test_the_id_changes_with_the_weights_and_with_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_encoder("ge2e").id != load_encoder("ge2e-noise").id
    entry, content = entry_and_content()
    monkeypatch.setitem(RECIPES, "ge2e-mel-2", RECIPES["ge2e-mel-1"])
    assert OnnxEncoder(replace(entry, features="ge2e-mel-2"), content).id != OnnxEncoder(entry, content).id


@pytest.mark.parametrize("count", [1, 3, 9])
def test_embeddings_have_unit_length(encoder: OnnxEncoder, count: int) -> None:
    embeddings = encoder.embed(windows(count))
    assert embeddings.shape == (count, 256)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_no_window_gives_no_embedding(ge2e: OnnxEncoder) -> None:
    assert ge2e.embed(windows(1)[:0]).shape == (0, 256)


def test_a_window_in_a_batch_has_the_embedding_that_it_has_alone(encoder: OnnxEncoder) -> None:
    batch = windows(9)
    alone = np.concatenate([encoder.embed(window[None]) for window in batch])
    np.testing.assert_allclose(encoder.embed(batch), alone, atol=1e-5)


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_an_embedding_does_not_depend_on_the_gain(ge2e: OnnxEncoder, gain: float) -> None:
    np.testing.assert_allclose(ge2e.embed(np.float32(gain) * windows(1)), ge2e.embed(windows(1)), atol=1e-5)


def test_the_same_voice_is_nearer_than_another(encoder: OnnxEncoder) -> None:
    clips = demo_utterances()
    phrases = sorted({phrase for _, phrase in clips})[:2]
    embeddings = {}
    for voice in ("awb", "slt"):
        for phrase in phrases:
            audio, _ = soundfile.read(clips[voice, phrase].path, dtype="float32")
            middle = (len(audio) - encoder.window_samples) // 2
            assert middle >= 0
            embeddings[voice, phrase] = encoder.embed(audio[None, middle : middle + encoder.window_samples])[0]
    same = [embeddings[voice, phrases[0]] @ embeddings[voice, phrases[1]] for voice in ("awb", "slt")]
    other = [embeddings["awb", a] @ embeddings["slt", b] for a in phrases for b in phrases]
    assert min(same) > max(other)


@cache
def loaded(name: str) -> OnnxEncoder:
    return load_encoder(name)


@cache
def in_quiet(name: str, voice: str, said: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The first window of an utterance, and its embedding."""
    audio, _ = soundfile.read(demo_utterances()[voice, said].path, dtype="float32")
    window = audio[: loaded(name).window_samples]
    return window, loaded(name).embed(window[None])[0]


@pytest.mark.parametrize("condition", ["pink-10", "pink-5", "reverb", "telephone", "gsm"])
def test_noise_moves_a_voice_less_with_the_encoder_that_was_trained_in_it(condition: str) -> None:
    moved = {}
    for name in ("ge2e", "ge2e-noise-int8"):
        distances, voices = [], {}
        for index, (voice, said) in enumerate(product(VOICES, ("door-1", "passport", "long-2"))):
            clean, embedding = in_quiet(name, voice, said)
            heard = degrade(condition, clean, np.random.default_rng(index))
            distances.append(1 - float(np.dot(embedding, loaded(name).embed(heard[None])[0])))
            voices[voice] = embedding
        # beside how far apart different people are
        apart = [1 - float(one @ other) for one, other in combinations(voices.values(), 2)]
        moved[name] = float(np.mean(distances) / np.mean(apart))
    assert moved["ge2e-noise-int8"] < 0.8 * moved["ge2e"]


def test_many_threads_may_share_it(ge2e: OnnxEncoder) -> None:
    batch = windows(8, 12_800)
    expected = ge2e.embed(batch)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda index: ge2e.embed(batch[index : index + 1]), list(range(8)) * 3))
    np.testing.assert_allclose(np.concatenate(results), np.tile(expected, (3, 1)), atol=1e-5)


def test_memory_does_not_grow_with_use(ge2e: OnnxEncoder) -> None:
    lengths = range(12_800, 25_601, 1_600)

    def use(times: int) -> int:
        for _ in range(times):
            for length in lengths:
                ge2e.embed(windows(1, length))
        return int(psutil.Process().memory_info().rss)

    warm = use(2)
    assert use(6) - warm < 5_000_000


def test_threads_give_the_same_embeddings(ge2e: OnnxEncoder) -> None:
    np.testing.assert_allclose(load_encoder("ge2e", threads=2).embed(windows(4)), ge2e.embed(windows(4)), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 12_799), (1, 0), (12_800,), (1, 1, 25_600)])
def test_a_window_too_short_or_of_another_shape_is_an_engine_error(ge2e: OnnxEncoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(EngineError, match="too short"):
        ge2e.embed(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_audio_that_is_not_finite_is_an_engine_error(ge2e: OnnxEncoder, value: float) -> None:
    window = windows(1)
    window[0, 5_000] = value
    with pytest.raises(EngineError, match="not finite"):
        ge2e.embed(window)


class FakeSession:
    """A runtime that answers as it is told."""

    def __init__(self, answer: Callable[[int], NDArray[np.float32]]) -> None:
        self._answer = answer

    def run(self, outputs: list[str], inputs: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        (features,) = inputs.values()
        return [self._answer(len(features))]


def _raise(_: int) -> Any:
    raise RuntimeError("out of memory")


def test_a_failure_of_the_runtime_is_an_engine_error() -> None:
    encoder = load_encoder("ge2e")
    encoder._session = FakeSession(_raise)
    with pytest.raises(EngineError, match="runtime") as caught:
        encoder.embed(windows(1))
    assert "out of memory" not in caught.value.message


@pytest.mark.parametrize(
    "answer",
    [
        lambda count: np.full((count, 256), np.nan, np.float32),
        lambda count: np.full((count, 256), np.inf, np.float32),
        lambda count: np.zeros((count, 256), np.float32),
        lambda count: np.full((count, 255), 255**-0.5, np.float32),
        lambda count: np.full((count + 1, 256), 1 / 16, np.float32),
    ],
    ids=["nan", "infinite", "zero", "other length", "other count"],
)
def test_what_is_no_embedding_is_an_engine_error(answer: Callable[[int], NDArray[np.float32]]) -> None:
    encoder = load_encoder("ge2e")
    encoder._session = FakeSession(answer)
    with pytest.raises(EngineError, match="no embedding"):
        encoder.embed(windows(2))


def test_a_file_that_is_no_model_is_corrupt() -> None:
    entry, content = entry_and_content()
    with pytest.raises(ModelCorrupt, match="cannot be loaded"):
        OnnxEncoder(entry, content[: len(content) // 2])


def test_an_unknown_recipe_is_corrupt() -> None:
    entry, content = entry_and_content()
    with pytest.raises(ModelCorrupt, match="input"):
        OnnxEncoder(replace(entry, features="some-other-1"), content)


@pytest.mark.parametrize("self_test", ["no base64!", "AAA="])
def test_a_self_test_that_cannot_be_read_is_corrupt(self_test: str) -> None:
    entry, content = entry_and_content()
    with pytest.raises(ModelCorrupt, match="self-test"):
        OnnxEncoder(replace(entry, self_test=self_test), content)


def test_a_model_that_gives_other_results_than_registered_is_refused() -> None:
    entry, content = entry_and_content()
    other = np.random.RandomState(0).rand(256)
    registered = base64.b64encode((other / np.linalg.norm(other)).astype("<f2").tobytes()).decode()
    with pytest.raises(EngineError, match="wrong results"):
        OnnxEncoder(replace(entry, self_test=registered), content)


@pytest.mark.parametrize("path", sorted(models_folder().rglob("*.onnx")), ids=lambda path: path.stem)
def test_no_weights_of_a_shipped_network_overflow_on_a_processor_without_vnni(path: Path) -> None:
    """Pairs of products of unsigned activations and signed weights saturate there at 16 bits, without an error."""
    network = onnx.load(path)
    signed = {one.name for one in network.graph.initializer if one.data_type == onnx.TensorProto.INT8}
    quantized = [node for node in network.graph.node if node.op_type in ("DynamicQuantizeLSTM", "MatMulInteger")]
    assert not signed & {name for node in quantized for name in node.input}
