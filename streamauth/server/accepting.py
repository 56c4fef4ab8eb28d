"""Accepts connections: limits by address and in all, a time limit for TLS handshakes, a pause when there is no room.

uvicorn leaves this to asyncio, which waits a minute for a handshake, knows no addresses, and writes a traceback for
each connection that finds no file descriptor free.
"""

import asyncio
import errno
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from streamauth.server.connections import Waiting
from streamauth.server.times import CLOSE_S
from streamauth.settings import ServerSettings

log = logging.getLogger("streamauth.server")

_BATCH = 16
_REST_S = 0.5
_DEFER_S = 0.005
_LOG_STEP_S = 60.0
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Takes connections from a listening socket, from ``start`` to ``stop``.

    Args:
        listening: The socket.
        make: Makes the protocol of a connection.
        tls: For TLS, None without.
        settings: How many connections there may be.
        waiting: The connections that have asked for nothing yet, which give way.
        proxies: Networks of reverse proxies, which stand for many people.
        is_next: Where other processes take from the same socket: whether this one should take the next connection;
            told how many it has taken that are not made yet.
    """

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        settings: ServerSettings,
        waiting: Waiting,
        proxies: Sequence[str] = (),
        is_next: Callable[[int], bool] | None = None,
    ) -> None:
        self._is_next = is_next
        self._pending: set[asyncio.Task[None]] = set()
        self._listening = listening
        self._make = make
        self._tls = tls
        self._waiting = waiting
        self._proxies = [ipaddress.ip_network(proxy) for proxy in proxies]
        self._most = settings.max_idle_connections + settings.max_sessions + 64
        self._most_of_one = settings.connections_per_address
        self._handshake_s = settings.tls_handshake_s
        self._open: dict[str, list[socket.socket]] = {}
        self._handshakes: dict[asyncio.Task[None], str] = {}
        self._quiet_until_s = 0.0
        self._refused = 0
        self._rest: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Take connections from now on."""
        self._loop = asyncio.get_running_loop()
        self._listening.setblocking(False)
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def stop(self) -> None:
        """Take no more, and end the handshakes that are under way; before the listening socket is closed."""
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._listening.fileno())
        for task in list(self._handshakes):
            task.cancel()

    def _accept(self, turn: bool = False) -> None:
        # a few at a time: many that come at once must not hold up those that are served
        for _ in range(_BATCH):
            if not turn and self._is_next is not None and not self._is_next(len(self._pending)):
                # another process has fewer; where it does not take this one soon, it is taken here all the same
                self._pause(_DEFER_S, take=True)
                return
            turn = False
            try:
                peer, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _FULL:
                    self._refuse()
                    self._waiting.give_way()
                    self._pause(_REST_S)
                return
            self._take(peer, str(address[0]))

    def _pause(self, pause_s: float, *, take: bool = False) -> None:
        self._loop.remove_reader(self._listening.fileno())
        self._rest = self._loop.call_later(pause_s, self._resume, take)

    def _resume(self, take: bool) -> None:
        self._loop.add_reader(self._listening.fileno(), self._accept)
        if take:
            self._accept(turn=True)

    def _take(self, peer: socket.socket, address: str) -> None:
        # a closed socket has no number: nobody has to tell when a connection ends
        mine = [each for each in self._open.get(address, []) if each.fileno() >= 0]
        if len(mine) >= self._most_of_one and not self._is_proxy(address) and not self._give_way(address):
            self._open[address] = mine
            self._refuse()
            peer.close()
            return
        self._open[address] = [*mine, peer]
        if sum(map(len, self._open.values())) > self._most:
            self._sweep()
            if sum(map(len, self._open.values())) > self._most and not self._give_way(None):
                self._refuse()
                peer.close()
                return
        task = self._loop.create_task(self._connect(peer))
        self._pending.add(task)
        if self._tls is not None:
            self._handshakes[task] = address

        def over(done: asyncio.Task[None]) -> None:
            self._handshakes.pop(done, None)
            self._pending.discard(done)
            if done.cancelled() or done.exception() is not None:
                peer.close()

        task.add_done_callback(over)

    async def _connect(self, peer: socket.socket) -> None:
        peer.setblocking(False)
        times = (
            {} if self._tls is None else {"ssl_handshake_timeout": self._handshake_s, "ssl_shutdown_timeout": CLOSE_S}
        )
        try:
            await self._loop.connect_accepted_socket(self._make, peer, ssl=self._tls, **times)
        except OSError:  # what the peer did wrong; ssl.SSLError is one, too
            peer.close()

    def _give_way(self, address: str | None) -> bool:
        """Close the oldest connection that has asked for nothing, of an address or of all; whether there was one."""
        for task, whose in self._handshakes.items():
            if address is None or whose == address:
                del self._handshakes[task]
                task.cancel()
                return True
        return self._waiting.give_way(address)

    def _sweep(self) -> None:
        alive = {address: [each for each in mine if each.fileno() >= 0] for address, mine in self._open.items()}
        self._open = {address: mine for address, mine in alive.items() if mine}

    def _is_proxy(self, address: str) -> bool:
        with suppress(ValueError):
            return any(ipaddress.ip_address(address) in network for network in self._proxies)
        return False

    def _refuse(self) -> None:
        """Count a refusal; say so once a minute at most, however many there are."""
        self._refused += 1
        if monotonic() >= self._quiet_until_s:
            log.warning("no room for %d connections since the last such line", self._refused)
            self._quiet_until_s, self._refused = monotonic() + _LOG_STEP_S, 0
