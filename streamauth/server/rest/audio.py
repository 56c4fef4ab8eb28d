"""Audio files sent by HTTP, through the same sessions as streams."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import Request

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Event
from streamauth.core.sessions.base import SessionState
from streamauth.errors import EmptyAudio, EngineError, SessionInterrupted, StreamAuthError
from streamauth.server.context import Workplace
from streamauth.service.authenticator import Attempt
from streamauth.sources import CHUNKS_PER_S, AudioSource
from streamauth.sources.files import open_audio

_CHUNKS_PER_CALL = max(1, CHUNKS_PER_S // 2)

Result = TypeVar("Result")


async def decide(
    request: Request,
    workplace: Workplace,
    begin: Callable[[AudioFormat], Attempt[Any]],
    max_s: float,
) -> list[Event]:
    """Take the audio file in the body of a request through an attempt; what happened.

    Args:
        request: Its body is the file.
        workplace: Where it is worked on.
        begin: Makes the attempt.
        max_s: Longest audio.

    Raises:
        StreamAuthError: The file cannot be used, or the attempt failed.
    """
    return await decide_file(await request.body(), workplace, begin, max_s)


async def decide_file(
    body: bytes, workplace: Workplace, begin: Callable[[AudioFormat], Attempt[Any]], max_s: float
) -> list[Event]:
    """As ``decide``, of a file that is there already."""
    if not body:
        raise EmptyAudio
    work = _Work(workplace)
    events: list[Event] = []
    with audio_path(body) as path:
        # decoded a piece at a time on the pool, in turn with the pieces of others
        source = await work.call(lambda: open_audio(path, max_s=max_s))
        error: StreamAuthError | None = SessionInterrupted()
        try:
            attempt = await work.call(lambda: work.begin(begin, source.format))
            with source:
                while attempt.state is SessionState.LISTENING:
                    told, ended = await work.call(partial(_step, attempt, source))
                    events += told
                    if ended:
                        break
            if attempt.state is SessionState.FAILED:
                raise attempt.error or EngineError()
            error = None
        except StreamAuthError as failed:
            error = failed
            raise
        finally:
            work.release(error)
    return events


class _Work:
    """The calls of one request, one at a time, and what is given back after the last one."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._attempt: Attempt[Any] | None = None
        self._job: Any = None

    async def call(self, call: Callable[[], Result]) -> Result:
        pool, limits = self._workplace.pool, self._workplace.settings.server
        self._job = job = pool.submit(call)
        return await pool.result(job, queue_s=limits.max_queue_s, call_s=limits.call_timeout_s)

    def begin(self, begin: Callable[[AudioFormat], Attempt[Any]], audio: AudioFormat) -> Attempt[Any]:
        self._attempt = begin(audio)
        return self._attempt

    def release(self, error: StreamAuthError | None) -> None:
        if self._job.done():
            self._workplace.pool.submit(partial(self._give_back, error))
        else:
            self._job.add_done_callback(lambda _: self._give_back(error))

    def _give_back(self, error: StreamAuthError | None) -> None:
        if self._attempt is not None:
            with self._attempt as attempt:
                if error is not None:
                    attempt.fail(error)


def _step(attempt: Attempt[Any], source: AudioSource) -> tuple[list[Event], bool]:
    """Work on some more of the audio; what happened, and whether it is over. Runs on the pool."""
    events: list[Event] = []
    chunks = list(islice(source, _CHUNKS_PER_CALL))
    for chunk in chunks:
        if attempt.state is SessionState.LISTENING:
            events += attempt.receive_audio(chunk)
    ended = len(chunks) < _CHUNKS_PER_CALL
    if ended and attempt.state is SessionState.LISTENING:
        events += attempt.receive_end()
    return events, ended


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
