"""WAV files (RIFF WAVE, Microsoft "Multimedia Programming Interface" 1.0 and WAVE_FORMAT_EXTENSIBLE).

Read here and not by libsndfile, because that shortens a truncated file without a word and finds no sample in one
whose writer could not go back to fill in the length, as all do that write into a pipe.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.errors import (
    EmptyAudio,
    NotAudio,
    OddByteCount,
    SampleRateMismatch,
    TruncatedAudio,
    UnsupportedAudioFormat,
)
from streamauth.sources import CHUNKS_PER_S, AudioSource, Chunks, too_long

_MAX_CHUNKS = 1000
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# the tail that all format GUIDs share whose first two bytes are an ordinary format tag
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")

_UNKNOWN_LENGTH = 0x7FFF_0000
"""Lengths from here on are placeholders of writers into a pipe: 7FFFF000 (sox), 7FFFFFFF, 80000000, FFFFFFFF."""


def _s24(raw: bytes) -> bytes:
    high = np.zeros((len(raw) // 3, 4), np.uint8)
    high[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    return _s32(high.tobytes())


def _s32(raw: bytes) -> bytes:
    return (np.frombuffer(raw, "<i4").astype("<f4") / np.float32(2**31)).tobytes()


def _u8(raw: bytes) -> bytes:
    return ((np.frombuffer(raw, np.uint8).astype("<f4") - np.float32(128)) / np.float32(128)).tobytes()


def _f64(raw: bytes) -> bytes:
    # beyond float32 lies infinity, which the PcmDecoder refuses like any other
    with np.errstate(over="ignore"):
        return np.frombuffer(raw, "<f8").astype("<f4").tobytes()


_DECODERS: dict[tuple[int, int], tuple[Encoding, Callable[[bytes], bytes]]] = {
    (_PCM, 8): (Encoding.F32LE, _u8),
    (_PCM, 16): (Encoding.S16LE, bytes),
    (_PCM, 24): (Encoding.F32LE, _s24),
    (_PCM, 32): (Encoding.F32LE, _s32),
    (_FLOAT, 32): (Encoding.F32LE, bytes),
    (_FLOAT, 64): (Encoding.F32LE, _f64),
}
"""By format tag and bits of a sample: what comes out, and how."""


@dataclass(frozen=True, slots=True)
class _Format:
    audio: AudioFormat
    frame_bytes: int
    decode: Callable[[bytes], bytes]


def open_wav(path: Path, max_s: float) -> AudioSource:
    """Open a WAV file; errors as of ``open_audio``."""
    with open(path, "rb") as file:
        layout, start, data_bytes = _read_header(file, max_s)
    frames = data_bytes // layout.frame_bytes
    chunk_bytes = layout.audio.sample_rate_hz // CHUNKS_PER_S * layout.frame_bytes

    def chunks() -> Chunks:
        left = data_bytes
        with open(path, "rb") as file:
            file.seek(start)
            while left:
                raw = file.read(min(left, chunk_bytes))
                if len(raw) < min(left, chunk_bytes):
                    raise TruncatedAudio()
                left -= len(raw)
                yield layout.decode(raw)

    return AudioSource(layout.audio, chunks(), frames / layout.audio.sample_rate_hz)


def _read_header(file: BinaryIO, max_s: float) -> tuple[_Format, int, int]:
    """Layout, position of the samples and their length in bytes, all checked."""
    file_bytes = file.seek(0, 2)
    file.seek(4)
    riff_end = 8 + struct.unpack("<I", file.read(4))[0]
    file.seek(12)
    layout: _Format | None = None
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            raise TruncatedAudio()
        name, size = struct.unpack("<4sI", head)
        start = file.tell()
        if name == b"fmt ":
            layout = _read_format(file.read(min(size, 40)))
        elif name == b"data":
            if layout is None:
                break
            return layout, start, _data_bytes(layout, size, file_bytes - start, riff_end - start, max_s)
        file.seek(start + size + size % 2)
    raise NotAudio("This WAV file has no usable header. Export or record it again.")


def _read_format(raw: bytes) -> _Format:
    if len(raw) < 16:
        raise TruncatedAudio()
    tag, channels, rate_hz, bytes_per_s, block_bytes, bits = struct.unpack_from("<HHIIHH", raw)
    if tag == _EXTENSIBLE and raw[26:40] == _GUID_TAIL:
        tag = int.from_bytes(raw[24:26], "little")
    if (tag, bits) not in _DECODERS:
        raise UnsupportedAudioFormat("Only WAV files of 8, 16, 24 or 32-bit integer or float samples are taken.")
    if bytes_per_s != rate_hz * block_bytes:
        raise SampleRateMismatch("The WAV header contradicts itself about the sample rate. Export it again.")
    encoding, decode = _DECODERS[tag, bits]
    audio = AudioFormat(rate_hz, channels, encoding)
    if block_bytes != channels * bits // 8:
        raise UnsupportedAudioFormat("The WAV header contradicts itself about the size of a sample. Export it again.")
    return _Format(audio, block_bytes, decode)


def _data_bytes(layout: _Format, claimed: int, present: int, riff_left: int, max_s: float) -> int:
    """Bytes of samples.

    Args:
        layout: Of the samples.
        claimed: What the header of the data says.
        present: What follows in the file.
        riff_left: What follows by the header of the file.
        max_s: Longest audio, in seconds.
    """
    placeholder = claimed >= _UNKNOWN_LENGTH and claimed > present
    # a length of 0 is true where the header of the file counts what follows, such as a chunk of metadata
    if placeholder or (claimed == 0 and (riff_left <= 0 or riff_left >= _UNKNOWN_LENGTH)):
        claimed = present
    if claimed > max_s * layout.audio.sample_rate_hz * layout.frame_bytes:
        raise too_long(max_s)
    if claimed > present:
        raise TruncatedAudio()
    if claimed == 0:
        raise EmptyAudio()
    if claimed % layout.frame_bytes:
        raise OddByteCount()
    return claimed
