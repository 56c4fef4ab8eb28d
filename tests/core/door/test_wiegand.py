import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.door.wiegand import badge_of, frame_of
from streamauth.errors import BadBadge

SIZES = {26: (8, 16), 34: (16, 16), 37: (16, 19)}


def frame(count: int, facility: int, number: int) -> bytes:
    """A frame, made by another way than it is read."""
    facility_bits, number_bits = SIZES[count]
    middle = f"{facility:0{facility_bits}b}{number:0{number_bits}b}"
    half = (len(middle) + 1) // 2
    even = str(middle[:half].count("1") % 2)
    odd = str(1 - middle[-half:].count("1") % 2)
    bits = even + middle + odd
    padded = bits.ljust((count + 7) // 8 * 8, "0")
    return bytes([count]) + int(padded, 2).to_bytes(len(padded) // 8, "big")


@given(st.sampled_from(sorted(SIZES)), st.data())
def test_every_badge_of_every_format(count: int, data: st.DataObject) -> None:
    facility_bits, number_bits = SIZES[count]
    facility = data.draw(st.integers(0, 2**facility_bits - 1))
    number = data.draw(st.integers(0, 2**number_bits - 1))
    assert badge_of(frame(count, facility, number)) == f"{facility}-{number}"


def test_a_badge_by_hand() -> None:
    # H10301: facility 159 has six ones, and with four zeros that is even; the last twelve have seven ones, which is odd
    bits = "0" + "10011111" + "0000010011110110" + "0"
    assert badge_of(bytes([26]) + int(bits + "000000", 2).to_bytes(4, "big")) == "159-1270"


@given(st.sampled_from(sorted(SIZES)), st.data())
def test_any_single_wrong_bit_is_noticed(count: int, data: st.DataObject) -> None:
    good = bytearray(frame(count, 5, 77))
    place = data.draw(st.integers(0, count - 1))
    if count == 37 and place == 18:
        return  # covered by both parities, which then are both wrong
    good[1 + place // 8] ^= 1 << (7 - place % 8)
    with pytest.raises(BadBadge):
        badge_of(bytes(good))


@pytest.mark.parametrize(
    "bad", [b"", b"\x1a", b"\x1a\x00\x00\x00", b"\x1a" + bytes(5), b"\x20" + bytes(4), b"\xff" * 40]
)
def test_what_is_no_frame(bad: bytes) -> None:
    with pytest.raises(BadBadge):
        badge_of(bad)


@given(st.integers(0, 255), st.integers(0, 65_535))
def test_frames_are_made_as_they_are_read(facility: int, number: int) -> None:
    assert frame_of(f"{facility}-{number}") == frame(26, facility, number)


@pytest.mark.parametrize("bad", ["", "1", "256-1", "1-65536", "-1", "1-", "a-1", "1--1"])
def test_badges_that_have_no_frame(bad: str) -> None:
    with pytest.raises(BadBadge):
        frame_of(bad)
