"""Audio files and raw PCM from a pipe, as chunks; a long file is never in memory as a whole.

Data path: **file or pipe** -> PcmDecoder -> Resampler.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from streamauth.core.audio.pcm import AudioFormat
from streamauth.errors import AudioTooLong, EmptyAudio, FileMissing, NotAudio
from streamauth.sources import CHUNKS_PER_S, AudioSource, Chunks, too_long

_SNIFFED_BYTES = 12
_COMPRESSED = {
    "FLAC": (b"fLaC",),
    "OGG": (b"OggS",),
    # a tag, or a frame of layer III: 11 bits of sync, then MPEG 1, 2 or 2.5, layer, without or with checksum
    "MP3": (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2"),
}


def open_audio(path: Path, *, max_s: float, max_mb: float = 512.0) -> AudioSource:
    """Open a file: WAV (8 to 32-bit integer, float), FLAC, OGG (Vorbis, Opus) or MP3 of 8 to 48 kHz, mono or stereo.

    Whatever can be told of the file without decoding it is refused here; the rest while it is read. Samples that are
    not finite are found by the PcmDecoder.

    Args:
        path: The file.
        max_s: Longest audio, in seconds.
        max_mb: Largest file, in 10^6 bytes.

    Raises:
        FileMissing: No file, no permission, or no regular file.
        NotAudio: In none of the formats.
        EmptyAudio: No sample in it.
        TruncatedAudio: It ends before it should; also while reading.
        AudioTooLong: Longer or larger than the limit; also while reading.
        SampleRateMismatch: The header contradicts itself about the rate.
        OddByteCount: The last sample is not whole.
        UnsupportedSampleRate, UnsupportedAudioFormat: Another rate, number of channels or encoding.
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise FileMissing("This path is a folder. Give the path of an audio file.")
        if not stat.S_ISREG(status.st_mode):
            # opening a pipe would wait for its writer, for ever if there is none
            raise FileMissing("This path is no regular file. Give raw PCM on the standard input instead.")
        with open(path, "rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except PermissionError:
        raise FileMissing("There is no permission to read this file.") from None
    except (OSError, ValueError):
        raise FileMissing() from None
    if status.st_size > max_mb * 1e6:
        raise AudioTooLong(f"The audio file is larger than the limit of {max_mb:g} MB.")
    if not head:
        raise EmptyAudio()
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        from streamauth.sources.wav import open_wav

        return open_wav(path, max_s)
    for kind, magics in _COMPRESSED.items():
        if head.startswith(magics):
            from streamauth.sources.compressed import open_compressed

            return open_compressed(path, kind, max_s)
    raise NotAudio()


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
