"""The frames of an MP3 file, counted without decoding (ISO/IEC 11172-3 and 13818-3, layer III)."""

import mmap

from streamauth.errors import EmptyAudio, NotAudio, TruncatedAudio
from streamauth.sources import too_long
from streamauth.sources.kinds import ID3_HEADER_BYTES, tag_bytes

# by MPEG version bits: 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5, 1 is reserved
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBIT_PER_S = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HEADER_BYTES = 4
_INFO_SEARCHED_BYTES = 48
_PADDING_FRAMES = 3
_MOST_FILLING_BYTES = 65_536


def count_samples(data: mmap.mmap, max_s: float) -> tuple[int, int]:
    """Samples that a decoder must give: at least and at most.

    At most those of all frames; at least as many without what an encoder may have added at both ends, which a
    decoder takes off where it is told how much.

    Args:
        data: The file.
        max_s: Longest audio, in seconds; the count stops there.

    Raises:
        NotAudio: No frame where the first one must be.
        EmptyAudio: Nothing but tags.
        TruncatedAudio: The last frame is not whole, or there are fewer than the information frame promises.
        AudioTooLong: Longer than the limit.
    """
    at, samples, frame_samples, frames, promised = _skip_tags(data), 0, 0, 0, 0
    if at >= len(data):
        raise EmptyAudio()
    while header := _read_header(data[at : at + _HEADER_BYTES]):
        frame_bytes, frame_samples, rate_hz = header
        if at + frame_bytes > len(data):
            raise TruncatedAudio()
        frames += 1
        # the first frame may carry information in the place of sound
        if frames == 1 and (found := _read_info(data[at : at + frame_bytes])) is not None:
            promised = found
        else:
            samples += frame_samples
        if samples - _PADDING_FRAMES * frame_samples > max_s * rate_hz:
            raise too_long(max_s)
        at += frame_bytes
    if frames == 0 or (frames == 1 and at < len(data) and promised == 0):
        raise NotAudio()
    cut_header = data[at : at + 1] == b"\xff" and len(data) - at < _HEADER_BYTES
    if cut_header or samples < promised * frame_samples:
        raise TruncatedAudio()
    if samples == 0:
        raise EmptyAudio()
    return max(samples - _PADDING_FRAMES * frame_samples, 1), samples


def _skip_tags(data: mmap.mmap) -> int:
    """Position after the ID3v2 tags and the zeros that some writers leave after them."""
    at = 0
    while tag := tag_bytes(data[at : at + ID3_HEADER_BYTES]):
        at += tag
    filling = data[at : at + _MOST_FILLING_BYTES]
    return at + len(filling) - len(filling.lstrip(b"\0"))


def _read_header(raw: bytes) -> tuple[int, int, int] | None:
    """Bytes, samples and sample rate of a frame; None where no frame of layer III begins."""
    bits = int.from_bytes(raw, "big")
    version, layer, rate, padding = bits >> 19 & 3, bits >> 17 & 3, bits >> 10 & 3, bits >> 9 & 1
    bit_rate = bits >> 12 & 15
    if len(raw) < _HEADER_BYTES or bits >> 21 != 0x7FF or layer != 1:
        return None
    if version == 1 or rate == 3 or bit_rate in (0, 15):
        return None
    rate_hz = _RATES_HZ[version][rate]
    samples = 1152 if version == 3 else 576
    bit_per_s = _KBIT_PER_S[3 if version == 3 else 2][bit_rate - 1] * 1000
    return samples // 8 * bit_per_s // rate_hz + padding, samples, rate_hz


def _read_info(frame: bytes) -> int | None:
    """Frames of sound promised by an information frame, 0 where it does not tell; None for a frame of sound."""
    for name in (b"Xing", b"Info"):
        at = frame.find(name, 0, _INFO_SEARCHED_BYTES)
        if at >= 0:
            has_frames = frame[at + 7] & 1
            return int.from_bytes(frame[at + 8 : at + 12], "big") if has_frames else 0
    return 0 if b"VBRI" in frame[:_INFO_SEARCHED_BYTES] else None
