from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.errors import StoreCorrupt
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import profile_of, utc, voiceprint_bytes, voiceprint_from
from streamauth.store.sealing import SealingKey

KEY = SealingKey.generate()
OWN_KEY = ProfileKey.generate(KEY)
ROW = {
    "id": "an-id",
    "tenant_id": "default",
    "name": "Anna",
    "kind": "text_dependent",
    "locale": "en-US",
    "phrase": OWN_KEY.seal(b"some words", "phrase", "an-id"),
    "own_key": OWN_KEY.wrapped(KEY, "default", "an-id"),
    "created_ms": 1_700_000_000_123,
    "updated_ms": 1_700_000_000_123,
    "consent": "2026-01",
    "consent_ms": 1_700_000_000_123,
    "used_ms": None,
}


@settings(derandomize=True, deadline=None)
@given(values=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=300), views=st.integers(1, 7))
def test_a_voiceprint_keeps_every_bit(values: list[float], views: int) -> None:
    voiceprint = np.array([values] * views, np.float32)
    read = voiceprint_from(voiceprint_bytes(voiceprint))
    assert read.dtype == np.float32
    assert read.shape == voiceprint.shape
    assert read.tobytes() == voiceprint.tobytes()


def test_the_stored_form_does_not_depend_on_the_machine() -> None:
    for order in "<>":
        stored = voiceprint_bytes(np.array([[1.0], [0.0]], f"{order}f4"))
        assert stored == b"\x01\x02\0\x01\0\0\0\x80\x3f\0\0\0\0"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1\1\0",  # no whole header
        b"\2\1\0\1\0" + bytes(4),  # another version
        b"\1\0\0\1\0" + bytes(4),  # no views
        b"\1\2\0\2\0" + bytes(12),  # fewer numbers than it says
        b"\1\1\0\1\0" + bytes(8),  # more numbers
        b"\1\1\0\1\0" + bytes(5),  # part of a number
    ],
)
def test_bytes_that_are_no_voiceprint(data: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        voiceprint_from(data)


def test_a_stored_time_keeps_its_milliseconds() -> None:
    assert utc(1_700_000_000_123) == datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)


def test_a_row_is_a_profile() -> None:
    profile = profile_of(SimpleNamespace(**ROW), KEY)
    assert (profile.name, profile.phrase, profile.created_at) == ("Anna", "some words", utc(1_700_000_000_123))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "other"),
        ("kind", None),
        ("created_ms", 2**62),
        ("updated_ms", None),
        ("phrase", b""),
        ("id", "other-id"),
        ("tenant_id", "other"),
        ("own_key", OWN_KEY.wrapped(KEY, "default", "other-id")),
    ],
)
def test_a_damaged_row(column: str, value: object) -> None:
    with pytest.raises(StoreCorrupt):
        profile_of(SimpleNamespace(**ROW | {column: value}), KEY)
