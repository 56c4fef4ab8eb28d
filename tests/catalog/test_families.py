"""Each family of encoders from the web to an embedding, on files with the tensors of its own exports."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import psutil
import pytest
from numpy.typing import NDArray

from streamauth.catalog import installer
from streamauth.catalog.registry import Catalog, EncoderEntry, read_registry
from streamauth.core.ports import SpeakerEncoder
from streamauth.engines.encoder.load import load_encoder, with_references
from streamauth.engines.encoder.onnx import OnnxEncoder, session_options
from streamauth.engines.encoder.recipes import LAYOUTS, RECIPES
from streamauth.engines.encoder.self_test import self_test_signal
from streamauth.errors import ModelCorrupt, RuntimeTooOld, WrongResults
from streamauth.settings import ModelSettings
from tests.catalog import making
from tests.catalog.rig import Answer, Site, encoder_table, write_registry

MODELS = Path(__file__).parents[2] / "models"
FAMILIES: dict[str, tuple[Callable[[], bytes], dict[str, Any]]] = {
    "wespeaker": (making.wespeaker, {}),
    "wespeaker with metadata": (lambda: making.wespeaker(metadata=making.wespeaker_metadata(256)), {}),
    "3dspeaker": (making.three_d_speaker, {"features": "3dspeaker-fbank-1", "dim": 192}),
    "campplus": (
        making.campplus,
        {"features": "3dspeaker-fbank-1", "dim": 192, "requires": ["onnxruntime>=1.29"]},
    ),
    "titanet": (making.nemo, {"features": "nemo-mel-1", "layout": "bands-frames-length", "dim": 192}),
    "speakernet": (
        lambda: making.nemo(256, bands=64, frame_ms=20),
        {"features": "nemo-mel-1", "layout": "bands-frames-length", "dim": 256},
    ),
}


def windows(count: int, samples: int = 32_000) -> NDArray[np.float32]:
    return np.stack([self_test_signal(samples, 90 + 17 * index) for index in range(count)])


def installed(site: Site, registry: Path, content: bytes, **fields: Any) -> Path:
    site.answers["/net.onnx"] = Answer(content)
    write_registry(registry, encoder_table("net", content, f"{site.url}/net.onnx", **fields))
    installer.accept(Catalog(), Catalog().find("net").entry)
    return installer.pull(Catalog(), "net", ModelSettings(min_free_mb=0), lambda came, total: None, with_references)


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, site: Site, registry: Path) -> tuple[OnnxEncoder, bytes, EncoderEntry]:
    make, fields = FAMILIES[request.param]
    content = make()
    installed(site, registry, content, **fields)
    entry = Catalog().find("net").entry
    assert isinstance(entry, EncoderEntry)
    return load_encoder("net"), content, entry


def test_a_pulled_encoder_embeds(family: tuple[OnnxEncoder, bytes, EncoderEntry]) -> None:
    encoder, content, entry = family
    as_port: SpeakerEncoder = encoder
    assert as_port.id == f"net:{entry.sha256[:12]}:{entry.features}"
    found = as_port.embed(windows(3))
    assert found.shape == (3, entry.dim)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert found[0] @ found[2] < 0.9999
    # the file's own graph on the recipe's features, put in by hand
    network = onnxruntime.InferenceSession(content)
    metadata = network.get_modelmeta().custom_metadata_map
    features = RECIPES[entry.features](metadata).features(windows(3))
    if entry.layout == "frames-bands":
        (expected,) = network.run(None, {network.get_inputs()[0].name: features})
    else:
        padded = np.zeros((3, features.shape[2], 16 * -(-features.shape[1] // 16)), np.float32)
        padded[:, :, : features.shape[1]] = features.transpose(0, 2, 1)
        lengths = np.full(3, features.shape[1], np.int64)
        expected = network.run(["embs"], {"audio_signal": padded, "length": lengths})[0]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_window_has_the_embedding_that_it_has_alone(family: tuple[OnnxEncoder, bytes, EncoderEntry]) -> None:
    encoder = family[0]
    alone = np.concatenate([encoder.embed(window[None]) for window in windows(5)])
    np.testing.assert_allclose(encoder.embed(windows(5)), alone, atol=1e-5)


def test_references_are_stored_and_used(family: tuple[OnnxEncoder, bytes, EncoderEntry]) -> None:
    _, content, entry = family
    assert len(entry.references) == 4
    turned = (*entry.references[1:], entry.references[0])
    with pytest.raises(WrongResults, match="cosine"):
        OnnxEncoder(_replaced(entry, references=turned), content)
    with pytest.raises(ModelCorrupt):
        OnnxEncoder(_replaced(entry, references=("AAAA",) * 4), content)


def _replaced(entry: EncoderEntry, **changes: Any) -> EncoderEntry:
    return replace(entry, **changes)


def test_an_optimization_that_changes_results_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on ONNX Runtime 1.28, which scripts/measure/check_runtime.py tries in an environment of its own."""
    content = making.campplus()
    entry = _replaced(_entry_of(MODELS, "3dspeaker-campplus-zh-en"), requires=(), dim=192)
    OnnxEncoder(entry, content)
    run = OnnxEncoder._raw

    def wrong(self: OnnxEncoder, network: Any, features: NDArray[np.float32]) -> NDArray[np.float32]:
        # what optimizes takes a last block for a whole one, as the fused pooling did
        optimizes = network.get_session_options().graph_optimization_level
        scale = 0.5 if optimizes != onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL else 1.0
        return run(self, network, features) + np.float32(1 - scale) * np.arange(192, dtype=np.float32)

    monkeypatch.setattr(OnnxEncoder, "_raw", wrong)
    with pytest.raises(WrongResults, match=onnxruntime.__version__):
        OnnxEncoder(entry, content)


