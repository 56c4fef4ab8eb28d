from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.errors import StoreCorrupt
from streamauth.store.records import embedding_bytes, embedding_of, profile_of, utc
from streamauth.store.sealing import SealingKey

KEY = SealingKey.generate()
ROW = {
    "id": "an-id",
    "tenant_id": "default",
    "name": "Anna",
    "kind": "text_dependent",
    "locale": "en-US",
    "phrase": KEY.seal(b"some words", "phrase", "an-id"),
    "created_ms": 1_700_000_000_123,
    "updated_ms": 1_700_000_000_123,
}


@settings(derandomize=True, deadline=None)
@given(values=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=300))
def test_an_embedding_keeps_every_bit(values: list[float]) -> None:
    vector = np.array(values, np.float32)
    read = embedding_of(embedding_bytes(vector))
    assert read.dtype == np.float32
    assert read.tobytes() == vector.tobytes()


def test_the_stored_form_does_not_depend_on_the_machine() -> None:
    assert embedding_bytes(np.array([1.0], ">f4")) == embedding_bytes(np.array([1.0], "<f4")) == b"\0\0\x80\x3f"


def test_bytes_that_are_no_embedding() -> None:
    with pytest.raises(StoreCorrupt):
        embedding_of(b"123")


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
    ],
)
def test_a_damaged_row(column: str, value: object) -> None:
    with pytest.raises(StoreCorrupt):
        profile_of(SimpleNamespace(**ROW | {column: value}), KEY)
