import pickle
from pathlib import Path

import numpy as np
import pytest

from streamauth.catalog import registry as registry_module
from streamauth.catalog.entries import EncoderEntry
from streamauth.catalog.registry import Catalog
from streamauth.engines.encoder import own
from streamauth.engines.encoder.load import load_encoder
from streamauth.engines.encoder.own import Described, add_encoder
from streamauth.engines.encoder.self_test import self_test_signal
from streamauth.errors import BadModel, InputError, ModelCorrupt, RuntimeTooOld
from tests.catalog import making
from tests.catalog.rig import write_registry


@pytest.fixture(autouse=True)
def _registry(registry: Path) -> None:
    write_registry(registry)


@pytest.mark.parametrize(("content", "recipe", "dim"), [
    (making.wespeaker(), "wespeaker-fbank-1", 256),
    (making.wespeaker(100, metadata=making.wespeaker_metadata(100)), "wespeaker-fbank-1", 100),
    (making.three_d_speaker(), "3dspeaker-fbank-1", 192),
    (making.campplus(512), "3dspeaker-fbank-1", 512),
    (making.nemo(), "nemo-mel-1", 192),
    (making.nemo(256, bands=64, frame_ms=20), "nemo-mel-1", 256),
])  # fmt: skip
def test_a_file_is_recognized_by_its_metadata_and_tensors(content: bytes, recipe: str, dim: int) -> None:
    entry = add_encoder(Catalog(), content, Described("mine", window_s=2.0))
    assert (entry.features, entry.dim, entry.window_samples, entry.max_batch) == (recipe, dim, 32_000, 4)
    model = Catalog().find("mine")
    assert isinstance(model.entry, EncoderEntry)
    assert len(model.entry.references) == 4
    encoder = load_encoder("mine")
    assert encoder.id.startswith("mine:")
    assert encoder.embed(self_test_signal(32_000)[None]).shape == (1, dim)


def test_a_file_without_metadata_needs_a_recipe() -> None:
    content = making.three_d_speaker(metadata=False)
    with pytest.raises(BadModel, match="--recipe"):
        add_encoder(Catalog(), content, Described("mine"))
    assert add_encoder(Catalog(), content, Described("mine", "3dspeaker-fbank-1")).features == "3dspeaker-fbank-1"


@pytest.mark.parametrize(("change", "match"), [
    ({"normalize_samples": "1"}, "--recipe"), ({"sample_rate": "8000"}, "16 kHz"), ({"framework": "other"}, "--recipe"),
])  # fmt: skip
def test_metadata_that_contradict_the_recipe_are_refused(change: dict[str, str], match: str) -> None:
    with pytest.raises(BadModel, match=match):
        add_encoder(Catalog(), making.wespeaker(metadata=making.wespeaker_metadata(256) | change), Described("mine"))


def test_a_sample_rate_that_is_no_number_is_refused() -> None:
    with pytest.raises(BadModel):
        add_encoder(Catalog(), making.wespeaker(metadata={"sample_rate": "fast"}), Described("mine"))


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), b"PK\x03\x04 as PyTorch writes it"])
def test_a_pickle_is_never_loaded(content: bytes) -> None:
    with pytest.raises(BadModel, match="pickle"):
        add_encoder(Catalog(), content, Described("mine"))


@pytest.mark.parametrize("content", [b"", b"no model", making.wespeaker()[:-40]])
def test_what_is_no_onnx_file_is_refused(content: bytes) -> None:
    with pytest.raises(BadModel, match="ONNX"):
        add_encoder(Catalog(), content, Described("mine"))


@pytest.mark.parametrize(("content", "recipe", "match"), [
    (making.wespeaker(), "nemo-mel-1", "inputs"),
    (making.nemo(), "wespeaker-fbank-1", "inputs"),
    (making.wespeaker(), "ge2e-mel-1", "cannot be run"),
    (making.identity({}), "wespeaker-fbank-1", "one embedding"),
    (making.constant(), "", "nearly the same"),
])  # fmt: skip
def test_a_network_that_is_no_encoder_is_refused(content: bytes, recipe: str, match: str) -> None:
    with pytest.raises(BadModel, match=match):
        add_encoder(Catalog(), content, Described("mine", recipe))
    with pytest.raises(InputError, match="no model"):
        Catalog().find("mine")


def test_an_encoder_for_one_window_at_a_time_is_used_so() -> None:
    entry = add_encoder(Catalog(), making.one_at_a_time(), Described("mine"))
    assert entry.max_batch == 1
    windows = np.stack([self_test_signal(entry.window_samples, pitch) for pitch in (100.0, 200.0)])
    assert load_encoder("mine").embed(windows).shape == (2, 8)


@pytest.mark.parametrize("name", ["", "../mine", "Mine", "my model", "-x", "a" * 65, ".hidden"])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        add_encoder(Catalog(), making.wespeaker(), Described(name))


def test_a_name_of_the_registry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMAUTH_MODELS")
    with pytest.raises(InputError, match="name"):
        add_encoder(Catalog(), making.wespeaker(), Described("wespeaker-resnet34-lm"))


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(InputError, match="wespeaker-fbank-1"):
        add_encoder(Catalog(), making.wespeaker(), Described("mine", "mfcc"))


def test_an_old_runtime_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "_installed", lambda package: "1.28.0")
    with pytest.raises(RuntimeTooOld, match=r"1\.28\.0"):
        add_encoder(Catalog(), making.wespeaker(), Described("mine"))
    assert own._REQUIRES


def test_a_changed_file_is_corrupt() -> None:
    add_encoder(Catalog(), making.wespeaker(), Described("mine"))
    path = Catalog().find("mine").path
    path.write_bytes(making.wespeaker(seed=9))
    with pytest.raises(ModelCorrupt, match="sha256"):
        load_encoder("mine")


def test_a_damaged_receipt_is_corrupt_and_hinders_no_other_model() -> None:
    add_encoder(Catalog(), making.wespeaker(), Described("mine"))
    add_encoder(Catalog(), making.wespeaker(), Described("other"))
    (Catalog().find("mine").folder / "receipt.json").write_text("{")
    with pytest.raises(ModelCorrupt, match="models remove mine"):
        load_encoder("mine")
    load_encoder("other")
