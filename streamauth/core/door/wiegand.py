"""Badge numbers from Wiegand frames, as most readers of badges give them. Pure.

A frame has parity bits at both ends and between them a facility code and a number (HID formats H10301, 34 bits,
H10304). It proves nothing by itself: whoever can read a badge can copy it. Here it is a claim, and the voice proves it.
"""

from dataclasses import dataclass

from streamauth.errors import BadBadge


@dataclass(frozen=True, slots=True)
class _Format:
    facility_bits: int
    even_over: int
    """Bits from the first on that the first parity bit, which is even, covers."""


_FORMATS = {26: _Format(8, 13), 34: _Format(16, 17), 37: _Format(16, 19)}


def badge_of(frame: bytes) -> str:
    """The badge number in a frame, as ``facility-number`` in decimal.

    Args:
        frame: One byte with the count of bits, then the bits, first one highest, the last byte filled up with zeros.

    Raises:
        BadBadge: Its length is none of the formats, or a parity is wrong.
    """
    count = frame[0] if frame else 0
    known = _FORMATS.get(count)
    if known is None or len(frame) != 1 + frame_bytes(count):
        raise BadBadge
    bits = "".join(f"{byte:08b}" for byte in frame[1:])[:count]
    # in the 37-bit format both parities cover the bit in the middle
    odd_from = count - known.even_over
    if bits[: known.even_over].count("1") % 2 != 0 or bits[odd_from:].count("1") % 2 != 1:
        raise BadBadge
    facility = int(bits[1 : 1 + known.facility_bits], 2)
    return f"{facility}-{int(bits[1 + known.facility_bits : -1], 2)}"


def frame_of(badge: str) -> bytes:
    """The 26-bit frame of a badge number ``facility-number``, as ``badge_of`` reads it.

    Raises:
        BadBadge: It is none, or does not fit: facilities go to 255, numbers to 65535.
    """
    facility, found, number = badge.partition("-")
    if not (found and facility.isdecimal() and number.isdecimal() and int(facility) < 256 and int(number) < 65_536):
        raise BadBadge
    middle = int(facility) << 16 | int(number)
    even = (middle >> 12).bit_count() % 2
    odd = 1 - (middle & 0xFFF).bit_count() % 2
    return bytes([26]) + ((even << 25 | middle << 1 | odd) << 6).to_bytes(4, "big")


def frame_bytes(count: int) -> int:
    """Bytes that so many bits take."""
    return (count + 7) // 8
