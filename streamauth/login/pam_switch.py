"""Puts the voice module into PAM's configuration and takes it out again, by Debian's pam-auth-update.

The files that it changes are kept as they were. They are put back byte for byte when the module is taken out, if nobody
else has changed them meanwhile; if somebody has, pam-auth-update alone takes out what it put in.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamauth.errors import LoginError
from streamauth.login.pam_check import VOICE_MODULE
from streamauth.login.pam_files import Read

PROFILE_NAME = "streamauth"
PROFILE = """\
Name: Log in by voice (streamauth)
Default: no
Priority: 300
Auth-Type: Primary
Auth:
\t[success=end default=ignore]\tpam_streamauth.so
"""
"""For pam-auth-update; its priority puts it before that of passwords, 256."""

_COMMON = ("common-auth", "common-account", "common-password", "common-session", "common-session-noninteractive")
Run = Callable[[Sequence[str]], int]


def _run(command: Sequence[str]) -> int:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, stdin=subprocess.DEVNULL, env=quiet, check=False).returncode


def folder_reader(*folders: Path) -> Read:
    """Reads PAM's files of the first folder that has them; absolute paths as they are."""

    def read(name: str) -> str | None:
        for folder in folders:
            try:
                return (folder / name).read_text("utf-8", errors="replace")
            except OSError:
                continue
        return None

    return read


@dataclass(frozen=True)
class PamSwitch:
    """The module in or out.

    Attributes:
        pam_folder: Where PAM's services are.
        profiles: Where pam-auth-update finds profiles.
        kept: File for what was there before; in a folder of root alone, as its content goes back into PAM's files.
        modules: Folders in which libpam looks for modules.
        run: Runs a command; its exit code.
    """

    pam_folder: Path = Path("/etc/pam.d")
    profiles: Path = Path("/usr/share/pam-configs")
    kept: Path = Path("/var/lib/streamauth-pam/before.json")
    modules: tuple[Path, ...] = (Path("/lib/security"), Path("/usr/lib/security"))
    run: Run = _run

    @property
    def is_on(self) -> bool:
        """Whether the module is in the stack of all services."""
        text = folder_reader(self.pam_folder)("common-auth")
        return text is not None and any(
            VOICE_MODULE in line for line in text.splitlines() if not line.lstrip().startswith("#")
        )

    def module_installed(self) -> bool:
        """Whether libpam finds the module."""
        folders = [*self.modules, *Path("/lib").glob("*/security"), *Path("/usr/lib").glob("*/security")]
        return any((folder / VOICE_MODULE).is_file() for folder in folders)

    def turn_on(self) -> None:
        """Put the module in; does nothing where it is in.

        Raises:
            LoginError: It cannot be; everything is as it was.
        """
        if self.is_on:
            return
        if not self.module_installed():
            raise LoginError("The PAM module is not installed. Install libpam-streamauth, or run `make pam`.")
        if shutil.which("pam-auth-update") is None:
            raise LoginError(
                "This system has no pam-auth-update. Put this line before the first one with pam_unix.so: "
                "auth sufficient pam_streamauth.so"
            )
        before = self._contents()
        profile = self.profiles / PROFILE_NAME
        own_profile = not profile.exists()
        if own_profile:
            profile.write_text(PROFILE, "utf-8")
        failed = self.run(("pam-auth-update", "--package", "--enable", PROFILE_NAME)) != 0
        if failed or not self.is_on:
            self._put_back(before)
            if own_profile:
                profile.unlink(missing_ok=True)
            raise LoginError(
                "pam-auth-update did not take the module, as it does where PAM's files were changed by hand. Put this "
                "line before the first one with pam_unix.so: auth sufficient pam_streamauth.so"
            )
        after = {name: _digest(content) for name, content in self._contents().items()}
        kept = {
            "before": {name: base64.b64encode(content).decode() for name, content in before.items()},
            "after": after,
            "own_profile": own_profile,
        }
        self.kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.kept.write_text(json.dumps(kept), "utf-8")

    def turn_off(self) -> None:
        """Take the module out; what was there before is there again.

        Raises:
            LoginError: It cannot be taken out by a program.
        """
        kept = self._kept()
        now = {name: _digest(content) for name, content in self._contents().items()}
        untouched = kept is not None and kept["after"] == now
        if self.is_on:
            self.run(("pam-auth-update", "--package", "--remove", PROFILE_NAME))
        if kept is not None and untouched:
            self._put_back({name: base64.b64decode(text) for name, text in kept["before"].items()})
        if kept is not None and kept["own_profile"]:
            (self.profiles / PROFILE_NAME).unlink(missing_ok=True)
        self.kept.unlink(missing_ok=True)
        if self.is_on:
            raise LoginError(f"Take the line with {VOICE_MODULE} out of {self.pam_folder}/common-auth by hand.")

    def _contents(self) -> dict[str, bytes]:
        files = [self.pam_folder / name for name in _COMMON]
        return {file.name: file.read_bytes() for file in files if file.is_file()}

    def _put_back(self, contents: dict[str, bytes]) -> None:
        for name, content in contents.items():
            file = self.pam_folder / name
            if file.read_bytes() != content:
                fresh = file.with_name(f".{name}.streamauth")
                fresh.write_bytes(content)
                shutil.copystat(file, fresh)
                fresh.replace(file)

    def _kept(self) -> dict[str, dict[str, str]] | None:
        try:
            kept = json.loads(self.kept.read_text("utf-8"))
            return kept if {"before", "after", "own_profile"} <= kept.keys() else None
        except (OSError, ValueError, AttributeError):
            return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
