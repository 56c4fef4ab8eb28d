"""Which models there are, where their files lie, and that the files are the registered ones.

``registry.toml`` in the models folder has one table per model; the table's name is the model's name.
"""

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from streamauth.errors import ModelCorrupt, ModelMissing

if TYPE_CHECKING:
    from streamauth.engines.onnx_encoder import OnnxEncoder

REGISTRY_FILE = "registry.toml"
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One model, of any kind.

    Attributes:
        name: Under which settings name it.
        file: Its file, relative to the models folder.
        bytes: Size of the file.
        sha256: Of the file, hexadecimal.
        licence: SPDX identifier.
        source: Where the model comes from.
        language: Of the speech it was trained on.
        sample_rate_hz: Of the audio it takes.
        description: One sentence.
    """

    kind: ClassVar[str]
    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    source: str
    language: str
    sample_rate_hz: int
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderEntry(ModelEntry):
    """A speaker encoder.

    Attributes:
        features: Name and version of the recipe that makes the model's input from windows.
        dim: Length of an embedding.
        window_samples: The window length that the encoder was trained for.
        min_samples: The shortest window that it takes.
        max_batch: Most windows in one run. It is 1 where a window's result would depend on those beside it.
        self_test: Embedding of the self-test signal: ``dim`` float16 little-endian, base64.
    """

    kind: ClassVar[str] = "encoder"
    features: str
    dim: int
    window_samples: int
    min_samples: int
    max_batch: int
    self_test: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerEntry(ModelEntry):
    """A pass-phrase recognizer: ``file`` is a folder, and ``bytes`` and ``sha256`` are of all that is in it."""

    kind: ClassVar[str] = "recognizer"


_KINDS: dict[str, type[ModelEntry]] = {entry.kind: entry for entry in (EncoderEntry, RecognizerEntry)}


def models_folder() -> Path:
    """``$STREAMAUTH_MODELS``, else the folder inside the package, else ``models/`` beside a source checkout.

    Raises:
        ModelMissing: There is none.
    """
    if chosen := os.environ.get("STREAMAUTH_MODELS"):
        if not Path(chosen).is_dir():
            raise ModelMissing("STREAMAUTH_MODELS does not name a folder. Correct or unset it.")
        return Path(chosen)
    for folder in (_PACKAGE / "_models", _PACKAGE.parent / "models"):
        if (folder / REGISTRY_FILE).is_file():
            return folder
    raise ModelMissing("The models folder is missing. Install streamauth again, or set STREAMAUTH_MODELS to a folder.")


def read_registry(folder: Path) -> dict[str, ModelEntry]:
    """Every model of a models folder, by name.

    Raises:
        ModelMissing: The folder has no registry.
        ModelCorrupt: The registry cannot be read, or an entry lacks or has too many fields.
    """
    try:
        tables = tomllib.loads((folder / REGISTRY_FILE).read_text("utf-8"))
        return {name: _entry(name, table) for name, table in tables.items()}
    except FileNotFoundError:
        raise ModelMissing(f"The models folder has no {REGISTRY_FILE}. Install streamauth again.") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelCorrupt(f"The list of models, {REGISTRY_FILE}, cannot be read. Install streamauth again.") from error


def read_model(entry: ModelEntry, folder: Path) -> bytes:
    """The content of a model's file, checked against the registry.

    What was checked is what is returned, so that the file cannot change between check and use.

    Raises:
        ModelMissing: There is no such file.
        ModelCorrupt: It cannot be read or is another file than the registered one.
    """
    try:
        content = (folder / entry.file).read_bytes()
    except FileNotFoundError:
        raise ModelMissing(
            f"The file of the model {entry.name} is missing: {entry.file}. Install streamauth again or restore it."
        ) from None
    except OSError as error:
        raise ModelCorrupt(f"The file of the model {entry.name} cannot be read: {entry.file}.") from error
    if len(content) != entry.bytes or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ModelCorrupt(
            f"The file of the model {entry.name} is damaged: {entry.file} does not have the registered sha256. "
            "Install streamauth again or restore it."
        )
    return content


def folder_digest(folder: Path) -> tuple[int, str]:
    """Bytes of all files in a folder, and the sha256 of a list of their names and sha256.

    Raises:
        OSError: A file cannot be read.
    """
    size, lines = 0, []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        size += len(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {path.relative_to(folder).as_posix()}\n")
    return size, hashlib.sha256("".join(lines).encode()).hexdigest()


def recognizer_folder(name: str) -> Path:
    """The folder of a recognizer of the registry, checked against it.

    Raises:
        ModelMissing: No such recognizer, or no folder.
        ModelCorrupt: A file is missing, too many, or another than the registered one.
    """
    folder = models_folder()
    entry = read_registry(folder).get(name)
    if not isinstance(entry, RecognizerEntry) or not (folder / entry.file).is_dir():
        raise ModelMissing(f"The model of the recognizer, {name}, is missing. Install streamauth again.")
    try:
        found = folder_digest(folder / entry.file)
    except OSError as error:
        raise ModelCorrupt(f"The files of the model {name} cannot be read.") from error
    if found != (entry.bytes, entry.sha256):
        raise ModelCorrupt(f"The files of the model {name} are not the registered ones. Install streamauth again.")
    return folder / entry.file


def load_encoder(name: str, threads: int = 1) -> "OnnxEncoder":
    """A speaker encoder of the registry, loaded and tested; it takes some 0.1 s.

    Args:
        name: Its name in the registry.
        threads: Threads of one run.

    Raises:
        ModelMissing: No such encoder, no file, or no ONNX Runtime.
        ModelCorrupt: Registry or file are damaged.
        EngineError: The encoder gives wrong results on this machine.
    """
    folder = models_folder()
    entries = {key: entry for key, entry in read_registry(folder).items() if isinstance(entry, EncoderEntry)}
    if name not in entries:
        known = ", ".join(entries) or "none"
        raise ModelMissing(f"There is no speaker encoder of that name. Set voice.encoder to one of: {known}.")
    content = read_model(entries[name], folder)
    try:
        from streamauth.engines.onnx_encoder import OnnxEncoder
    except ImportError as error:
        raise ModelMissing("ONNX Runtime is not installed or cannot start. Run: pip install onnxruntime") from error
    return OnnxEncoder(entries[name], content, threads)


def _entry(name: str, table: dict[str, Any]) -> ModelEntry:
    fields = dict(table)
    return _KINDS[fields.pop("kind")](name=name, **fields)
