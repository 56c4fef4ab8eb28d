"""The life of a server: its address, its start, and a stop that lets running sessions finish."""

import asyncio
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

from streamauth.errors import CannotListen
from streamauth.protocol.messages import is_loopback, url_of
from streamauth.server.accepting import Acceptor
from streamauth.server.access import listed
from streamauth.server.app import Application
from streamauth.server.certificates import Certificate
from streamauth.server.connections import Waiting, connection_classes
from streamauth.server.mounts import MakeMount
from streamauth.server.place import Place
from streamauth.server.times import CLOSE_S, TELL_S
from streamauth.service.authenticator import Authenticator
from streamauth.settings import ServerSettings, Settings

log = logging.getLogger("streamauth.server")

_BACKLOG = 1024
_TICK_S = 1.0
_POLL_S = 0.01
_SEND_BUFFER_BYTES = 131_072

OnReady = Callable[[str], None]
"""Told the URL of the streaming endpoint once clients may come."""


def serve(
    authenticator: Authenticator,
    settings: Settings,
    on_ready: OnReady,
    mounts: Sequence[MakeMount] = (),
    place: Place | None = None,
) -> None:
    """Load the models and serve until SIGINT or SIGTERM; to be called in the main thread.

    Args:
        authenticator: What makes the attempts.
        settings: All settings.
        on_ready: Told the URL.
        mounts: Further APIs beside the server's own.
        place: Of a worker beside others (``workers``); None for a server of one process.

    Raises:
        CannotListen: The address is not allowed or the port is taken.
        EngineError: A model cannot be loaded.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop_soon(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop.set)

        former = {number: signal.signal(number, stop_soon) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            await serve_until(stop, authenticator, settings, on_ready, mounts, place)
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    asyncio.run(main())


async def serve_until(
    stop: asyncio.Event,
    authenticator: Authenticator,
    settings: Settings,
    on_ready: OnReady,
    mounts: Sequence[MakeMount] = (),
    place: Place | None = None,
) -> None:
    """Load the models and serve until ``stop`` is set, then end the running sessions.

    Raises:
        CannotListen, EngineError: As ``serve``.
    """
    limits = settings.server
    local = is_loopback(limits.host)
    if not local and not authenticator.store.api_keys.exist(good=True):
        raise CannotListen(
            "Other machines could reach this address, and there is no API key yet. Make one with `streamauth keys "
            "create`, or listen on 127.0.0.1."
        )
    async with Application.running(authenticator, settings, local=local, mounts=mounts, place=place) as application:
        certificate, waiting = Certificate(limits), Waiting(limits)
        http, websocket = connection_classes(limits, waiting)
        config = uvicorn.Config(
            application.asgi,
            http=http,  # type: ignore[arg-type]
            ws=websocket,  # type: ignore[arg-type]
            ws_max_size=limits.max_message_bytes,
            # PCM gains nothing by it, and a small message could unpack to a huge one
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            # its records hold requests, so whatever the peers send; what matters is logged by ourselves
            log_level=logging.CRITICAL + 1,
            access_log=False,
            server_header=False,
            proxy_headers=bool(limits.trusted_proxies),
            forwarded_allow_ips=trusted_proxies(limits),
        )
        listening = listen(limits) if place is None else socket.socket(fileno=place.listening)
        secure = bool(limits.tls_certificate)
        host, port = listening.getsockname()[:2]
        url = url_of("127.0.0.1" if host in ("0.0.0.0", "::") else host, port, secure=secure)  # noqa: S104
        log.info("listening on port %d", port)
        if not local and not secure and not limits.trusted_proxies:
            log.warning("without TLS: voices and API keys can be read on the way here")
        uvicorn_server = _Uvicorn(config, application, stop, lambda: on_ready(url), place)
        acceptor = Acceptor(
            listening,
            uvicorn_server.connection,
            certificate.context,
            limits,
            waiting,
            trusted_proxies(limits),
            uvicorn_server.is_next if place else None,
        )
        with _on_hangup(certificate.reload), _on_orphaned(place, stop):
            await uvicorn_server.run_with(acceptor, listening)
        log.info("stopped")


@contextmanager
def _on_hangup(call: Callable[[], None]) -> Iterator[None]:
    """Call something at SIGHUP, where this is the main thread and the system has that signal."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        yield
        return
    loop = asyncio.get_running_loop()
    former = signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(call) and None)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, former)


