"""Files that libsndfile decodes: WAV of rarer codings, AIFF, CAF, AU, Wave64, NIST SPHERE, FLAC, Ogg and MP3.

libsndfile gives what it can of a damaged file and says nothing, or takes a guess at the length for the truth. So the
end of each file is looked at first, in the way of its format, and the samples are counted while they are read.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.pcm import Encoding
from streamauth.errors import EmptyAudio, TruncatedAudio
from streamauth.sources import CHUNKS_PER_S, AudioSource, Chunks, too_long
from streamauth.sources.chunks import find_block
from streamauth.sources.kinds import Kind, Reader
from streamauth.sources.media import open_media
from streamauth.sources.mp3 import count_samples
from streamauth.sources.ogg import check_ogg

_DAMAGED = "The audio file is damaged and cannot be decoded to its end. Copy or record it again."
_MPEG_TAGS = (0x50, 0x55)
"""Format tags of WAV for MPEG layer II and III."""
_UNKNOWN_FRAMES = 2**63 - 1
"""What libsndfile says of a FLAC file that does not tell its length, as those written into a pipe."""


def warm_up() -> None:
    """Load the library."""
    import soundfile  # noqa: F401


def open_blocks(path: Path, kind: Kind, max_s: float) -> AudioSource:
    """Open a file of a header and samples; errors as of ``open_audio``."""
    with open(path, "rb") as file:
        block = find_block(file)
    tag = int.from_bytes(block.format[:2], "little")
    with _open(path) as sound:
        # of MPEG in WAV libsndfile takes a guess at the length, and stops there
        if sound is None or tag in _MPEG_TAGS:
            block.usable(0)
            coding = f" 0x{tag:04X}" if tag else ""
            return open_media(path, kind, max_s, f"has samples in a coding{coding} that is not decoded here")
        frames = sound.frames
        if frames > max_s * sound.samplerate:
            raise too_long(max_s)
        # a coding with a block size of its own has no fixed number of bytes in a second
        block.usable(block.present / max(frames, 1) * sound.samplerate)
        if frames == 0:
            raise kind.refused("does not tell its length, as it was written into a pipe")
        return _source(path, kind, sound, least=frames, most=frames, max_s=max_s)


def open_flac(path: Path, kind: Kind, max_s: float) -> AudioSource:
    """Open a FLAC file; errors as of ``open_audio``."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        _check_flac(data, data.find(b"fLaC"))
    with _open(path) as sound:
        if sound is None:
            raise kind.damaged()
        if sound.frames == _UNKNOWN_FRAMES:
            return _source(path, kind, sound, least=1, most=None, max_s=max_s)
        _check_length(sound, max_s)
        _check_last_frame(sound)
        return _source(path, kind, sound, least=sound.frames, most=sound.frames, max_s=max_s)


def open_ogg(path: Path, kind: Kind, max_s: float) -> AudioSource:
    """Open an Ogg file of one Vorbis, Opus or FLAC stream; errors as of ``open_audio``."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        why = check_ogg(data)
    if why is not None:
        return open_media(path, kind, max_s, why)
    with _open(path) as sound:
        if sound is None:
            # FLAC as FFmpeg puts it into Ogg
            return open_media(path, replace(kind, name="an Ogg FLAC file"), max_s)
        if sound.frames == _UNKNOWN_FRAMES:
            return _source(path, kind, sound, least=1, most=None, max_s=max_s)
        _check_length(sound, max_s)
        return _source(path, kind, sound, least=sound.frames, most=sound.frames, max_s=max_s)


def open_mp3(path: Path, kind: Kind, max_s: float) -> AudioSource:
    """Open an MP3 file; errors as of ``open_audio``."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        least, most = count_samples(data, max_s)
    with _open(path) as sound:
        if sound is None:
            raise kind.damaged()
        if sound.frames == 0:
            raise EmptyAudio()
        if sound.frames < least:
            # libsndfile takes a guess at the length from the first frames, and stops there
            return open_media(path, kind, max_s, "has a varying bit rate and does not tell its length")
        return _source(path, kind, sound, least=least, most=most, max_s=max_s)


OPENERS = {Reader.BLOCKS: open_blocks, Reader.FLAC: open_flac, Reader.OGG: open_ogg, Reader.MP3: open_mp3}
"""What opens the kinds of a reader."""


def _source(path: Path, kind: Kind, sound: Any, *, least: int, most: int | None, max_s: float) -> AudioSource:
    """The samples of an open file.

    Args:
        path: The file.
        kind: Of it.
        sound: The file, open.
        least: Samples of a channel that must come.
        most: Samples of a channel that may come; None if that is not known.
        max_s: Longest audio, in seconds.
    """
    audio_format = kind.format(sound.samplerate, sound.channels, Encoding.F32LE)
    duration_s = None if most is None else min(sound.frames, most) / audio_format.sample_rate_hz

    def chunks() -> Chunks:
        done = 0
        with _open(path) as sound:
            while sound is not None and len(block := _read(sound, sound.samplerate // CHUNKS_PER_S)):
                done += len(block)
                if done > max_s * sound.samplerate:
                    raise too_long(max_s)
                yield block.astype("<f4", copy=False).tobytes()
        if done < least:
            raise TruncatedAudio(_DAMAGED)

    return AudioSource(audio_format, chunks(), duration_s)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """The open file; None if libsndfile does not know what it is, or finds it broken."""
    import soundfile

    try:
        sound = soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError:
        yield None
        return
    # the package seeks after each read, to where it is; for Opus that ends in wrong samples, for FLAC in an error
    sound.seekable = lambda: False
    with sound:
        yield sound


def _read(sound: Any, frames: int) -> NDArray[np.float32]:
    """The next samples, shape (samples, channels); none at the end."""
    import soundfile

    try:
        block: NDArray[np.float32] = sound.read(frames, "float32", always_2d=True)
    except soundfile.LibsndfileError:
        raise TruncatedAudio(_DAMAGED) from None
    return block


def _check_length(sound: Any, max_s: float) -> None:
    if sound.frames == 0:
        raise EmptyAudio()
    if sound.frames > max_s * sound.samplerate:
        raise too_long(max_s)


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


def _check_flac(data: mmap.mmap, begin: int) -> None:
    """The metadata of a FLAC file (RFC 9639, 8): blocks of a last-one bit, 7 bits of type and 24 of length."""
    at, last = begin + 4, False
    while not last:
        if at + 4 > len(data):
            raise TruncatedAudio()
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    if at > len(data):
        raise TruncatedAudio()
    if at == len(data):
        raise EmptyAudio()
