"""The screen's page: files, one stream of what to show, and four things that a visitor can say by touch.

It listens on loopback alone. Nothing that comes in here opens a door: a claim names somebody whose voice must follow.
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from streamauth.errors import BadSetting, CannotListen
from streamauth.kiosk.screen import Screen, View
from streamauth.server.static import TYPES, file_route

FOLDER = Path(__file__).with_name("page")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of the page."""

_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PAGE_HEADERS = {"Content-Security-Policy": POLICY, "Permissions-Policy": "microphone=(), camera=()"}
_MAX_BODY = 512
_MAX_TEXT = 64
_MAX_WAITING = 64
_MAX_SCREENS = 8
_BEAT_S = 4.0
_START_S = 10.0
_STOP_S = 3.0
_END = ""


class TouchKind(StrEnum):
    """What a visitor can say by touch."""

    TOUCH = "touch"
    CANCEL = "cancel"
    RING = "ring"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Touch:
    """Something that a visitor said by touch.

    Attributes:
        kind: What.
        text: Of a claim: the PIN, badge number or code.
    """

    kind: TouchKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class KioskFacts:
    """What the page must know of its kiosk.

    Attributes:
        door: Name of the door.
        by: How a visitor begins: ``voice``, ``touch``, ``claim`` or ``either``.
        touch: Whether a touch begins an attempt.
        languages: Codes, the first one at the begin.
        operator: Who runs it, for the privacy notice.
        contact: How to reach them.
    """

    door: str
    by: str = "voice"
    touch: bool = False
    languages: tuple[str, ...] = ("en", "de", "fr", "es", "zh")
    operator: str = ""
    contact: str = ""


class _Client:
    """One page that is open."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.queue: asyncio.Queue[str] = asyncio.Queue(_MAX_WAITING)

    def put(self, message: str) -> None:
        """Take a message; a page that is too slow misses the oldest ones."""
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(message)


class ScreenFeed:
    """What all open pages show; told by any thread."""

    def __init__(self, facts: KioskFacts) -> None:
        self._facts = facts
        self._lock = threading.Lock()
        self._clients: set[_Client] = set()
        self._screen = Screen(View.OUT_OF_ORDER)

    @property
    def screen(self) -> Screen:
        """What is shown now."""
        with self._lock:
            return self._screen

    def show(self, screen: Screen) -> None:
        """Show a picture."""
        with self._lock:
            self._screen = screen
            self._send(_message("screen", asdict(screen)))

    def level(self, rms_dbfs: float) -> None:
        """Show the level of what is heard."""
        with self._lock:
            self._send(_message("level", round(rms_dbfs, 1)))

    def close(self) -> None:
        """End all streams."""
        with self._lock:
            self._send(_END)

    async def stream(self) -> AsyncIterator[str]:
        """What one page gets, from what is shown now on."""
        client = _Client(asyncio.get_running_loop())
        with self._lock:
            if len(self._clients) >= _MAX_SCREENS:
                return
            self._clients.add(client)
            first = _message("kiosk", asdict(self._facts)) + _message("screen", asdict(self._screen))
        try:
            yield first
            while True:
                try:
                    message = await asyncio.wait_for(client.queue.get(), _BEAT_S)
                except TimeoutError:
                    message = _message("beat", None)
                if message == _END:
                    return
                yield message
        finally:
            with self._lock:
                self._clients.discard(client)

    def _send(self, message: str) -> None:
        for client in self._clients:
            client.loop.call_soon_threadsafe(client.put, message)


class ScreenServer:
    """Serves the page by a thread of its own. Start it, and close it at last.

    Args:
        feed: What it shows.
        on_touch: Called by the server's thread with what a visitor says by touch.
        host: A loopback address.
        port: 0 takes a free one.

    Raises:
        BadSetting: The address is not a loopback one.
    """

    def __init__(self, feed: ScreenFeed, on_touch: Callable[[Touch], None], host: str, port: int) -> None:
        try:
            loopback = ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise BadSetting("kiosk.host must be a loopback address, such as 127.0.0.1: the screen is at this machine.")
        self._feed = feed
        self._on_touch = on_touch
        self._host, self._port = host, port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def start(self) -> None:
        """Begin to serve.

        Raises:
            CannotListen: The port is taken.
        """
        config = uvicorn.Config(
            self._app(),
            host=self._host,
            port=self._port,
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=1,
            limit_concurrency=64,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(server,), name="kiosk-screen", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise CannotListen(f"The screen's page cannot listen on port {self._port}. Is a kiosk running already?")
            time.sleep(0.01)
        self._port = int(server.servers[0].sockets[0].getsockname()[1])
        name = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{name}:{self._port}/"

    def close(self) -> None:
        """Stop. Idempotent."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            self._feed.close()  # an open stream would hold it up
            server.should_exit = True
            self._thread.join(_STOP_S)
            server.force_exit = True
            self._thread.join()

    @staticmethod
    def _run(server: uvicorn.Server) -> None:
        try:
            server.run()
        except SystemExit:
            return  # how uvicorn tells that it cannot listen

    def _app(self) -> Starlette:
        routes = [Route("/events", self._events, methods=["GET"])]
        routes += [Route(f"/{kind}", self._touched, methods=["POST"], name=kind) for kind in TouchKind]
        files = {path: f"/{path.name.removeprefix('index.html')}" for path in sorted(FOLDER.iterdir())}
        routes += [file_route(at, path, _HEADERS, _PAGE_HEADERS) for path, at in files.items() if path.suffix in TYPES]
        return Starlette(routes=routes)

    async def _events(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._feed.stream(), media_type="text/event-stream", headers=headers)

    async def _touched(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        # another site that is open on this machine can send neither this type nor this origin
        origin = request.headers.get("origin")
        if origin != self.url.rstrip("/") or request.headers.get("content-type") != "application/json":
            return Response(status_code=403)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MAX_BODY:
                return Response(status_code=413)
        try:
            fields = json.loads(body)
            text = fields.get("text", "")
            if not isinstance(text, str) or len(text) > _MAX_TEXT:
                raise ValueError
        except (ValueError, AttributeError, RecursionError):
            return Response(status_code=400)
        self._on_touch(Touch(TouchKind(request.url.path[1:]), text))
        return Response(status_code=204)

    def _refused(self, request: Request) -> Response | None:
        # a name that an attacker has point to this machine is none of ours
        known = {f"{name}:{self._port}" for name in ("127.0.0.1", "localhost", "[::1]", self._host)}
        return None if request.headers.get("host") in known else Response(status_code=421)


def _message(kind: str, data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
