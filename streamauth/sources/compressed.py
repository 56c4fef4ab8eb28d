"""FLAC, OGG (Vorbis, Opus) and MP3 files, decoded by libsndfile.

libsndfile gives what it can of a damaged file and says nothing, or takes a guess at the length for the truth. So the
end of each file is looked at first, in the way of its format, and the samples are counted while they are read.
"""

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.errors import EmptyAudio, NotAudio, TruncatedAudio, UnsupportedAudioFormat
from streamauth.sources import CHUNKS_PER_S, AudioSource, Chunks, too_long
from streamauth.sources.mp3 import count_samples

_DAMAGED = "The audio file is damaged and cannot be decoded to its end. Copy or record it again."
_UNKNOWN_FRAMES = 2**63 - 1
"""What libsndfile says of a FLAC file that does not tell its length, as those written into a pipe."""

_OGG_PAGE_MAX_BYTES = 65_307
_OGG_PAGE_HEADER_BYTES = 27
_OGG_LAST_PAGE = 0x04


def open_compressed(path: Path, kind: str, max_s: float) -> AudioSource:
    """Open a FLAC, OGG or MP3 file; errors as of ``open_audio``.

    Args:
        path: The file, not empty.
        kind: "FLAC", "OGG" or "MP3", as its first bytes say.
        max_s: Longest audio, in seconds.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if kind == "FLAC":
            _check_flac(data)
        elif kind == "OGG":
            _check_ogg(data)
        else:
            least, most = count_samples(data, max_s)
    with _open(path) as sound:
        audio_format = AudioFormat(sound.samplerate, sound.channels, Encoding.F32LE)
        frames = sound.frames
        known = frames != _UNKNOWN_FRAMES
        if frames == 0:
            raise EmptyAudio()
        if kind != "MP3":
            least, most = (frames, frames) if known else (1, 0)
            if most > max_s * sound.samplerate:
                raise too_long(max_s)
        elif frames < least:
            # libsndfile takes a guess at the length from the first frames, and stops there
            raise UnsupportedAudioFormat(
                "This MP3 file has a varying bit rate and does not tell its length. Convert it to WAV or FLAC."
            )
        if kind == "FLAC" and known:
            _check_last_frame(sound)
    duration_s = min(frames, most) / audio_format.sample_rate_hz if known else None

    def chunks() -> Chunks:
        done = 0
        with _open(path) as sound:
            while len(block := _read(sound, sound.samplerate // CHUNKS_PER_S)):
                done += len(block)
                if done > max_s * sound.samplerate:
                    raise too_long(max_s)
                yield block.astype("<f4", copy=False).tobytes()
        if done < least:
            raise TruncatedAudio(_DAMAGED)

    return AudioSource(audio_format, chunks(), duration_s)


def _open(path: Path) -> Any:
    import soundfile

    try:
        sound = soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError:
        raise NotAudio("This begins like an audio file but cannot be decoded. Copy or record it again.") from None
    # the package seeks after each read, to where it is; for Opus that ends in wrong samples, for FLAC in an error
    sound.seekable = lambda: False
    return sound


def _read(sound: Any, frames: int) -> NDArray[np.float32]:
    """The next samples, shape (samples, channels); none at the end."""
    import soundfile

    try:
        block: NDArray[np.float32] = sound.read(frames, "float32", always_2d=True)
    except soundfile.LibsndfileError:
        raise TruncatedAudio(_DAMAGED) from None
    return block


def _check_last_frame(sound: Any) -> None:
    """Whether the last sample can be reached, which is quick as it is sought and not read up to."""
    import soundfile

    try:
        sound.seek(sound.frames - 1)
        reached = len(_read(sound, 1))
    except soundfile.LibsndfileError:
        reached = 0
    if not reached:
        raise TruncatedAudio()


def _check_flac(data: mmap.mmap) -> None:
    """The metadata of a FLAC file (RFC 9639, 8): blocks of a last-one bit, 7 bits of type and 24 of length."""
    at, last = 4, False
    while not last:
        if at + 4 > len(data):
            raise TruncatedAudio()
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    if at > len(data):
        raise TruncatedAudio()
    if at == len(data):
        raise EmptyAudio()


def _check_ogg(data: mmap.mmap) -> None:
    """The last page of an OGG file (RFC 3533, 6) must be whole and marked as the last one."""
    at = data.rfind(b"OggS", max(len(data) - _OGG_PAGE_MAX_BYTES, 0))
    table = at + _OGG_PAGE_HEADER_BYTES
    if at < 0 or table > len(data):
        raise TruncatedAudio()
    body = table + data[table - 1]
    if body + sum(data[table:body]) > len(data) or not data[at + 5] & _OGG_LAST_PAGE:
        raise TruncatedAudio()
