import base64
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.errors import KeyWrong, StoreCorrupt
from streamauth.store.sealing import SealingKey, key_id_of

KEY = SealingKey(bytes(range(32)))


@settings(derandomize=True, deadline=None)
@given(value=st.binary(max_size=2000), context=st.lists(st.text(max_size=40), max_size=3))
def test_what_is_sealed_unseals_in_its_context_only(value: bytes, context: list[str]) -> None:
    sealed = KEY.seal(value, *context)
    assert KEY.unseal(sealed, *context) == value
    assert key_id_of(sealed) == KEY.id
    for elsewhere in ([*context, ""], ["x", *context], [*context[:-1], f"{(context or [''])[-1]}x"]):
        with pytest.raises(StoreCorrupt):
            KEY.unseal(sealed, *elsewhere)


def test_parts_of_a_context_cannot_be_shifted() -> None:
    with pytest.raises(StoreCorrupt):
        KEY.unseal(KEY.seal(b"value", "ab", "c"), "a", "bc")


def test_each_sealing_is_another_and_hides_the_value() -> None:
    value = b"a value of some length"
    first, second = KEY.seal(value), KEY.seal(value)
    assert first != second
    assert value not in first
    assert len(first) == 1 + 8 + 12 + len(value) + 16


def test_no_byte_can_be_changed_or_cut_off() -> None:
    sealed = KEY.seal(b"value", "context")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(StoreCorrupt):
            KEY.unseal(bytes(changed), "context")
        with pytest.raises(StoreCorrupt):
            KEY.unseal(sealed[:position], "context")


def test_another_key_does_not_open() -> None:
    with pytest.raises(StoreCorrupt):
        SealingKey.generate().unseal(KEY.seal(b"value"))


def test_the_forms_of_a_key() -> None:
    assert SealingKey.parse(" " + bytes(range(32)).hex().upper() + "\n").id == KEY.id
    assert SealingKey.parse(base64.b64encode(bytes(range(32))).decode()).id == KEY.id
    assert SealingKey.parse(KEY.text()).id == KEY.id
    assert SealingKey.generate().id != SealingKey.generate().id


@pytest.mark.parametrize("text", ["", "a-text", "00" * 31, "00" * 33, base64.b64encode(bytes(31)).decode(), "Ä" * 44])
def test_a_text_that_is_no_key(text: str) -> None:
    with pytest.raises(KeyWrong) as caught:
        SealingKey.parse(text)
    assert not text or text not in caught.value.message
    with pytest.raises(KeyWrong):
        SealingKey(b"short")


def test_a_key_does_not_show_itself() -> None:
    for shown in (repr(KEY), str(KEY), f"{KEY}"):
        assert KEY.text() not in shown
        assert bytes(range(32)).hex() not in shown
        assert str(bytes(range(32))) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
