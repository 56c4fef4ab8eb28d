"""PCM bytes to mono float samples: all audio enters the core here.

Data path: files, microphone and network -> **PcmDecoder** -> Resampler -> framing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.downmix import Downmix
from streamauth.core.audio.g711 import expanded_alaw, expanded_mulaw
from streamauth.core.ports import Samples
from streamauth.errors import (
    AudioNotFinite,
    NotAudio,
    OddByteCount,
    SampleRateMismatch,
    UnsupportedAudioFormat,
    UnsupportedSampleRate,
)

MIN_SAMPLE_RATE_HZ = 8_000
MAX_SAMPLE_RATE_HZ = 192_000
MAX_CHANNELS = 16

PcmInput = (
    bytes | bytearray | memoryview | NDArray[np.int16] | NDArray[np.float32] | NDArray[np.float64] | NDArray[np.uint8]
)
"""What a PcmDecoder takes: bytes, or an array of shape (samples,) or (samples, channels)."""

_HEAD_BYTES = 28
"""As much of a container header as is needed to find a sample rate in it."""

_CONTAINERS = {
    b"RIFF": "a WAV file",
    b"fLaC": "a FLAC file",
    b"OggS": "an OGG file",
    b"ID3": "an MP3 file",
    b"\x1aE\xdf\xa3": "a WebM file",
}


class Encoding(StrEnum):
    """How one sample is written.

    The first two are little-endian integers and floats; the others are the companded bytes of telephone lines
    (ITU-T G.711), 8 kHz as a rule.
    """

    S16LE = "s16le"
    F32LE = "f32le"
    MULAW = "mulaw"
    ALAW = "alaw"


EXPANDED = {Encoding.MULAW: expanded_mulaw(), Encoding.ALAW: expanded_alaw()}
"""What each byte stands for, float32 of shape (256,)."""

_SAMPLE_BYTES = {Encoding.S16LE: 2, Encoding.F32LE: 4, Encoding.MULAW: 1, Encoding.ALAW: 1}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What a stream of PCM bytes is.

    Attributes:
        sample_rate_hz: From 8000 to 192000.
        channels: From 1 to 16, interleaved.
        encoding: Of one sample.
        channel: The only channel to listen to, counted from 1; None mixes all.

    Raises:
        UnsupportedSampleRate: The rate is no integer or out of range.
        UnsupportedAudioFormat: Another encoding or number of channels, or no such channel.
    """

    sample_rate_hz: int
    channels: int = 1
    encoding: Encoding = Encoding.S16LE
    channel: int | None = None

    def __post_init__(self) -> None:
        check_sample_rate(self.sample_rate_hz)
        if type(self.channels) is not int or not 1 <= self.channels <= MAX_CHANNELS:
            raise UnsupportedAudioFormat()
        try:
            object.__setattr__(self, "encoding", Encoding(self.encoding))
        except ValueError:
            raise UnsupportedAudioFormat() from None
        if self.channel is not None and (type(self.channel) is not int or not 1 <= self.channel <= self.channels):
            raise UnsupportedAudioFormat(f"There is no such channel: the audio has {self.channels}, counted from 1.")

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return _SAMPLE_BYTES[self.encoding]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.sample_bytes * self.channels

    @property
    def bytes_per_s(self) -> int:
        """Bytes of one second of all channels."""
        return self.frame_bytes * self.sample_rate_hz


def check_sample_rate(sample_rate_hz: int) -> None:
    """Refuse a sample rate that is not offered.

    Raises:
        UnsupportedSampleRate: The rate is no integer from 8000 to 192000.
    """
    if type(sample_rate_hz) is not int or not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        raise UnsupportedSampleRate()


_DTYPES: dict[Encoding, np.dtype[Any]] = {
    Encoding.S16LE: np.dtype("<i2"),
    Encoding.F32LE: np.dtype("<f4"),
    Encoding.MULAW: np.dtype("u1"),
    Encoding.ALAW: np.dtype("u1"),
}


