"""Attempts on audio files that came by HTTP: decoded a piece at a time, through the same sessions as streams."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Event
from streamauth.core.sessions.base import SessionState
from streamauth.errors import EmptyAudio, InternalError, SessionInterrupted, StreamAuthError
from streamauth.protocol.purpose import Mode
from streamauth.server.access import Allowance
from streamauth.server.attempts import AnyAttempt, AttemptRun
from streamauth.server.context import Context
from streamauth.service.authenticator import Attempt
from streamauth.sources import CHUNKS_PER_S, AudioSource
from streamauth.sources.files import open_audio

_CHUNKS_PER_CALL = max(1, CHUNKS_PER_S // 2)


async def run_file(
    context: Context,
    mode: Mode | None,
    body: bytes,
    begin: Callable[[AudioFormat], AnyAttempt],
    max_s: float,
    *,
    channel: int | None = None,
    allowance: Allowance | None = None,
) -> tuple[AnyAttempt, list[Event]]:
    """Take an audio file through an attempt; the attempt, which is over, and what happened.

    Args:
        context: Of the server.
        mode: What the attempt is counted as; None does not count it.
        body: The file.
        begin: Makes the attempt.
        max_s: Longest audio, in seconds.
        channel: The only channel to listen to, counted from 1; None mixes all.
        allowance: What the attempt uses up if it is not accepted.

    Raises:
        StreamAuthError: The file cannot be used, or the attempt failed.
    """
    if not body:
        raise EmptyAudio
    run = AttemptRun[AnyAttempt](context, mode, allowance)
    events: list[Event] = []
    error: StreamAuthError | None = SessionInterrupted()
    with audio_path(body) as path:
        try:
            # decoded a piece at a time on the pool, in turn with the pieces of others
            source = await run.call(lambda: open_audio(path, max_s=max_s, channel=channel, decode=context.decode))
            with source:
                await run.begin(lambda: begin(source.format))
                piece = _Piece(source)
                while run.listening and not piece.last:
                    events += await run.step(piece)
            run.check()
            error = None
        except StreamAuthError as failed:
            error = failed
            raise
        except Exception:
            error = InternalError()
            raise
        finally:
            run.end(error)
    return run.attempt, events


class _Piece:
    """The next piece of a file, given to an attempt by each call.

    Attributes:
        last: Whether the file is over.
    """

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self.last = False

    def __call__(self, attempt: Attempt[Any]) -> list[Event]:
        events: list[Event] = []
        chunks = list(islice(self._source, _CHUNKS_PER_CALL))
        for chunk in chunks:
            if attempt.state is SessionState.LISTENING:
                events += attempt.receive_audio(chunk)
        self.last = len(chunks) < _CHUNKS_PER_CALL
        if self.last and attempt.state is SessionState.LISTENING:
            events += attempt.receive_end()
        return events


@contextmanager
def audio_path(body: bytes) -> Iterator[Path]:
    """A path from which the body can be read: of memory where the system has such, so that no voice is on a disk."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("audio")
        try:
            with open(handle, "wb", closefd=False) as file:
                file.write(body)
            yield Path(f"/proc/self/fd/{handle}")
        finally:
            os.close(handle)
        return
    handle, name = tempfile.mkstemp(prefix="streamauth-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        yield Path(name)
    finally:
        with suppress(OSError):
            os.unlink(name)
