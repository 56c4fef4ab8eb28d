"""Client of the streaming protocol, version 1, for devices and backends: async and sync.

    start = Start(Mode.VERIFY, AudioFormat(16_000), name="ada")
    for message in stream_sync("wss://voice.example.org/v1/stream", start, chunks, api_key=key):
        if isinstance(message, Decided):
            ...

Only a ``Decided`` with the verdict ``ACCEPT`` is an accept; an exception, or an end without one, never is.
"""

import asyncio
import json
import logging
import ssl
import threading
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Enrolled, Failed, PromptGiven
from streamauth.core.phrase.prompt import PromptKind
from streamauth.errors import (
    AccessRefused,
    InputError,
    MessageTooLarge,
    ProtocolError,
    ServerStopping,
    ServerUnreachable,
    StreamAuthError,
    all_errors,
)
from streamauth.protocol.answers import Pronunciation, Ready, ServerMessage, SignedVerdict, parse_server_text
from streamauth.protocol.messages import CorrectPhrase, End, EndUtterance, Start, client_text, is_loopback
from streamauth.protocol.purpose import Mode

__all__ = [
    "CorrectPhrase",
    "EndUtterance",
    "Mode",
    "PromptGiven",
    "PromptKind",
    "Pronunciation",
    "Ready",
    "ServerMessage",
    "SignedVerdict",
    "Start",
    "pcm_chunks",
    "stream",
    "stream_sync",
]

_OPEN_S = 10.0
_CLOSE_S = 2.0
_MAX_ANSWER_BYTES = 16 * 2**20

# The library's records hold whole messages, so names and words.
_library_log = logging.getLogger("streamauth.client.websockets")
_library_log.setLevel(logging.CRITICAL)

Chunk = bytes | EndUtterance | CorrectPhrase
"""PCM in the format of the Start message, whole samples; the end of an enrollment utterance; or, right after the first
one, the pass phrase that it was, where something else was heard."""


