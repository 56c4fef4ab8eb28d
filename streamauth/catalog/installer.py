"""Installs, checks and removes models in the data folder.

A model appears there all at once: everything is done in a folder beside, which is then renamed.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streamauth.catalog.archive import unpack
from streamauth.catalog.download import Progress, Wanted, disk_errors, download, is_url
from streamauth.catalog.entries import EncoderEntry, ModelEntry
from streamauth.catalog.installed import Receipt, is_name, write_receipt
from streamauth.catalog.registry import Catalog, check_requirements, folder_digest, read_model
from streamauth.errors import InputError, LicenceNotAccepted, ModelMissing, StreamAuthError, UnknownModel
from streamauth.settings import ModelSettings

_ACCEPTED = "accepted-licences.txt"

Proven = Callable[[EncoderEntry, bytes], EncoderEntry]
"""Loads and tests an encoder's file, and gives its entry with reference embeddings. The catalog knows no runtime."""


def needs_acceptance(catalog: Catalog, entry: ModelEntry) -> bool:
    """Whether a model's licence was not accepted on this machine yet."""
    path = catalog.folder / _ACCEPTED
    return not path.is_file() or _acceptance(entry) not in path.read_text("utf-8").splitlines()


def accept(catalog: Catalog, entry: ModelEntry) -> None:
    """Note that a model's licence was accepted."""
    if needs_acceptance(catalog, entry):
        with disk_errors():
            catalog.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (catalog.folder / _ACCEPTED).open("a", encoding="utf-8") as file:
                file.write(_acceptance(entry) + "\n")


def pull(catalog: Catalog, name: str, settings: ModelSettings, tell: Progress, proven: Proven) -> Path:
    """Download and install a model of the registry, in place of what was there under its name.

    Args:
        catalog: The models of the installation.
        name: The model.
        settings: Mirror, proxy, limits.
        tell: Told of progress.
        proven: Loads and tests an encoder.

    Raises:
        UnknownModel, InputError: There is no such model, or it is not downloaded.
        LicenceNotAccepted: ``accept`` was not called for it.
        RuntimeTooOld: It could not be used here.
        DownloadFailed, WrongDownload, UnsafeArchive, DiskFull: Nothing was installed.
        ModelCorrupt, WrongResults: It is an encoder that does not work; nothing was installed.
    """
    entry = catalog.find(name).entry
    if not entry.urls:
        raise InputError(f"The model {name} is not downloaded: it is there already.")
    if needs_acceptance(catalog, entry):
        raise LicenceNotAccepted
    check_requirements(entry)
    folder = catalog.folder
    with disk_errors():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{entry.sha256[:16]}.part"
    download(_sources(entry, settings), part, Wanted(entry.bytes, entry.sha256), settings, tell)
    try:
        with disk_errors(), _staged(folder, name) as staging:
            if entry.archived:
                unpack(part, staging, entry.file, settings)
                contents = folder_digest(staging / entry.file)
            else:
                part.rename(staging / entry.file)
                contents = (staging / entry.file).stat().st_size, entry.sha256
                if isinstance(entry, EncoderEntry):
                    entry = proven(entry, read_model(entry, staging))
            write_receipt(staging, Receipt(entry, contents))
    finally:
        part.unlink(missing_ok=True)
    return catalog.find(name).path


def add(catalog: Catalog, entry: EncoderEntry, content: bytes) -> None:
    """Install the user's own encoder, which was found to work.

    Raises:
        DownloadFailed, DiskFull: It cannot be written; nothing was installed.
    """
    with disk_errors():
        catalog.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _staged(catalog.folder, entry.name) as staging:
            (staging / entry.file).write_bytes(content)
            write_receipt(staging, Receipt(entry, (len(content), hashlib.sha256(content).hexdigest())))


def remove(catalog: Catalog, name: str) -> None:
    """Take a model from the data folder.

    Raises:
        UnknownModel: There is no such model.
        InputError: It travels with the package, or is not installed.
    """
    folder = catalog.folder / name
    if not is_name(name) or not folder.is_dir():
        if catalog.find(name).embedded:
            raise InputError(f"The model {name} travels with streamauth and is not removed.")
        raise InputError(f"The model {name} is not installed.")
    with disk_errors():
        trash = folder.with_name(f".{name}.{secrets.token_hex(4)}.old")
        folder.rename(trash)
        shutil.rmtree(trash)


def check(catalog: Catalog, name: str, load: Callable[[str], object]) -> StreamAuthError | None:
    """What is wrong with an installed model; None if nothing.

    Args:
        catalog: The models of the installation.
        name: The model.
        load: Loads and tests an encoder.
    """
    try:
        model = catalog.find(name)
        if model.contents is None:
            raise ModelMissing(f"The model {name} is not installed. Run: streamauth models pull {name}")
        if isinstance(model.entry, EncoderEntry):
            load(name)
        elif model.path.is_dir():
            catalog.recognizer_folder(name)
        else:
            read_model(model.entry, model.folder)
    except UnknownModel:
        raise
    except StreamAuthError as error:
        return error
    return None


def _sources(entry: ModelEntry, settings: ModelSettings) -> tuple[str, ...]:
    """Where a model is fetched from; with a mirror from nowhere else, as a site that has one may be offline."""
    if not settings.mirror:
        return entry.urls
    separator = "/" if is_url(settings.mirror) else os.sep
    return (settings.mirror.rstrip(separator) + separator + entry.mirror_file,)


@contextmanager
def _staged(folder: Path, name: str) -> Iterator[Path]:
    """A folder that takes a model's place at the end, or leaves no trace after an exception."""
    final = folder / name
    for left in folder.glob(f".{name}.*"):  # by a process that was killed
        shutil.rmtree(left)
    staging = final.with_name(f".{name}.{secrets.token_hex(4)}.new")
    staging.mkdir(mode=0o700)
    try:
        yield staging
        if final.is_dir():
            former = final.with_name(f".{name}.{secrets.token_hex(4)}.old")
            final.rename(former)
            staging.rename(final)
            shutil.rmtree(former)
        else:
            staging.rename(final)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _acceptance(entry: ModelEntry) -> str:
    return f"{entry.name}\t{entry.licence}"
