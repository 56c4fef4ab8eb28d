"""The server as a whole: address, admission of connections, shutdown."""

import asyncio
import ipaddress
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from queue import SimpleQueue
from types import FrameType

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.http11 import Request, Response

from streamauth.errors import CannotListen, ServerBusy, ServerStopping
from streamauth.server.closing import CLOSE_S, TELL_S, farewell
from streamauth.server.messages import PATH
from streamauth.server.messages import url_of as url_of
from streamauth.server.pool import WorkerPool
from streamauth.server.stream import Stream
from streamauth.service import Authenticator
from streamauth.settings import Settings

log = logging.getLogger("streamauth.server")

# The library's records hold frames and requests, so whatever the peers send; what matters is logged here instead.
_library_log = logging.getLogger("streamauth.server.websockets")
_library_log.setLevel(logging.CRITICAL)

_HANDSHAKE_S = 10.0
_READ_BYTES = 16_384
_POOL_S = 1.0

OnReady = Callable[[str, int], None]
"""Told the address and the port once clients may come."""


def loopback(host: str) -> str:
    """The loopback address of a host name.

    Raises:
        CannotListen: It is another address. There is no access control yet, so nothing else may be listened on.
    """
    if host == "localhost":
        # not looked up: a name server must not decide what is local
        return "127.0.0.1"
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return host
    raise CannotListen()


def serve(authenticator: Authenticator, settings: Settings, on_ready: OnReady) -> None:
    """Load the models and serve until SIGINT or SIGTERM; to be called in the main thread.

    Raises:
        CannotListen: The address is no loopback address, or the port is taken.
        EngineError: A model cannot be loaded.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop_soon(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop.set)

        former = {number: signal.signal(number, stop_soon) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            await serve_until(stop, authenticator, settings, on_ready)
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    asyncio.run(main())


@contextmanager
def serving(authenticator: Authenticator, settings: Settings) -> Iterator[str]:
    """A server in a thread of this process, for demonstrations and tests; gives its URL.

    Raises:
        CannotListen, EngineError: As ``serve``.
    """
    began: SimpleQueue[str | BaseException] = SimpleQueue()
    stop = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        await serve_until(stop, authenticator, settings, lambda host, port: began.put(url_of(host, port)))

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # raised again in the caller's thread
            began.put(error)

    thread = threading.Thread(target=run, name="streamauth-server")
    thread.start()
    url = began.get()
    if isinstance(url, BaseException):
        thread.join()
        raise url
    try:
        yield url
    finally:
        with suppress(RuntimeError):  # the loop is closed where the server failed on its own
            loops[0].call_soon_threadsafe(stop.set)
        thread.join()
    if not began.empty() and isinstance(error := began.get(), BaseException):
        raise error


async def serve_until(
    stop: asyncio.Event, authenticator: Authenticator, settings: Settings, on_ready: OnReady
) -> None:
    """Load the models and serve until ``stop`` is set, then end the running sessions.

    Raises:
        CannotListen, EngineError: As ``serve``.
    """
    host = loopback(settings.server.host)
    pool = WorkerPool(settings.server.workers)
    try:
        # so that the first client does not wait for it, and a missing model is known before anyone comes
        await asyncio.wrap_future(pool.submit(lambda: authenticator.engines.models(with_words=True)))
        await _Server(authenticator, pool, settings).run(host, stop, on_ready)
    finally:
        pool.close(_POOL_S)


class _Server:
    def __init__(self, authenticator: Authenticator, pool: WorkerPool, settings: Settings) -> None:
        self._authenticator = authenticator
        self._pool = pool
        self._settings = settings
        self._streams: set[Stream] = set()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, host: str, stop: asyncio.Event, on_ready: OnReady) -> None:
        limits = self._settings.server
        try:
            server = await listen(
                self._admit,
                host,
                limits.port,
                process_request=_before_handshake,
                # PCM gains nothing by it, and a small message could unpack to a huge one
                compression=None,
                max_size=limits.max_message_bytes,
                open_timeout=min(_HANDSHAKE_S, limits.idle_timeout_s),
                close_timeout=CLOSE_S,
                server_header=None,
                logger=_library_log,
            )
        except OSError as error:
            raise CannotListen(f"The server cannot listen on port {limits.port}: {error.strerror}.") from None
        port = server.sockets[0].getsockname()[1]
        log.info("listening on port %d", port)
        on_ready(host, port)
        try:
            await stop.wait()
        finally:
            log.info("stopping with %d sessions", len(self._streams))
            self._stopping = True
            server.close(close_connections=False)
            await self._wait_idle(limits.shutdown_grace_s)
            for stream in self._streams:
                stream.end(ServerStopping())
            await self._wait_idle(2 * (TELL_S + CLOSE_S))
            log.info("stopped")

    async def _admit(self, socket: ServerConnection) -> None:
        if self._stopping:
            await farewell(socket, ServerStopping())
            return
        if len(self._streams) >= self._settings.server.max_sessions:
            log.warning("refused a session: all %d are taken", len(self._streams))
            await farewell(socket, ServerBusy())
            return
        # asyncio reads 256 KiB in one go otherwise; as tiny frames, that would hold up all others while it is parsed
        socket.transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        stream = Stream(socket, self._authenticator, self._pool, self._settings)
        self._streams.add(stream)
        self._idle.clear()
        try:
            await stream.run()
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._idle.set()

    async def _wait_idle(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()


def _before_handshake(socket: ServerConnection, request: Request) -> Response | None:
    if request.path == "/healthz":
        return socket.respond(HTTPStatus.OK, "ok\n")
    if request.path != PATH:
        return socket.respond(HTTPStatus.NOT_FOUND, f"The streaming endpoint is {PATH}.\n")
    if "Origin" in request.headers:
        # only browsers send it: a web page must not reach a local server behind its user's back
        return socket.respond(HTTPStatus.FORBIDDEN, "Web pages may not connect.\n")
    return None
