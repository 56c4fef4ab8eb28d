"""What an administrator told the daemon: which services may ask for voices, none at first, and its microphone."""

import json
import os
from pathlib import Path
from threading import Lock
from typing import Any

from streamauth.errors import LoginError

OWN_SERVICE = "streamauth"
"""Of `streamauth login test` and `streamauth listen`, which open nothing; always enabled."""

_MAX_NAME = 64
_MAX_SERVICES = 100


class DaemonState:
    """What an administrator chose through the daemon, kept in a file. For any thread.

    Args:
        file: Where; need not exist. One that cannot be read enables nothing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()

    def enabled(self) -> frozenset[str]:
        """Names of the services that may ask."""
        return self._names("services")

    def fixed(self) -> frozenset[str]:
        """Names of those that ask for the pass phrase alone."""
        return self._names("fixed")

    def enable(self, service: str, on: bool, *, fixed: bool = False) -> None:
        """Let a service ask, or no longer; fixed: for the pass phrase alone.

        Raises:
            LoginError: The name is none of a service, or the file cannot be written.
        """
        check_service(service)
        with self._lock:
            names = self.enabled() | {service} if on else self.enabled() - {service}
            if len(names) > _MAX_SERVICES:
                raise LoginError("Too many services are enabled.")
            alone = self.fixed() | {service} if on and fixed else self.fixed() - {service}
            self._write(self._values() | {"services": sorted(names), "fixed": sorted(alone)})

    @property
    def device(self) -> str:
        """Name of the microphone, empty for the automatic choice."""
        name = self._values().get("device", "")
        return name if isinstance(name, str) else ""

    def choose_device(self, name: str) -> None:
        """Take this microphone from now on; the automatic choice if empty.

        Raises:
            LoginError: The file cannot be written.
        """
        with self._lock:
            self._write(self._values() | {"device": name})

    def _names(self, key: str) -> frozenset[str]:
        names = self._values().get(key)
        return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()

    def _values(self) -> dict[str, Any]:
        try:
            values = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _write(self, values: dict[str, Any]) -> None:
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(values), "utf-8")
            os.replace(fresh, self._file)
        except OSError:
            raise LoginError("The daemon cannot keep this: its data folder cannot be written.") from None


def check_service(service: str) -> None:
    """Refuse what cannot be the name of a PAM service.

    Raises:
        LoginError: It cannot.
    """
    plain = service.isascii() and service.replace("-", "a").replace("_", "a").replace(".", "a").isalnum()
    if not plain or len(service) > _MAX_NAME or service.startswith((".", "-")):
        raise LoginError("This is not the name of a PAM service.")