@contextmanager
def _on_orphaned(place: Place | None, stop: asyncio.Event) -> Iterator[None]:
    """Stop where the supervisor is gone."""
    if place is None:
        yield
        return
    loop, lifeline = asyncio.get_running_loop(), place.lifeline

    def orphaned() -> None:
        loop.remove_reader(lifeline)
        stop.set()

    loop.add_reader(lifeline, orphaned)
    try:
        yield
    finally:
        loop.remove_reader(lifeline)
        place.close()


class _Uvicorn(uvicorn.Server):
    """uvicorn's protocol classes and their shared state, on connections that we accept."""

    def __init__(
        self,
        config: uvicorn.Config,
        application: Application,
        stop: asyncio.Event,
        on_ready: Callable[[], None],
        place: Place | None,
    ) -> None:
        super().__init__(config)
        config.load()
        self.lifespan = config.lifespan_class(config)
        self._application = application
        self._stop = stop
        self._on_ready = on_ready
        self._place = place

    def is_next(self, pending: int) -> bool:
        """Whether this worker should take the next connection, beside those that are not made yet."""
        return self._place is None or self._place.is_next(len(self.server_state.connections) + pending)

    def connection(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def run_with(self, acceptor: Acceptor, listening: socket.socket) -> None:
        """Serve until the stop, then let what is running come to its end."""
        acceptor.start()
        try:
            await self.on_tick(0)
            if self._place is not None:
                self._place.begin()
            self._on_ready()
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_S):
                        await self._stop.wait()
                await self.on_tick(0)
                self.is_next(0)  # shows life
        finally:
            acceptor.stop()
            listening.close()
        await self._application.finish()
        await self.shutdown()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn: the sessions are over, so what is left are requests, and connections that wait for one."""
        for connection in list(self.server_state.connections):
            connection.shutdown()
        state, clock = self.server_state, asyncio.get_running_loop().time
        until_s = clock() + TELL_S + CLOSE_S
        while (state.connections or state.tasks) and clock() < until_s:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(_POLL_S)
        for task in state.tasks:
            task.cancel()
        for connection in list(state.connections):
            connection.transport.abort()
        if state.tasks:
            await asyncio.wait(state.tasks)


def trusted_proxies(limits: ServerSettings) -> list[str]:
    """The addresses and networks of reverse proxies.

    Raises:
        CannotListen: One of them is none.
    """
    trusted = listed(limits.trusted_proxies)
    try:
        for item in trusted:
            ipaddress.ip_network(item)
    except ValueError:
        raise CannotListen("The setting server.trusted_proxies holds addresses and networks only.") from None
    return trusted


def listen(limits: ServerSettings) -> socket.socket:
    """The socket that the server listens on.

    Raises:
        CannotListen: The address is none of this machine, or the port is taken.
    """
    # not looked up: a name server must not decide what is local
    host = "127.0.0.1" if limits.host == "localhost" else limits.host
    try:
        address = ipaddress.ip_address(host)
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        listening = socket.create_server((host, limits.port), family=family, backlog=_BACKLOG)
    except ValueError:
        raise CannotListen("The setting server.host is an IP address or localhost.") from None
    except OSError as error:
        raise CannotListen(f"The server cannot listen on port {limits.port}: {error.strerror}.") from None
    # connections inherit it: of who does not read, so much is kept by the system, and no more
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return listening
