"""A server within a test."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import SimpleQueue

from streamauth.server.hosting import serve_until
from streamauth.server.mounts import MakeMount
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings


@contextmanager
def serving(authenticator: Authenticator, settings: Settings, mounts: Sequence[MakeMount] = ()) -> Iterator[str]:
    """A server in a thread of this process, until the block ends; gives its URL.

    Raises:
        CannotListen, EngineError: As ``serve``.
    """
    began: SimpleQueue[str | BaseException] = SimpleQueue()
    stop = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        await serve_until(stop, authenticator, settings, began.put, mounts)

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
