"""What is known of a model, by kind: the tables of ``registry.toml`` and of the user's own models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One model, of any kind.

    Attributes:
        name: Under which settings and commands name it.
        file: Its file, or folder where a zip archive is unpacked; relative to the models folder, or to the model's
            own folder where it is downloaded.
        bytes: Size of the file, or of the archive; 0 where upstream does not tell it.
        sha256: Of the same, hexadecimal.
        licence: SPDX identifier, or what is known of the terms.
        source: Where the model comes from.
        language: Of the speech it was trained on, BCP 47; a recognizer is chosen by it.
        sample_rate_hz: Of the audio it takes.
        description: One sentence.
        urls: Where it is downloaded from, tried in this order; none for what travels with the package.
        requires: What it needs at least, as ``package>=version``.
        note: What one should know before using it, such as doubts about its terms.
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
    urls: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    note: str = ""

    @property
    def archived(self) -> bool:
        """Whether what is downloaded is a zip archive of a folder."""
        return any(urlsplit(url).path.endswith(".zip") for url in self.urls)

    @property
    def mirror_file(self) -> str:
        """Its name on a mirror: the model's name, as upstream's names are not unique."""
        return self.name + (".zip" if self.archived else PurePosixPath(self.file).suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderEntry(ModelEntry):
    """A speaker encoder.

    Attributes:
        features: Name and version of the recipe that makes the model's input from windows.
        dim: Length of an embedding.
        window_samples: The window length that it is used with.
        min_samples: The shortest window that it takes.
        max_batch: Most windows in one run. It is 1 where a window's result would depend on those beside it.
        self_test: Embedding of the self-test signal: ``dim`` float16 little-endian, base64; empty if not known.
        layout: How the features are laid out as tensors, see ``streamauth.engines.layouts``.
        references: Embeddings of the self-test's features, in the order of their lengths, coded as ``self_test``;
            empty where a run without optimization is the reference.
    """

    kind: ClassVar[str] = "encoder"
    features: str
    dim: int
    window_samples: int
    min_samples: int
    max_batch: int
    self_test: str = ""
    layout: str = "frames-bands"
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerEntry(ModelEntry):
    """A pass-phrase recognizer: ``file`` is a folder.

    Where it travels with the package, ``bytes`` and ``sha256`` are of all that is in the folder.
    """

    kind: ClassVar[str] = "recognizer"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeEntry(ModelEntry):
    """A model that judges a phrase at its end, beside the recognizer: ``file`` is a folder, as a recognizer's."""

    kind: ClassVar[str] = "judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorEntry(ModelEntry):
    """A network that judges what voice activity is (``streamauth/core/speech/voicing.py``)."""

    kind: ClassVar[str] = "detector"


KINDS: dict[str, type[ModelEntry]] = {
    entry.kind: entry for entry in (EncoderEntry, RecognizerEntry, JudgeEntry, DetectorEntry)
}


def entry_of(name: str, table: Mapping[str, Any]) -> ModelEntry:
    """The entry of a table.

    Raises:
        KeyError, TypeError: The kind is unknown, or a field is missing or too many.
    """
    if not isinstance(table, Mapping):
        raise TypeError("no table")
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
    return KINDS[fields.pop("kind")](name=name, **fields)


def table_of(entry: ModelEntry) -> dict[str, Any]:
    """The table of an entry, from which ``entry_of`` makes it again."""
    table = asdict(entry)
    del table["name"]
    return {"kind": entry.kind, **table}
