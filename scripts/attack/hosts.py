"""Hosts on two networks, each a network namespace of this machine, and links between them that can be cut (for root).

A host has a leg in each network that it belongs to, plugged into that network's switch. A link is cut by unplugging the
leg there: the host sees nothing of it, packets just do not arrive any more.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_SWITCHES = "switches"


class Hosts:
    """Hosts that are connected until a link is cut.

    Args:
        networks: Which hosts each network has, by its name.
    """

    def __init__(self, networks: Mapping[str, tuple[str, ...]]) -> None:
        self._mark = f"sa{os.getpid()}"
        self._networks = networks
        self._names = (_SWITCHES, *dict.fromkeys(host for hosts in networks.values() for host in hosts))

    def __enter__(self) -> Self:
        for name in self._names:
            _ip("netns", "add", self.namespace(name))
            _ip("-n", self.namespace(name), "link", "set", "lo", "up")
        switches = self.namespace(_SWITCHES)
        for network, hosts in self._networks.items():
            _ip("-n", switches, "link", "add", network, "type", "bridge")
            _ip("-n", switches, "link", "set", network, "up")
            for host in hosts:
                space, plug = self.namespace(host), self._plug(host, network)
                _ip("-n", space, "link", "add", network, "type", "veth", "peer", "name", plug, "netns", switches)
                _ip("-n", space, "address", "add", f"{self.address(host, network)}/24", "dev", network)
                _ip("-n", space, "link", "set", network, "up")
                _ip("-n", switches, "link", "set", plug, "up")
                self.heal(host, network)
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", self.namespace(name))

    def namespace(self, host: str) -> str:
        """Its name on this machine."""
        return f"{self._mark}-{host}"

    def address(self, host: str, network: str) -> str:
        """Of a host in a network."""
        return f"10.99.{list(self._networks).index(network)}.{self._names.index(host)}"

    def cut(self, host: str, network: str) -> None:
        """Let nothing pass between a host and a network."""
        _ip("-n", self.namespace(_SWITCHES), "link", "set", self._plug(host, network), "nomaster")

    def heal(self, host: str, network: str) -> None:
        """Let it pass again."""
        _ip("-n", self.namespace(_SWITCHES), "link", "set", self._plug(host, network), "master", network)

    def command(self, host: str, *command: str) -> list[str]:
        """What runs a command on a host."""
        return ["ip", "netns", "exec", self.namespace(host), *command]

    @contextmanager
    def on(self, host: str) -> Iterator[None]:
        """Sockets that this thread makes are of the host; those that it has made stay so afterwards."""
        former = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace(host)}", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(former)
            os.close(former)
            os.close(there)

    def _plug(self, host: str, network: str) -> str:
        return f"{self._names.index(host)}-{network}"[:15]


def possible() -> bool:
    """Whether this process may make network namespaces."""
    name = f"sa{os.getpid()}-try"
    try:
        _ip("netns", "add", name)
        _ip("netns", "delete", name)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    return Path("/proc/thread-self/ns/net").exists()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


def _enter(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "a network namespace cannot be entered")
