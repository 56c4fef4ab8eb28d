"""The user's own encoder: an ONNX file that is recognized by its metadata, or comes with the name of its recipe.

Nothing but ONNX is taken: other weight files are Python pickles, which are programs.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamauth.catalog.entries import EncoderEntry
from streamauth.catalog.installed import is_name
from streamauth.catalog.installer import add
from streamauth.catalog.registry import Catalog, check_requirements, models_folder, read_registry
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.encoder.load import with_references
from streamauth.engines.encoder.onnx import OnnxEncoder, metadata, session
from streamauth.engines.encoder.recipes import LAYOUTS, RECIPES
from streamauth.engines.encoder.self_test import embeddings, self_test_signal
from streamauth.errors import BadModel, EngineError, InputError

MIN_SAMPLES = 12_800
_BATCH = 4
_ALIKE = 0.9999
# Versions below compute average pooling wrongly for some exports, so that no comparison on them would tell.
_REQUIRES = ("onnxruntime>=1.29",)
_LAYOUT_OF = {"nemo-mel-1": "bands-frames-length"}
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


@dataclass(frozen=True)
class Described:
    """What the user tells of a file.

    Attributes:
        name: Under which it is installed.
        recipe: Its feature recipe; empty to recognize it by its metadata.
        licence: Its terms.
        language: Of the speech it was trained on.
        window_s: The window length to use it with, in seconds.
    """

    name: str
    recipe: str = ""
    licence: str = "not told"
    language: str = "und"
    window_s: float = 3.0


def add_encoder(catalog: Catalog, content: bytes, told: Described) -> EncoderEntry:
    """Recognize, test and install an encoder.

    Raises:
        InputError: The name cannot be used, or the recipe is not known.
        BadModel: It is no ONNX file, is not recognized, or does not work as an encoder.
        RuntimeTooOld, WrongResults: The installed ONNX Runtime cannot be used for it.
        DiskFull, DownloadFailed: It cannot be written.
    """
    if not is_name(told.name) or told.name in read_registry(models_folder()):
        raise InputError("A model's name has small letters, digits and . _ + -, and is not one of the registry.")
    if told.recipe and told.recipe not in RECIPES:
        raise InputError(f"There is no such recipe. Those that there are: {', '.join(RECIPES)}.")
    if content.startswith(_PICKLES):
        raise BadModel("This is a Python pickle, which is a program and is never loaded. Export the model to ONNX.")
    try:
        network = session(content, 1)
    except Exception as error:
        raise BadModel("This is not an ONNX file that ONNX Runtime can load.") from error
    recipe = told.recipe or recognized(metadata(network), network)
    layout = LAYOUTS[_LAYOUT_OF.get(recipe, "frames-bands")]
    if (len(network.get_inputs()), len(network.get_outputs()) > layout.output) != (layout.inputs, True):
        raise BadModel(f"The model's inputs and outputs are not those of {recipe}.")
    entry = EncoderEntry(
        name=told.name,
        file="model.onnx",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence=told.licence,
        source="added by the user",
        language=told.language,
        sample_rate_hz=SAMPLE_RATE_HZ,
        description=f"The user's own encoder, {recipe}",
        requires=_REQUIRES,
        features=recipe,
        dim=_dim(network, recipe),
        window_samples=max(MIN_SAMPLES, round(told.window_s * SAMPLE_RATE_HZ)),
        min_samples=MIN_SAMPLES,
        max_batch=_BATCH,
        layout=_LAYOUT_OF.get(recipe, "frames-bands"),
    )
    check_requirements(entry)
    entry = with_references(_tried(entry, content), content)
    add(catalog, entry, content)
    return entry


def recognized(found: Mapping[str, str], network: Any) -> str:
    """The recipe of a file, by its metadata, or by tensor names that only one project uses.

    Raises:
        BadModel: It cannot be told, or the metadata contradict the recipe.
    """
    inputs, outputs = network.get_inputs(), network.get_outputs()
    framework = found.get("framework", "")
    scaled = found.get("normalize_samples")
    if found.get("sample_rate", str(SAMPLE_RATE_HZ)) != str(SAMPLE_RATE_HZ):
        raise BadModel("The model takes another sample rate than 16 kHz.")
    if framework == "wespeaker" and scaled in ("0", None):
        return "wespeaker-fbank-1"
    if framework == "3d-speaker" and scaled in ("1", None):
        return "3dspeaker-fbank-1"
    if framework == "nemo":
        return "nemo-mel-1"
    # the official files of WeSpeaker have no metadata
    if not framework and (inputs[0].name, outputs[0].name) == ("feats", "embs") and inputs[0].shape[-1] == 80:
        return "wespeaker-fbank-1"
    raise BadModel(f"The file does not tell how its features are made. Give --recipe, one of: {', '.join(RECIPES)}.")


def _dim(network: Any, recipe: str) -> int:
    """Length of an embedding, by trying."""
    layout = LAYOUTS[_LAYOUT_OF.get(recipe, "frames-bands")]
    names = [tensor.name for tensor in network.get_inputs()]
    output = network.get_outputs()[layout.output].name
    try:
        bands = RECIPES[recipe](metadata(network)).bands

        def run(features: Any) -> Any:
            return network.run([output], dict(zip(names, layout.arrange(features), strict=True)))[0]

        shapes = {found.shape for found in embeddings(run, bands)}
    except Exception as error:
        raise BadModel("The model cannot be run on features of this recipe, of any length.") from error
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or shape[0] != 1 or shape[1] < 2:
        raise BadModel("The model does not give one embedding for a window of any length.")
    return int(shape[1])


def _tried(entry: EncoderEntry, content: bytes) -> EncoderEntry:
    """The entry, with a batch size at which windows do not change each other's embedding."""
    windows = np.stack([self_test_signal(entry.window_samples, pitch) for pitch in (90.0, 130.0, 180.0, 250.0)])
    alone = OnnxEncoder(replace(entry, max_batch=1), content).embed(windows)
    if float(np.min(alone @ alone.T)) > _ALIKE:
        raise BadModel("The model gives nearly the same embedding for different voices.")
    try:
        same = np.allclose(OnnxEncoder(entry, content).embed(windows), alone, atol=1e-3)
    except EngineError:
        same = False
    return entry if same else replace(entry, max_batch=1)