class PcmDecoder:
    """Decodes one stream. The samples do not depend on how the bytes are cut into chunks.

    After any error, and after ``finish``, the decoder must not be used again.
    """

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._dtype = _DTYPES[audio_format.encoding]
        self._rest = b""
        self._head = b""
        self._downmix = Downmix(audio_format.sample_rate_hz, audio_format.channels)

    def feed(self, data: PcmInput) -> Samples:
        """Decode the next chunk, of any size.

        Args:
            data: Bytes in the stream's format, cut anywhere; or an array of its sample type, shape (samples,)
                with channels interleaved or (samples, channels).

        Returns:
            All samples that are complete now, shape (samples,), float32 in [-1, 1] at the rate of the stream,
            mono. Integers are divided by 32768, companded bytes expanded, floats beyond [-1, 1] are clamped.

        Raises:
            AudioNotFinite: NaN or infinity. Nothing of this chunk is given out.
            NotAudio: The stream begins with the header of a file format; told with its 28th byte.
            SampleRateMismatch: So it does, and the header tells another sample rate.
            UnsupportedAudioFormat: An array of another sample type or number of channels.
        """
        fresh = self._to_bytes(data)
        if len(self._head) < _HEAD_BYTES:
            self._head += fresh[: _HEAD_BYTES - len(self._head)]
            if len(self._head) == _HEAD_BYTES:
                self._refuse_container()
        raw = self._rest + fresh
        whole = len(raw) // self._format.frame_bytes * self._format.frame_bytes
        self._rest = raw[whole:]
        values = np.frombuffer(raw, self._dtype, whole // self._format.sample_bytes)
        if self._format.encoding is Encoding.S16LE:
            samples: Samples = values.astype(np.float32) / np.float32(32768)
        elif self._format.encoding is Encoding.F32LE:
            if not np.isfinite(values).all():
                raise AudioNotFinite()
            samples = np.clip(values, -1, 1).astype(np.float32, copy=False)
        else:
            samples = EXPANDED[self._format.encoding][values]
        channels, chosen = self._format.channels, self._format.channel
        if channels == 1:
            return samples
        frames = samples.reshape(-1, channels)
        return self._downmix.feed(frames) if chosen is None else np.ascontiguousarray(frames[:, chosen - 1])

    def finish(self) -> None:
        """End the stream; every sample has been given out before.

        Raises:
            OddByteCount: The bytes ended inside a sample.
            NotAudio, SampleRateMismatch: As in ``feed``, for a stream too short to tell there.
        """
        self._refuse_container()
        if self._rest:
            raise OddByteCount()

    def _to_bytes(self, data: PcmInput) -> bytes:
        if not isinstance(data, np.ndarray):
            return bytes(memoryview(data))
        of_type = self._dtype.kind
        if data.dtype.kind != of_type or (of_type != "f" and data.itemsize != self._dtype.itemsize):
            raise UnsupportedAudioFormat("The array's sample type is not the one of the stream.")
        if data.ndim > 2 or (data.ndim == 2 and data.shape[1] != self._format.channels):
            raise UnsupportedAudioFormat("The array does not have the channels of the stream.")
        # a float64 beyond float32 becomes infinity, which is refused like any other
        with np.errstate(over="ignore"):
            return data.astype(self._dtype).tobytes()

    def _refuse_container(self) -> None:
        """Refuse the file header that people send in place of raw PCM.

        As samples these first bytes would be one exact pattern out of at least 2^24, so that PCM is not hit.
        """
        for magic, name in _CONTAINERS.items():
            if self._head.startswith(magic):
                rate, claimed = _header_rate(self._head), self._format.sample_rate_hz
                if rate is not None and rate != claimed:
                    raise SampleRateMismatch(
                        f"This is {name} of {rate} Hz, but raw PCM of {claimed} Hz was announced. "
                        "Send its samples as raw PCM and their true rate."
                    )
                raise NotAudio(f"This is {name}. Send its samples as raw PCM, without the file header.")


def _header_rate(head: bytes) -> int | None:
    """Sample rate in a header of at least 28 bytes, where the format has it there."""
    if len(head) >= _HEAD_BYTES and head[8:16] == b"WAVEfmt ":
        return int.from_bytes(head[24:28], "little")
    if len(head) >= _HEAD_BYTES and head.startswith(b"fLaC"):
        # STREAMINFO comes first (RFC 9639, 8.2); its rate is a 20-bit number at byte 10
        return int.from_bytes(head[18:21], "big") >> 4
    return None
