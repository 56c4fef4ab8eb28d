"""A speaker encoder of the catalog, loaded and tested."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamauth.catalog.entries import EncoderEntry
from streamauth.catalog.registry import Catalog, check_requirements, models_folder, read_model, read_registry
from streamauth.engines.encoder.self_test import encoded
from streamauth.errors import ModelMissing, UnknownModel

if TYPE_CHECKING:  # the runtime is imported with the first encoder
    from streamauth.engines.encoder.onnx import OnnxEncoder


def load_encoder(
    name: str, threads: int = 1, catalog: Catalog | None = None, marks: Path | None = None
) -> "OnnxEncoder":
    """A speaker encoder of the registry or of the user, loaded and tested; it takes 0.2 s and more.

    Args:
        name: Its name.
        threads: Threads of one run.
        catalog: The models of the installation; those of the usual data folder if None.
        marks: A folder that remembers which encoders passed the test, so that it is run once; None always runs it.

    Raises:
        ModelMissing: No such encoder, not installed, or no ONNX Runtime.
        ModelCorrupt: Registry or file are damaged.
        RuntimeTooOld: It needs a later ONNX Runtime.
        WrongResults: The encoder gives wrong results on this machine.
    """
    try:
        model = (catalog or Catalog()).find(name)
    except UnknownModel:
        model = None
    if model is None or not isinstance(model.entry, EncoderEntry):
        known = [key for key, entry in read_registry(models_folder()).items() if isinstance(entry, EncoderEntry)]
        raise ModelMissing(
            f"There is no speaker encoder of that name. Set voice.encoder to one of: {', '.join(known) or 'none'}."
        )
    check_requirements(model.entry)
    content = read_model(model.entry, model.folder)
    try:
        from streamauth.engines.encoder import tested
        from streamauth.engines.encoder.onnx import OnnxEncoder
    except ImportError as error:
        raise ModelMissing("ONNX Runtime is not installed or cannot start. Run: pip install onnxruntime") from error
    passed = marks is not None and tested.was_tested(marks, model.entry)
    encoder = OnnxEncoder(model.entry, content, threads, tested=passed)
    if marks is not None and not passed:
        tested.remember(marks, model.entry)
    return encoder


def with_references(entry: EncoderEntry, content: bytes) -> EncoderEntry:
    """An encoder's entry with the reference embeddings of its file, after it was loaded and tested.

    Raises:
        ModelCorrupt, WrongResults: It does not work.
    """
    from streamauth.engines.encoder.onnx import OnnxEncoder

    references = OnnxEncoder(replace(entry, references=()), content).reference_embeddings(content)
    return replace(entry, references=tuple(encoded(each) for each in references))
