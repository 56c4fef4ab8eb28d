"""WAV files (RIFF WAVE, Microsoft "Multimedia Programming Interface" 1.0, WAVE_FORMAT_EXTENSIBLE, RF64).

PCM, floats and G.711 are decoded here, other codings by libsndfile. A header that contradicts itself is read as
libsndfile and FFmpeg read it: by format tag, channels, sample rate and bits; what follows from these is not looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.errors import TruncatedAudio
from streamauth.sources import CHUNKS_PER_S, AudioSource, Chunks, too_long
from streamauth.sources.chunks import Block, find_block
from streamauth.sources.kinds import Kind
from streamauth.sources.libsndfile import open_blocks

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# the tail that all format GUIDs share whose first two bytes are an ordinary format tag
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_AMBISONIC_TAIL = bytes.fromhex("0000210786d311c8c1ca00000000")


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
    (_PCM, 1): (Encoding.F32LE, _u8),
    (_PCM, 2): (Encoding.S16LE, bytes),
    (_PCM, 3): (Encoding.F32LE, _s24),
    (_PCM, 4): (Encoding.F32LE, _s32),
    (_FLOAT, 4): (Encoding.F32LE, bytes),
    (_FLOAT, 8): (Encoding.F32LE, _f64),
    (_ALAW, 1): (Encoding.ALAW, bytes),
    (_MULAW, 1): (Encoding.MULAW, bytes),
}
"""By format tag and bytes of a sample: what comes out, and how."""


@dataclass(frozen=True, slots=True)
class _Format:
    audio: AudioFormat
    frame_bytes: int
    decode: Callable[[bytes], bytes]


def open_wav(path: Path, kind: Kind, max_s: float) -> AudioSource:
    """Open a WAV file; errors as of ``open_audio``."""
    with open(path, "rb") as file:
        block = find_block(file)
        layout = _own_format(file, block, kind)
    if layout is None:
        return open_blocks(path, kind, max_s)
    bytes_per_s = layout.audio.sample_rate_hz * layout.frame_bytes
    # what is claimed tells the limit first: nobody is to copy a file again that is too long anyway
    if (block.present if block.claimed is None else block.claimed) - block.start > max_s * bytes_per_s:
        raise too_long(max_s)
    # an incomplete last sample is left out, as it is by all who read such files
    frames = block.usable(bytes_per_s) // layout.frame_bytes
    if frames > max_s * layout.audio.sample_rate_hz:
        raise too_long(max_s)
    chunk_bytes = layout.audio.sample_rate_hz // CHUNKS_PER_S * layout.frame_bytes

    def chunks() -> Chunks:
        left = frames * layout.frame_bytes
        with open(path, "rb") as file:
            file.seek(block.start)
            while left:
                raw = file.read(min(left, chunk_bytes))
                if len(raw) < min(left, chunk_bytes):
                    raise TruncatedAudio()
                left -= len(raw)
                yield layout.decode(raw)

    return AudioSource(layout.audio, chunks(), frames / layout.audio.sample_rate_hz)


def is_plain(path: Path, kind: Kind) -> bool:
    """Whether the samples are decoded here, without a library.

    Raises:
        TruncatedAudio, NotAudio: Of a damaged header.
    """
    with open(path, "rb") as file:
        return _own_format(file, find_block(file), kind) is not None


def _own_format(file: BinaryIO, block: Block, kind: Kind) -> _Format | None:
    """How the samples are decoded here; None if libsndfile must."""
    raw = block.format
    file.seek(0)
    if file.read(4) == b"RIFX":
        return None
    if len(raw) < 16:
        raise TruncatedAudio() if raw else kind.damaged()
    tag, channels, bits = (int.from_bytes(raw[at : at + 2], "little") for at in (0, 2, 14))
    rate_hz = int.from_bytes(raw[4:8], "little")
    if tag == _EXTENSIBLE and raw[26:40] in (_GUID_TAIL, _AMBISONIC_TAIL):
        tag = int.from_bytes(raw[24:26], "little")
    sample_bytes = 1 if tag in (_ALAW, _MULAW) else (bits + 7) // 8
    if (tag, sample_bytes) not in _DECODERS:
        return None
    encoding, decode = _DECODERS[tag, sample_bytes]
    return _Format(kind.format(rate_hz, channels, encoding), channels * sample_bytes, decode)