def test_a_runtime_that_is_too_old_is_told_before_the_download(site: Site, registry: Path) -> None:
    with pytest.raises(RuntimeTooOld, match=r"needs onnxruntime>=99\.1; installed is 1"):
        installed(site, registry, making.wespeaker(), requires=["onnxruntime>=99.1"])
    with pytest.raises(RuntimeTooOld, match="installed is none"):
        installed(site, registry, making.wespeaker(), requires=["no-such-package>=1"])
    assert not site.asked


@pytest.mark.parametrize(
    "fields",
    [{"dim": 255}, {"layout": "bands-frames-length"}, {"features": "ge2e-mel-1"}, {"features": "other-1"},
     {"layout": "other"}, {"sample_rate_hz": 8000}],
)  # fmt: skip
def test_an_encoder_that_is_not_as_registered_is_not_installed(
    site: Site, registry: Path, fields: dict[str, Any]
) -> None:
    with pytest.raises(ModelCorrupt):
        installed(site, registry, making.wespeaker(), **fields)
    assert Catalog().find("net").contents is None
    assert not [path for path in (registry.parent / "home/models").iterdir() if path.name != "accepted-licences.txt"]


def test_every_registered_encoder_has_a_known_recipe_and_layout() -> None:
    entries = [entry for entry in read_registry(MODELS).values() if isinstance(entry, EncoderEntry)]
    assert len(entries) >= 17
    for entry in entries:
        assert entry.features in RECIPES
        assert (entry.layout == "bands-frames-length") == (entry.features == "nemo-mel-1")
        assert entry.layout in LAYOUTS
        # what upstream's CAM++ needs, however it is called
        assert ("onnxruntime>=1.29" in entry.requires) == ("campplus" in entry.name)


def test_memory_stays_flat_over_all_lengths_of_windows(site: Site, registry: Path) -> None:
    installed(site, registry, making.campplus(), features="3dspeaker-fbank-1", dim=192)
    encoder = load_encoder("net")
    lengths = range(12_800, 48_001, 1_600)

    def use(times: int) -> int:
        for _ in range(times):
            for length in lengths:
                encoder.embed(windows(1, length))
        return int(psutil.Process().memory_info().rss)

    warm = use(2)
    assert use(4) - warm < 5_000_000


def test_no_session_keeps_memory_for_the_longest_input() -> None:
    options = session_options(1)
    assert not options.enable_cpu_mem_arena
    assert not options.enable_mem_pattern


def _entry_of(folder: Path, name: str) -> EncoderEntry:
    entry = read_registry(folder)[name]
    assert isinstance(entry, EncoderEntry)
    return entry
