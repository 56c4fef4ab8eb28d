"""WebM, MP4 and other files of phones and browsers, decoded by FFmpeg through PyAV: the optional extra ``media``.

The demuxer is named, never guessed: FFmpeg also knows playlists, which would read other files or the network.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from streamauth.core.audio.pcm import Encoding
from streamauth.errors import EmptyAudio, TruncatedAudio, UnsupportedAudioFormat
from streamauth.sources import AudioSource, Chunks, too_long
from streamauth.sources.kinds import Kind

_GUESSED = frozenset({"aac", "ac3", "amr", "dts", "mp3", "mpeg", "mpegts", "rm", "wav"})
"""Demuxers that take a guess at the length by the bit rate."""

_MISSING_S = 0.5
"""What a file may be shorter than its header says: priming of the encoder, and rounding."""


def warm_up() -> None:
    """Load the library, where it is installed, with all the parts that it would load at their first use."""
    if (av := _av()) is not None:
        for module in pkgutil.walk_packages(av.__path__, "av."):
            with suppress(ImportError):
                importlib.import_module(module.name)


def open_media(path: Path, kind: Kind, max_s: float, why: str = "is not decoded here") -> AudioSource:
    """Open a file of such a kind; errors as of ``open_audio``.

    Args:
        path: The file.
        kind: Of it.
        max_s: Longest audio, in seconds.
        why: What is told if it cannot be decoded, after "which".
    """
    av = _av()
    if av is None or kind.demuxer is None:
        extra = "" if kind.demuxer is None else ", as the extra streamauth[media] is not installed"
        raise kind.refused(why + extra)
    av.logging.set_level(av.logging.PANIC)
    with _open(av, path, kind) as container:
        coder = container.streams.audio[0].codec_context
        if coder is None:
            raise kind.refused(why)
        audio_format = kind.format(coder.sample_rate, coder.channels, Encoding.F32LE)
        known = container.duration is not None and kind.demuxer not in _GUESSED
        duration_s = container.duration / av.time_base if known else None
    if duration_s is not None and duration_s > max_s + _MISSING_S:
        raise too_long(max_s)

    def chunks() -> Chunks:
        done = 0
        with _open(av, path, kind) as container:
            layout = container.streams.audio[0].codec_context.layout
            resampler = av.AudioResampler(format="flt", layout=layout, rate=audio_format.sample_rate_hz)
            try:
                for frame in chain(_frames(container), (None,)):
                    for piece in resampler.resample(frame):
                        raw = np.ascontiguousarray(piece.to_ndarray(), "<f4")
                        done += raw.size // audio_format.channels
                        if done > max_s * audio_format.sample_rate_hz:
                            raise too_long(max_s)
                        yield raw.tobytes()
            except av.FFmpegError:
                raise (TruncatedAudio() if done else kind.refused(why)) from None
        if not done:
            raise EmptyAudio()
        if duration_s is not None and done < (duration_s - _MISSING_S) * audio_format.sample_rate_hz:
            raise TruncatedAudio()

    return AudioSource(audio_format, chunks(), duration_s)


def _av() -> Any:
    """PyAV; None where it is not installed."""
    try:
        import av
    except ImportError:
        return None
    return av


def _frames(container: Any) -> Iterator[Any]:
    yield from container.decode(container.streams.audio[0])


@contextmanager
def _open(av: Any, path: Path, kind: Kind) -> Iterator[Any]:
    try:
        # an open file, as a name could be taken for an address
        with open(path, "rb") as file, av.open(file, format=kind.demuxer, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UnsupportedAudioFormat(f"This is {kind.name}, which holds no sound. Is it the right file?")
            for stream in container.streams.audio:
                # a confined process starts no threads, and a decoder that wants several fails there
                if stream.codec_context is not None:
                    stream.codec_context.thread_count = 1
            yield container
    except av.FFmpegError:
        raise kind.damaged() from None
