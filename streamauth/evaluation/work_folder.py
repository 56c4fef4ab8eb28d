"""The results of an evaluation so far, on disk, so that an interrupted one can continue.

The folder holds voiceprints and embeddings of voices: biometric data, not sealed, readable by its owner only.
"""

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Embedding
from streamauth.core.sessions.base import Models
from streamauth.errors import InputError
from streamauth.evaluation.trial_runner import Reference, Scoring, TrialOutcome
from streamauth.settings import Settings
from streamauth.version import __version__

FOLDER = "streamauth-evaluation"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


def digest(*parts: object) -> str:
    """A short name of what the parts say; the same parts give the same."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def fingerprint(settings: Settings, models: Models, scoring: Scoring) -> str:
    """Names everything beside the recordings that results depend on."""
    matters = (settings.audio, settings.speech, settings.voice, settings.phrase, settings.enrollment, settings.decision)
    # an engine is what its id says, the rest is what it holds
    parts = [getattr(value, "id", None) or value for value in vars(models).values()]
    with np.printoptions(threshold=2**62, floatmode="unique"):
        return digest(__version__, scoring, *map(repr, [*matters, *parts]))


class WorkFolder:
    """Results by key. A result that cannot be read counts as not there.

    Args:
        folder: Where the folder of results is made; None keeps nothing.
        fingerprint: Of ``fingerprint``; results under another one are not seen.
        encoder_id: Of the encoder.

    Raises:
        InputError: The folder cannot be made.
    """

    def __init__(self, folder: Path | None, fingerprint: str, encoder_id: str) -> None:
        self._folder = None if folder is None else folder / FOLDER
        self._fingerprint = fingerprint
        self._encoder_id = encoder_id
        self._contents: dict[Path, str] = {}
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._folder.chmod(0o700)
            except OSError as error:
                raise InputError(f"The work folder {folder} cannot be made: {error.strerror}.") from None

    @property
    def used(self) -> bool:
        """Whether anything is kept."""
        return self._folder is not None

    def content(self, file: Path) -> str:
        """Names a recording by what is in it; by its path where nothing is kept."""
        if self._folder is None:
            return str(file)
        if file not in self._contents:
            with open(file, "rb") as opened:
                hashed = blake2b(digest_size=16)
                while block := opened.read(1 << 20):
                    hashed.update(block)
            self._contents[file] = hashed.hexdigest()
        return self._contents[file]

    def enrolled(self, key: str) -> tuple[Reference | None] | None:
        """What an enrollment gave, in a tuple; None where that is not known yet."""
        arrays = self._arrays(self._name("enrolled", key))
        if arrays is None:
            return None
        print_, expected_scores = arrays["voiceprint"], arrays["expected_scores"]
        return (Reference(print_, tuple(expected_scores.tolist())) if print_.size else None,)

    def keep_enrolled(self, key: str, reference: Reference | None) -> None:
        """Keep what an enrollment gave."""
        print_ = np.zeros(0, np.float32) if reference is None else reference.voiceprint
        expected_scores = () if reference is None else reference.expected_scores
        scores = np.array(expected_scores, np.float64)
        self._keep(self._name("enrolled", key), {"voiceprint": print_, "expected_scores": scores})

    def windows(self, file: Path) -> dict[bytes, Embedding]:
        """The embeddings that are known of a recording, by window."""
        arrays = self._arrays(self._window_name(file)) if self.used else None
        if arrays is None:
            return {}
        return dict(zip((row.tobytes() for row in arrays["windows"]), arrays["embeddings"], strict=True))

    def keep_windows(self, file: Path, known: Mapping[bytes, Embedding]) -> None:
        """Keep the embeddings of a recording."""
        if self.used and known:
            keys = np.frombuffer(b"".join(known), np.uint8).reshape(len(known), -1)
            self._keep(self._window_name(file), {"windows": keys, "embeddings": np.stack(list(known.values()))})

    def outcomes(self, key: str, count: int) -> list[TrialOutcome] | None:
        """What became of the trials of a job; None where that is not known yet."""
        path = self._path(self._name("trials", key))
        if path is None:
            return None
        try:
            found = [TrialOutcome(*row) for row in json.loads(path.read_text("utf-8"))]
        except _UNREADABLE:
            return None
        return found if len(found) == count else None

    def keep_outcomes(self, key: str, outcomes: Sequence[TrialOutcome]) -> None:
        """Keep what became of the trials of a job."""
        self._keep(self._name("trials", key), [astuple(outcome) for outcome in outcomes])

    def _name(self, kind: str, key: str) -> str:
        return f"{kind}-{digest(self._fingerprint, key)}"

    def _window_name(self, file: Path) -> str:
        # the windows themselves are part of what is kept, so that settings do not matter
        return f"windows-{digest(self._encoder_id, self.content(file))}"

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / name

    def _arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        path = self._path(name)
        if path is None:
            return None
        try:
            # opened here: NumPy would leave a damaged file open
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                return dict(archive)
        except _UNREADABLE:
            return None

    def _keep(self, name: str, content: Mapping[str, NDArray[Any]] | list[Any]) -> None:
        if self._folder is None:
            return
        try:
            # whoever is killed here leaves a temporary file, never half a result
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".new-", delete=False) as file:
                _write(file, content)
            os.replace(file.name, self._folder / name)
        except OSError as error:
            raise InputError(f"The work folder cannot be written: {error.strerror}.") from None


def _write(file: IO[bytes], content: object) -> None:
    if isinstance(content, dict):
        np.savez(file, **content)
    else:
        file.write(json.dumps(content).encode())
