"""Names that look the same are one name, or are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.errors import BadProfileName
from streamauth.store.names import look_alike_key, stored_name


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("rms ", "rms"),
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("Ada Łoś", "Ada Łoś"),
        ("e\u0301va", "\u00e9va"),
        ("ﬁn", "fin"),
        ("O'Brien", "O'Brien"),
        ("محمد", "محمد"),
        ("田中", "田中"),
    ],
)
def test_the_form_in_which_a_name_is_stored(given_: str, stored: str) -> None:
    assert stored_name(given_) == stored
    assert stored_name(stored) == stored


@pytest.mark.parametrize(
    "name",
    ["", " ", "a\u200bda", "ad\u202ea", "a\u00adda", "\ufeffada", "a\tda", "a\nda", "a\u200dda", "\udc00", 129 * "a"],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(BadProfileName):
        stored_name(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rms", "RMS"),
        ("ada", "аda"),  # Cyrillic
        ("paypal", "раураl"),
        ("Ian", "lan"),
        ("bill", "bi11"),
        ("modern", "modem"),
        ("Сара", "Capa"),
        ("olga", "0lga"),
    ],
)
def test_names_that_look_the_same_share_a_key(one: str, other: str) -> None:
    assert look_alike_key(stored_name(one)) == look_alike_key(stored_name(other))


@pytest.mark.parametrize(("one", "other"), [("ada", "bob"), ("ada", "adam"), ("Müller", "Muller"), ("田中", "中田")])
def test_other_names_have_another_key(one: str, other: str) -> None:
    assert look_alike_key(stored_name(one)) != look_alike_key(stored_name(other))


@given(st.text(max_size=20))
def test_any_text_is_a_stable_name_or_refused(text: str) -> None:
    try:
        name = stored_name(text)
    except BadProfileName:
        return
    assert stored_name(name) == name
    assert look_alike_key(name) == look_alike_key(name)
