"""Models in the data folder: downloaded ones and the user's own, each in ``models/NAME`` with its receipt."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamauth.catalog.entries import ModelEntry, entry_of, table_of
from streamauth.errors import ModelCorrupt

_RECEIPT = "receipt.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class Receipt:
    """What was installed.

    Attributes:
        entry: The model as it was installed.
        contents: Bytes and sha256 of what lies there: of the file, or of all that is in the folder.
    """

    entry: ModelEntry
    contents: tuple[int, str]


@dataclass(frozen=True)
class Model:
    """A model, and where it lies.

    Attributes:
        entry: What is known of it.
        folder: The folder of its file.
        embedded: Whether it travels with the package.
        receipt: What was installed; None where nothing was, and for embedded ones.
    """

    entry: ModelEntry
    folder: Path
    embedded: bool = False
    receipt: Receipt | None = None

    @property
    def path(self) -> Path:
        """Its file or folder, whether it is there or not."""
        return self.folder / self.entry.file

    @property
    def contents(self) -> tuple[int, str] | None:
        """Bytes and sha256 that its file or folder must have; None where it is not installed."""
        if self.embedded:
            return self.entry.bytes, self.entry.sha256
        return self.receipt.contents if self.receipt is not None else None


def is_name(name: str) -> bool:
    """Whether a text can be the name of a model, and of its folder."""
    return _NAME.fullmatch(name) is not None


def installed_names(folder: Path) -> Iterator[str]:
    """Names of the models in a folder of installed ones, sorted."""
    if folder.is_dir():
        yield from sorted(path.name for path in folder.iterdir() if is_name(path.name) and (path / _RECEIPT).is_file())


def read_receipt(folder: Path, name: str) -> Receipt | None:
    """The receipt of a model in a folder of installed ones; None where none was installed.

    Raises:
        ModelCorrupt: It cannot be read.
    """
    path = folder / name / _RECEIPT
    if not is_name(name) or not path.is_file():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
        return Receipt(entry_of(name, data["entry"]), (int(data["bytes"]), str(data["sha256"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelCorrupt(
            f"The receipt of the model {name} is damaged. Run: streamauth models remove {name}, and install it again."
        ) from error


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Put a receipt beside what was installed."""
    size, digest = receipt.contents
    data = {"entry": table_of(receipt.entry), "bytes": size, "sha256": digest}
    (folder / _RECEIPT).write_text(json.dumps(data, indent=1) + "\n", "utf-8")
