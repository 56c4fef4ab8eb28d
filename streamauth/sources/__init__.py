"""Audio in: files, raw PCM from a pipe, the microphone. Each gives PCM bytes in its format, about 100 ms at a time."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from streamauth.core.audio.pcm import AudioFormat
from streamauth.errors import AudioError, AudioTooLong

CHUNKS_PER_S = 10
"""Chunks in a second of audio."""

Chunks = Generator[bytes, None, None]
"""PCM, from a generator that gives its file back when it is closed."""


class AudioSource:
    """Audio that can be read once, chunk by chunk. Use as a context manager.

    Attributes:
        format: What the bytes are, for a PcmDecoder.
        duration_s: Length of the whole, in seconds; None where it is only known at the end.
    """

    def __init__(self, audio_format: AudioFormat, chunks: Chunks, duration_s: float | None = None) -> None:
        self.format = audio_format
        self.duration_s = duration_s
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Give the file back. Idempotent."""
        self._chunks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def naming(file: Path | None) -> Iterator[None]:
    """Errors of audio tell which file they are about, if any; ``-`` is the standard input."""
    try:
        yield
    except AudioError as error:
        if file is None:
            raise
        where = "standard input" if str(file) == "-" else file
        raise type(error)(f"{where}: {error.message}") from None


def too_long(max_s: float) -> AudioTooLong:
    """The error for audio longer than a limit in seconds."""
    return AudioTooLong(f"The audio is longer than the limit of {max_s:g} s.")
