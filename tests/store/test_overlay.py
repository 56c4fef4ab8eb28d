"""Tables that share what is the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.store import overlay
from streamauth.store.overlay import Overlay

_STEPS = st.lists(st.tuples(st.sets(st.integers(0, 12)), st.dictionaries(st.integers(0, 12), st.text(max_size=2))))


@given(st.dictionaries(st.integers(0, 9), st.text(max_size=2)), _STEPS, st.data())
def test_it_is_the_same_as_a_copy_that_is_changed(
    base: dict[int, str], steps: list[tuple[set[int], dict[int, str]]], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(overlay, "_FEW", 6)  # so that some are put together anew
        table, copy = Overlay(base), dict(base)
        states = [(table, dict(copy))]
        for gone, fresh in steps:
            table = table.changed(gone, fresh)
            copy = {key: value for key, value in copy.items() if key not in gone} | fresh
            states.append((table, dict(copy)))
        for state, expected in states:  # none was changed by those after it
            assert dict(state) == expected
            assert len(state) == len(expected)
            assert 99 not in state
        former, _ = data.draw(st.sampled_from(states))
        gone_since, fresh_since = table.since(former)
        assert {key: value for key, value in former.items() if key not in gone_since} | fresh_since == copy
        assert gone_since == former.keys() - copy.keys()


def test_what_did_not_change_is_not_told() -> None:
    names = ["ada", "bob", "eve"]
    table = Overlay(dict(enumerate(names)))
    assert table.changed([1], {2: names[2]}).since(table) == ({1}, {})
    assert table.since(dict(table)) == (set(), {})
