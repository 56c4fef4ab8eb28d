"""Events as JSON objects."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.events import Decided, Event, Reason, ScoreUpdated, Verdict
from streamauth.errors import EngineError, ProtocolError
from streamauth.protocol.answers import event_of
from streamauth.protocol.events import event_classes, event_object, identification_object, verification_object
from tests.samples import EVENTS


def test_every_event_has_a_sample() -> None:
    assert {type(event) for event in EVENTS} == set(event_classes().values())
    assert {event.type for event in event_classes().values()} == {event.type for event in Event.__subclasses__()}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_goes_round(event: Event) -> None:
    data = json.loads(json.dumps(event_object(event), allow_nan=False))
    assert event_of(data) == event
    assert event_of(data | {"later": 1}) == event


def test_the_objects_of_the_command_line() -> None:
    event = Decided(20_000, Verdict.ACCEPT, (Reason.VOICE_MATCH,), 0.812345, 7.5, 1.25, "open", "open", True)
    assert verification_object(event) == {
        "decision": "accept",
        "reasons": ["voice_match"],
        "llr": 7.5,
        "score": 0.8123,
        "phrase": {"expected": "open", "heard": "open", "matched": True},
        "speech_s": 1.25,
        "decided_at_s": 1.25,
    }
    assert identification_object(event) == {
        "decision": "accept",
        "name": None,
        "ranking": [],
        "reasons": ["voice_match"],
        "speech_s": 1.25,
    }
    no_words = replace(event, phrase_expected=None, phrase_heard=None, phrase_matched=None)
    assert verification_object(no_words)["phrase"] is None
    # a server does not tell what it expected
    assert verification_object(replace(event, phrase_expected=None))["phrase"]["expected"] is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan")])
def test_a_number_that_is_none_is_never_told(value: float) -> None:
    accept = Decided(0, Verdict.ACCEPT, (), 0.5, value, 1.0)
    for tell, event in ((event_object, ScoreUpdated(0, value, 1.0, 1.0)), (event_object, accept)):
        with pytest.raises(EngineError):
            tell(event)
    with pytest.raises(EngineError):
        verification_object(accept)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "nothing"},
        {"decision": "perhaps"},
        {"reasons": ["because"]},
        {"reasons": "voice_match"},
        {"llr": "7"},
        {"llr": True},
        {"llr": float("nan")},
        {"decided_at_s": None},
        {"phrase": 1},
        {"phrase": {}},
        {"ranking": [{"name": "ada"}]},
        {"ranking": {"name": "ada"}},
        {"name": 3},
    ],
)
def test_what_is_no_event_is_refused(change: dict[str, Any]) -> None:
    good = event_object(EVENTS[7])
    assert event_of(good) == EVENTS[7]
    with pytest.raises(ProtocolError):
        event_of(good | change)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_missing_field_is_refused(event: Event) -> None:
    data = event_object(event)
    for name in data:
        with pytest.raises(ProtocolError):
            event_of({key: value for key, value in data.items() if key != name})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(EVENTS), st.data())
def test_whatever_a_server_sends_is_an_event_or_refused(event: Event, data: st.DataObject) -> None:
    message = event_object(event)
    for name in data.draw(st.sets(st.sampled_from(sorted(message)))):
        message[name] = data.draw(JSON)
    with suppress(ProtocolError):
        assert type(event_of(message)) in event_classes().values()