def pcm_chunks(data: bytes, audio: AudioFormat, chunk_ms: int = 100) -> Iterator[bytes]:
    """PCM in chunks of the length that a microphone would give."""
    size = max(1, audio.sample_rate_hz * chunk_ms // 1000) * audio.frame_bytes
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def stream(
    url: str,
    start: Start,
    chunks: Iterable[Chunk] | AsyncIterable[Chunk],
    *,
    pace: float | None = 1.0,
    api_key: str | None = None,
    authorities: Path | None = None,
    certificate: Path | None = None,
) -> AsyncGenerator[ServerMessage, None]:
    """Stream audio to a server and give its messages as they come.

    Sending begins when the server is ready, or has told the random prompt where ``start`` asks for one: audio made
    from then on can hold its words. It stops at the decision, or when the enrollment is complete. Leave the
    iteration early through ``contextlib.aclosing``: the server then sees a broken-off session.

    Args:
        url: ``ws://host:port/v1/stream``.
        start: What the session is for, and the format of the audio.
        chunks: The audio. An ordinary iterable is read in a thread, so it may block, as a microphone does.
        pace: Speed of sending, of real time: a chunk is sent once it could have been recorded. None sends as fast
            as the server takes it.
        api_key: What the server knows the program by; sent over TLS only, or within this machine.
        authorities: File of the certificates (PEM) to trust for ``wss:``; those of the system if not given.
        certificate: File of this device's own certificate and key (PEM), where the server asks for one.

    Yields:
        First Ready, then PromptGiven if ``start`` asks for a prompt, or Pronunciation if the phrase to be enrolled has
        words that the server's dictionary does not have, then all other events; a SignedVerdict right before what it
        signs.

    Raises:
        InputError: The URL is none, or would show the API key to the network.
        AccessRefused: The server does not allow it.
        ServerUnreachable: No server there, or the connection broke before the session was over.
        ProtocolError: The server does not speak this protocol.
        StreamAuthError: Of the class and code with which the server ended the session.
    """
    final = False
    problems: list[Exception] = []
    async with await _connected(url, api_key, authorities, certificate) as socket:
        sender: asyncio.Task[None] | None = None
        try:
            with suppress(ConnectionClosed):  # what it was closed for is seen when receiving
                await socket.send(client_text(start))
            while True:
                try:
                    message = _parsed(await socket.recv())
                except ConnectionClosed as closed:
                    if problems:
                        raise problems[0] from None
                    if final or (closed.rcvd is not None and closed.rcvd.code == 1000):
                        return
                    raise _broken(closed) from None
                if isinstance(message, Failed):
                    raise _error_of(message)
                begin = Ready if start.prompt is None else PromptGiven
                if isinstance(message, begin) and sender is None:
                    sender = asyncio.create_task(_send(socket, start.audio, chunks, pace, problems))
                elif sender is not None and _is_final(message, start.mode):
                    final = True
                    sender.cancel()
                if message is not None:
                    yield message
        finally:
            if sender is not None:
                sender.cancel()
                await asyncio.wait({sender})


def stream_sync(
    url: str,
    start: Start,
    chunks: Iterable[Chunk],
    *,
    pace: float | None = 1.0,
    api_key: str | None = None,
    authorities: Path | None = None,
    certificate: Path | None = None,
) -> Iterator[ServerMessage]:
    """As ``stream``, for code without an event loop: it runs in a thread of its own."""
    messages: SimpleQueue[ServerMessage | BaseException | None] = SimpleQueue()
    running: SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = SimpleQueue()

    async def receive() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine run by asyncio.run is a task
        running.put((asyncio.get_running_loop(), task))
        trust = {"authorities": authorities, "certificate": certificate}
        session = stream(url, start, chunks, pace=pace, api_key=api_key, **trust)
        async with aclosing(session) as received:
            async for message in received:
                messages.put(message)

    def run() -> None:
        try:
            asyncio.run(receive())
            messages.put(None)
        except BaseException as error:  # raised again in the caller's thread
            messages.put(error)

    thread = threading.Thread(target=run, name="streamauth-client", daemon=True)
    thread.start()
    loop, task = running.get()
    try:
        while (message := messages.get()) is not None:
            if isinstance(message, BaseException):
                raise message
            yield message
    finally:
        with suppress(RuntimeError):  # the loop is closed where the session is over
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


def _tls(authorities: Path | None, certificate: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authorities)
    if certificate is not None:
        try:
            context.load_cert_chain(certificate)
        except OSError:  # ssl.SSLError is one
            raise InputError("The device's certificate, or its key in the same file, cannot be read.") from None
    return context


async def _connected(url: str, api_key: str | None, authorities: Path | None, certificate: Path | None) -> Connection:
    try:
        address = urlsplit(url)
        secure = address.scheme == "wss"
        if api_key is not None and not secure and not is_loopback(address.hostname or ""):
            raise InputError("An API key is sent over TLS only. Give wss://HOST:PORT/v1/stream.")
        return await connect(
            url,
            additional_headers={} if api_key is None else {"Authorization": f"Bearer {api_key}"},
            ssl=_tls(authorities, certificate) if secure else None,
            compression=None,
            # voices do not take a way round through what an environment variable names
            proxy=None,
            open_timeout=_OPEN_S,
            close_timeout=_CLOSE_S,
            max_size=_MAX_ANSWER_BYTES,
            logger=_library_log,
        )
    except InvalidStatus as refused:
        raise _refusal(refused.response.status_code, refused.response.body) from None
    except ssl.SSLError:  # before ValueError, as one of them is both
        raise ServerUnreachable(
            "The server's certificate is not trusted, it does not trust this device's, or it speaks no TLS."
        ) from None
    except (InvalidURI, ValueError):
        raise InputError("This is not the address of a server. Give ws://HOST:PORT/v1/stream.") from None
    except (OSError, InvalidHandshake):
        raise ServerUnreachable() from None


def _refusal(status: int, body: bytes | bytearray | None) -> StreamAuthError:
    """The error of a handshake that was answered by HTTP."""
    with suppress(ValueError, KeyError, TypeError):
        told = json.loads(body or b"")["error"]
        for kind in all_errors():
            if kind.code == told["code"] and issubclass(kind, AccessRefused | ServerStopping):
                return kind(str(told["message"]))
    return ServerUnreachable(f"The server refused the connection (HTTP status {status}).")


async def _send(
    socket: Connection,
    audio: AudioFormat,
    chunks: Iterable[Chunk] | AsyncIterable[Chunk],
    pace: float | None,
    problems: list[Exception],
) -> None:
    clock = asyncio.get_running_loop().time
    began, sent_s = clock(), 0.0
    try:
        async for chunk in _each(chunks):
            if isinstance(chunk, bytes):
                sent_s += len(chunk) / audio.bytes_per_s
                if pace is not None:
                    await asyncio.sleep(began + sent_s / pace - clock())
                await socket.send(chunk)
            else:
                await socket.send(client_text(chunk))
        await socket.send(client_text(End()))
    except ConnectionClosed:
        pass  # the receiving side tells why
    except Exception as problem:  # the source of the audio failed: raised by the receiving side
        problems.append(problem)
        await socket.close()


async def _each(chunks: Iterable[Chunk] | AsyncIterable[Chunk]) -> AsyncIterator[Chunk]:
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            yield chunk
        return
    iterator = iter(chunks)
    while (following := await asyncio.to_thread(next, iterator, None)) is not None:
        yield following


def _parsed(data: str | bytes) -> ServerMessage | None:
    if isinstance(data, bytes):
        raise ProtocolError("The server sent a binary message.")
    return parse_server_text(data)


def _is_final(message: ServerMessage | None, mode: Mode) -> bool:
    return isinstance(message, Enrolled) or (isinstance(message, Decided) and mode is not Mode.CONTINUOUS)


def _broken(closed: ConnectionClosed) -> StreamAuthError:
    received = closed.rcvd
    return MessageTooLarge() if received is not None and received.code == 1009 else ServerUnreachable()


def _error_of(failed: Failed) -> StreamAuthError:
    for kind in all_errors():
        if kind.code == failed.code:
            return kind(failed.message)
    return StreamAuthError(f"{failed.message} [{failed.code}]")
