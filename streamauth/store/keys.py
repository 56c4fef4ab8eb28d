"""Where the sealing key comes from: the environment, a command such as a key service's, or a file.

A store is sealed by one key at a time, and says which by its id. A key file is made on first use, with mode
0600. Around a rotation up to three files stand beside each other::

    sealing.key            the key
    sealing.key.new-<id>   a key about to replace it: from before the store is re-sealed until just after
    sealing.key.old-<id>   a former key: for backups, and for other stores that were sealed by it

So whenever the rotation is cut off, the key that the store asks for is in one of them.
"""

import os
import secrets
import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streamauth.errors import KeyExposed, KeyMissing, KeyWrong
from streamauth.settings import StoreSettings, key_folder
from streamauth.store.faults import named_errors
from streamauth.store.private import OTHERS_READ_OR_WRITE, is_exposed
from streamauth.store.sealing import SealingKey

KEY_VARIABLE = "STREAMAUTH_SEALING_KEY"
"""Environment variable with the key, in hexadecimal or base64. Strongest of all sources."""

_NAME = "sealing.key"
_COMMAND_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class KeySource:
    """Where the key of a store is to be found. The first that is given counts, the others are not looked at.

    Attributes:
        variable: The key from the environment.
        command: Command line that prints the key.
        file: Key file, made where there is none.
    """

    variable: str | None = field(repr=False)
    command: str
    file: Path

    @classmethod
    def of(cls, home: Path, settings: StoreSettings, environment: Mapping[str, str] | None = None) -> "KeySource":
        """The source for a data folder, by the settings and the environment."""
        environment = os.environ if environment is None else environment
        file = Path(settings.key_file) if settings.key_file else home / _NAME
        if not settings.key_file and not file.exists():  # one that is in the data folder stays in use
            file = key_folder(home) / _NAME
        return cls(environment.get(KEY_VARIABLE), settings.key_command, file)

    @property
    def is_file(self) -> bool:
        """Whether the key is in a file, which a rotation can replace by itself."""
        return self.variable is None and not self.command

    def find(self, key_id: bytes) -> SealingKey:
        """The key that a store asks for.

        Raises:
            KeyMissing: There is no key.
            KeyWrong: There is a key, but another one.
            KeyExposed: The key file can be read by others.
        """
        if not self.is_file:
            return _expected(self._given(), key_id)
        current = _read(self.file)
        if current is not None and current.id == key_id:
            return current
        if (staged := _read(self._beside("new", key_id))) is not None:
            self.settle(_expected(staged, key_id))
            return staged
        if (former := _read(self._beside("old", key_id))) is not None:
            return _expected(former, key_id)
        raise KeyMissing if current is None else KeyWrong

    def find_or_make(self) -> SealingKey:
        """The key for a new store; a key file is made where there is none.

        Raises:
            KeyMissing, KeyWrong, KeyExposed: As ``find``.
            StoreError: The file cannot be made.
        """
        if not self.is_file:
            return self._given()
        if _read(self.file) is None:
            _write(self.file, SealingKey.generate())
        # read back: another process may have been quicker, and then its key counts
        made = _read(self.file)
        if made is None:
            raise KeyMissing
        return made

    def stage(self, key: SealingKey) -> None:
        """Put a new key on the disk before the store is sealed by it; does nothing without a key file."""
        if self.is_file:
            _write(self._beside("new", key.id), key)

    def settle(self, key: SealingKey) -> None:
        """Make a staged key the current one, once the store is sealed by it; keep the former one beside."""
        if not self.is_file:
            return
        with named_errors():
            former = _read(self.file)
            if former is not None and former.id != key.id:
                _link(self.file, self._beside("old", former.id))
            with suppress(FileNotFoundError):  # another process has settled it
                os.replace(self._beside("new", key.id), self.file)
            _sync(self.file.parent)

    def _given(self) -> SealingKey:
        if self.variable is not None:
            return SealingKey.parse(self.variable)
        return SealingKey.parse(_output(self.command))

    def _beside(self, state: str, key_id: bytes) -> Path:
        return self.file.with_name(f"{self.file.name}.{state}-{key_id.hex()}")


def _expected(key: SealingKey, key_id: bytes) -> SealingKey:
    if key.id != key_id:
        raise KeyWrong
    return key


def _output(command: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise KeyMissing(f"The command for the sealing key cannot be run ({type(error).__name__}).") from None
    if done.returncode != 0:
        raise KeyMissing(f"The command for the sealing key failed with exit code {done.returncode}.")
    return done.stdout.decode("ascii", "replace")


def _read(path: Path) -> SealingKey | None:
    with named_errors():
        try:
            with path.open("rb") as file:
                if is_exposed(os.fstat(file.fileno()), OTHERS_READ_OR_WRITE):
                    raise KeyExposed
                text = file.read(1024)
        except FileNotFoundError:
            return None
    return SealingKey.parse(text.decode("ascii", "replace"))


def _write(path: Path, key: SealingKey) -> None:
    """Make the file in one step, with all of its content on the disk; does nothing if it is there already."""
    with named_errors():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.draft-{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(key.text() + "\n")
                file.flush()
                os.fsync(file.fileno())
            _link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync(path.parent)


def _link(source: Path, target: Path) -> None:
    with suppress(FileExistsError):
        os.link(source, target)  # unlike a rename, never over what is there


def _sync(folder: Path) -> None:
    if os.name != "posix":
        return  # folders cannot be opened elsewhere
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
