"""A web server that answers as it is told, and a registry whose models lie on it."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Answer:
    """How a path is answered.

    Attributes:
        content: What lies there.
        cut_after: The connection breaks after so many bytes of one answer; None never.
        stall_after: Nothing more comes after so many bytes of one answer.
        pause_s: Waiting time before each block.
        block: Bytes of a block.
        ranges: Whether parts are given.
        shift: By how much a part begins elsewhere than asked for.
        tell_length: Whether the size is told.
        statuses: Answers with these statuses first, one by one.
        location: Where it redirects to.
    """

    content: bytes = b""
    cut_after: int | None = None
    stall_after: int | None = None
    pause_s: float = 0.0
    block: int = 1 << 16
    ranges: bool = True
    shift: int = 0
    tell_length: bool = True
    statuses: list[int] = field(default_factory=list)
    location: str = ""


class Site:
    """The server's content, and what it was asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.over = threading.Event()


@contextmanager
def serving() -> Iterator[Site]:
    """A server on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler())
    server.daemon_threads = True
    site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    server.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler() -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site: Site = self.server.site  # type: ignore[attr-defined]
            wanted = self.headers.get("Range")
            site.asked.append((self.path, wanted))
            answer = site.answers.get(self.path)
            if answer is None or answer.statuses:
                self.send_error(answer.statuses.pop(0) if answer is not None else 404)
                return
            if answer.location:
                self.send_response(302)
                self.send_header("Location", answer.location)
                self.end_headers()
                return
            start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and answer.ranges else 0
            if start and start >= len(answer.content):
                self.send_error(416)
                return
            start += answer.shift if start else 0
            self.send_response(206 if wanted and answer.ranges else 200)
            if wanted and answer.ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(answer.content) - 1}/{len(answer.content)}")
            if answer.tell_length:
                self.send_header("Content-Length", str(len(answer.content) - start))
            self.end_headers()
            self._send(site, answer, answer.content[start:])

        def _send(self, site: Site, answer: Answer, body: bytes) -> None:
            sent = 0
            while sent < len(body):
                ends = [limit for limit in (answer.cut_after, answer.stall_after) if limit is not None]
                block = body[sent : min([sent + answer.block, *ends])]
                if not block:
                    if answer.stall_after is not None:
                        site.over.wait(30)
                    return
                time.sleep(answer.pause_s)
                try:
                    self.wfile.write(block)
                except OSError:
                    return
                sent += len(block)

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def table(name: str, **fields: Any) -> str:
    """A table of a registry; values as JSON, which TOML reads too."""
    common = {
        "licence": "CC-BY-4.0", "source": "a test", "language": "en", "sample_rate_hz": 16_000, "description": "a test",
    }  # fmt: skip
    return f'["{name}"]\n' + "".join(f"{key} = {json.dumps(value)}\n" for key, value in (common | fields).items())


def encoder_table(name: str, content: bytes, url: str, **fields: Any) -> str:
    common = {
        "kind": "encoder", "file": f"{name}.onnx", "bytes": len(content), "sha256": sha256(content), "urls": [url],
        "features": "wespeaker-fbank-1", "dim": 256, "window_samples": 32_000, "min_samples": 12_800, "max_batch": 4,
    }  # fmt: skip
    return table(name, **(common | fields))


def archive_table(name: str, content: bytes, url: str, **fields: Any) -> str:
    common = {
        "kind": "recognizer", "file": "top", "bytes": len(content), "sha256": sha256(content), "urls": [url],
        "language": "xx-XX",
    }  # fmt: skip
    return table(name, **(common | fields))


def write_registry(folder: Path, *tables: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "registry.toml").write_text("\n".join(tables), "utf-8")
