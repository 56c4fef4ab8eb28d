"""Whisper's parts against what others give for the same: ``python -m scripts.train.whisper.export --goldens``."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.catalog.registry import models_folder
from streamauth.core.ports import Samples
from streamauth.demo_data import demo_utterances
from streamauth.engines.encoder.self_test import self_test_signal
from streamauth.engines.phrase.whisper.mel import whisper_features
from streamauth.engines.phrase.whisper.model import WhisperModel
from streamauth.errors import ModelCorrupt

GOLDEN = np.load(Path(__file__).parents[3] / "data" / "golden" / "whisper.npz")
FOLDER = models_folder() / "whisper-tiny-en"
SPOKEN = [one for one in demo_utterances().values() if one.name in ("door-1", "coffee")]


@pytest.fixture(scope="module")
def model() -> WhisperModel:
    return WhisperModel(FOLDER)


def speech(index: int) -> Samples:
    audio, _ = soundfile.read(SPOKEN[index].path, dtype="float32")
    return np.asarray(audio, np.float32)


def test_features_are_those_of_librosa() -> None:
    ours = whisper_features(self_test_signal(20_011))
    assert ours.dtype == np.float32
    assert ours.shape == (20_011 // 160, 80)
    np.testing.assert_allclose(ours[::5], GOLDEN["mel"], atol=1e-5)


@pytest.mark.parametrize("number", range(len(GOLDEN["texts"])))
def test_tokens_are_those_of_the_original(model: WhisperModel, number: int) -> None:
    text = str(GOLDEN["texts"][number])
    assert model.tokens.encode(text) == tuple(GOLDEN[f"tokens_{number}"])
    assert model.tokens.decode(model.tokens.encode(text)) == text


@pytest.mark.parametrize("text", [" kelvandro", " zoë", " Xylophonist", " 1234567890", " 你好", "\t~"])
def test_any_text_has_tokens(model: WhisperModel, text: str) -> None:
    assert model.tokens.decode(model.tokens.encode(text)) == text


@pytest.mark.parametrize("number", range(len(SPOKEN)))
def test_scores_are_nearly_those_in_32_bits(model: WhisperModel, number: int) -> None:
    tree = model.hypotheses(model.hear(speech(number)))
    text = model.tokens.encode(f" {SPOKEN[number].text.capitalize()}.")
    tree.grow([text])
    found = [tree.following(text[:count])[token] for count, token in enumerate((*text, model.tokens.end))]
    # the weights are kept in 8 bits
    np.testing.assert_allclose(found, GOLDEN[f"scores_{number}"], atol=0.25)


def test_a_tree_gives_each_text_what_it_has_alone(model: WhisperModel) -> None:
    heard = model.hear(speech(0))
    texts = [model.tokens.encode(text) for text in (" Open the door", " Open a window", " Please open the door and")]
    together, in_turn = model.hypotheses(heard), model.hypotheses(heard)
    together.grow(texts)
    for text in texts:
        in_turn.grow([text])
        alone = model.hypotheses(heard)
        alone.grow([text])
        steps = [(text[:count], token) for count, token in enumerate(text)]
        expected = [alone.following(before)[token] for before, token in steps]
        for tree in (together, in_turn):
            # what is multiplied in 8 bits is rounded otherwise in a batch of another size
            found = [tree.following(before)[token] for before, token in steps]
            np.testing.assert_allclose(found, expected, atol=0.25)


def test_an_utterance_longer_than_the_model_takes_is_cut(model: WhisperModel) -> None:
    tree = model.hypotheses(model.hear(np.zeros(35 * 16_000, np.float32)))
    tree.grow([()])
    assert np.isfinite(tree.following(())).all()


def test_free_decoding_ends_before_it_begins_anew(model: WhisperModel) -> None:
    for number in range(len(SPOKEN)):
        tree = model.hypotheses(model.hear(speech(number)))
        ends = np.array([model.tokens.end, *model.tokens.encode(".")])
        said = model.tokens.decode(tree.greedy(40, ends)).lower()
        assert len(said.split()) <= len(SPOKEN[number].text.split()) + 1, said


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
@pytest.mark.parametrize("file", ["encoder.onnx", "decoder.onnx", "tokens.txt.gz"])
def test_a_damaged_model_is_refused(tmp_path: Path, file: str, damage: str) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "whisper"))
    content = (folder / file).read_bytes()
    (folder / file).unlink()
    if damage != "missing":
        (folder / file).write_bytes(content[: len(content) // 2] if damage == "cut" else b"other")
    with pytest.raises(ModelCorrupt):
        WhisperModel(folder)
