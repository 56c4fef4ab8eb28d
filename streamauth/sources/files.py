"""Audio files and raw PCM from a pipe, as chunks; a long file is never in memory as a whole.

Data path: **file or pipe** -> PcmDecoder -> Resampler.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from streamauth.core.audio.pcm import AudioFormat
from streamauth.errors import AudioError, AudioTooLong, EmptyAudio, FileMissing, NotAudio
from streamauth.sources import CHUNKS_PER_S, AudioSource, Chunks, too_long
from streamauth.sources.kinds import SNIFFED_BYTES, Kind, Reader, kind_of, tag_bytes

_MOST_FILLING_BYTES = 65_536

Decode = Callable[[Path, float], AudioSource]


def open_audio(
    path: Path, *, max_s: float, max_mb: float = 512.0, channel: int | None = None, decode: Decode | None = None
) -> AudioSource:
    """Open a file: WAV, AIFF, CAF, AU, Wave64, NIST SPHERE, FLAC, Ogg (Vorbis, Opus, FLAC) or MP3, 8 to 192 kHz.

    With the extra ``media`` also WebM, MP4 and others. What else is known by name is refused with the command that
    converts it. Whatever can be told of the file without decoding it is refused here; the rest while it is read.
    Samples that are not finite are found by the PcmDecoder.

    Args:
        path: The file.
        max_s: Longest audio, in seconds.
        max_mb: Largest file, in 10^6 bytes.
        channel: The only channel to listen to, counted from 1; None mixes all.
        decode: Opens what takes a library to decode, given the path and the longest audio in seconds: for files of
            strangers ``Decoders.open``. This process if None.

    Raises:
        FileMissing: No file, no permission, or no regular file.
        NotAudio: In none of the formats.
        EmptyAudio: No sample in it.
        TruncatedAudio: It ends before it should; also while reading.
        AudioTooLong: Longer or larger than the limit; also while reading.
        UnsupportedSampleRate, UnsupportedAudioFormat: Another rate, number of channels or coding, or no such channel.
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise FileMissing("This path is a folder. Give the path of an audio file.")
        if not stat.S_ISREG(status.st_mode):
            # opening a pipe would wait for its writer, for ever if there is none
            raise FileMissing("This path is no regular file. Give raw PCM on the standard input instead.")
        with open(path, "rb") as file:
            head = file.read(SNIFFED_BYTES)
            if tag := tag_bytes(head):
                file.seek(tag)
                # some writers fill up after the tag
                head = file.read(_MOST_FILLING_BYTES).lstrip(b"\0")[:SNIFFED_BYTES] or head
    except PermissionError:
        raise FileMissing("There is no permission to read this file.") from None
    except (OSError, ValueError):
        raise FileMissing() from None
    if status.st_size > max_mb * 1e6:
        raise AudioTooLong(f"The audio file is larger than the limit of {max_mb:g} MB.")
    if not head:
        raise EmptyAudio()
    kind = kind_of(head, path.suffix)
    if kind is None:
        raise NotAudio()
    own = decode is None or kind.reader is Reader.NONE or _is_plain(path, kind)
    source = _open(path, kind, max_s) if decode is None or own else decode(path, max_s)
    if channel is not None:
        try:
            source.format = replace(source.format, channel=channel)
        except AudioError:  # there is no such channel
            source.close()
            raise
    return source


def _is_plain(path: Path, kind: Kind) -> bool:
    """Whether no library takes part in decoding a file."""
    if kind.reader is not Reader.WAV:
        return False
    from streamauth.sources.wav import is_plain

    return is_plain(path, kind)


def _open(path: Path, kind: Kind, max_s: float) -> AudioSource:
    # each reader is imported when it is needed: a pipe of raw PCM needs no decoder at all
    match kind.reader:
        case Reader.NONE:
            raise kind.refused("is not decoded here")
        case Reader.WAV:
            from streamauth.sources.wav import open_wav

            return open_wav(path, kind, max_s)
        case Reader.MEDIA:
            from streamauth.sources.media import open_media

            return open_media(path, kind, max_s)
        case _:
            from streamauth.sources.libsndfile import OPENERS

            return OPENERS[kind.reader](path, kind, max_s)


def read_raw(stream: BinaryIO, audio_format: AudioFormat, *, max_s: float) -> AudioSource:
    """Raw PCM from a pipe such as the standard input, until its end.

    Args:
        stream: A blocking stream; it is left open.
        audio_format: What its bytes are.
        max_s: Longest audio, in seconds.

    Raises:
        EmptyAudio: No byte came; while reading.
        AudioTooLong: Longer than the limit; while reading, and what exceeds it is not given out.
    """

    def chunks() -> Chunks:
        left = round(max_s * audio_format.sample_rate_hz) * audio_format.frame_bytes
        size = audio_format.sample_rate_hz // CHUNKS_PER_S * audio_format.frame_bytes
        empty = True
        while chunk := stream.read(size):
            empty = False
            left -= len(chunk)
            if left < 0:
                raise too_long(max_s)
            yield chunk
        if empty:
            raise EmptyAudio()

    return AudioSource(audio_format, chunks())
