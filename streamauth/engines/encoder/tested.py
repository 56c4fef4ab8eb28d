"""Remembers that an encoder passed its test on this machine: a command that ends soon need not run it again.

The mark is an empty file in the data folder, named by a digest of all that the test depends on: the model and what is
registered of it, the runtimes' files, the modules here, and the processor. Where any of these is another one or cannot
be told, the test is run. Servers run it at each start.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import onnxruntime

from streamauth.catalog.entries import EncoderEntry
from streamauth.version import __version__

_PROCESSOR = Path("/proc/cpuinfo")
_KINDS = ("vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "flags", "Features", "CPU part")
_UNTOLD = (OSError, AttributeError, ValueError)


def was_tested(folder: Path, entry: EncoderEntry) -> bool:
    """Whether the mark of just this encoder on just this machine is there."""
    try:
        return (folder / _name(entry)).is_file()
    except _UNTOLD:
        return False


def remember(folder: Path, entry: EncoderEntry) -> None:
    """Leave the mark, where the data folder is there and can be written."""
    with suppress(*_UNTOLD):
        if folder.parent.is_dir():
            name = _name(entry)
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / name).touch(mode=0o600)


def _name(entry: EncoderEntry) -> str:
    """Raises one of ``_UNTOLD`` where something cannot be told."""
    facts = [__version__, repr(sorted(asdict(entry).items())), *_processor(), *_files()]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _processor() -> list[str]:
    first = _PROCESSOR.read_text("utf-8").split("\n\n")[0]
    found = [line for line in first.splitlines() if line.split("\t")[0].strip(" :") in _KINDS]
    if not found:
        raise OSError("no processor is told")
    return found


def _files() -> Iterator[str]:
    """The runtimes and the modules here, each with its size and time."""
    for folder in (onnxruntime, np, kaldi_native_fbank):
        yield str(folder.__version__)
    for package, inside in ((onnxruntime, "capi"), (np, "_core"), (kaldi_native_fbank, "lib")):
        yield from _told(sorted((Path(str(package.__file__)).parent / inside).glob("*.so*")))
    yield from _told(sorted(Path(__file__).parent.glob("*.py")))


def _told(files: list[Path]) -> Iterator[str]:
    if not files:
        raise OSError("a runtime without files")
    for file in files:
        status = file.stat()
        yield f"{file.name} {status.st_size} {status.st_mtime_ns}"
