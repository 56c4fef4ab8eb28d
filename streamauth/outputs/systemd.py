"""Notices to systemd: that a service is ready, lives, or ends."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def sd_notify(state: str, environment: Mapping[str, str] | None = None) -> None:
    """Tell systemd; does nothing where it did not start this process. See sd_notify(3)."""
    address = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify, suppress(OSError):
        notify.connect("\0" + address[1:] if address[0] == "@" else address)
        notify.sendall(state.encode())
