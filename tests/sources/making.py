"""Audio files made by hand, so that they can be wrong in any one way."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.pcm import PcmDecoder
from streamauth.core.ports import Samples
from streamauth.sources import AudioSource
from streamauth.sources.files import open_audio


def tone(rate: int, seconds: float, channels: int = 1) -> NDArray[np.float32]:
    """A tone under noise, shape (samples, channels)."""
    time = np.arange(round(rate * seconds)) / rate
    grain = np.random.default_rng(7).standard_normal(time.size)
    mono = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.01 * grain
    return np.repeat(mono[:, None], channels, axis=1).astype(np.float32)


def pcm16(rate: int = 16_000, seconds: float = 1.0, channels: int = 1) -> bytes:
    return (tone(rate, seconds, channels) * 32767).astype("<i2").tobytes()


def wav(
    data: bytes,
    *,
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    tag: int = 1,
    bytes_per_s: int | None = None,
    block_bytes: int | None = None,
    data_bytes: int | None = None,
    riff_bytes: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    extension: bytes = b"",
) -> bytes:
    """A WAV file; what is given overrides what would be right."""
    block_bytes = channels * bits // 8 if block_bytes is None else block_bytes
    bytes_per_s = rate * block_bytes if bytes_per_s is None else bytes_per_s
    layout = struct.pack("<HHIIHH", tag, channels, rate, bytes_per_s, block_bytes, bits) + extension
    data_bytes = len(data) if data_bytes is None else data_bytes
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + before
    body += b"data" + struct.pack("<I", data_bytes) + data + bytes(len(data) % 2) + after
    return b"RIFF" + struct.pack("<I", len(body) if riff_bytes is None else riff_bytes) + body


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def decoded(source: AudioSource) -> Samples:
    """All samples, at the rate of the source."""
    with source:
        decoder = PcmDecoder(source.format)
        samples = [decoder.feed(chunk) for chunk in source]
        decoder.finish()
    return np.concatenate(samples)


def samples_of(path: Path) -> Samples:
    return decoded(open_audio(path, max_s=60))
