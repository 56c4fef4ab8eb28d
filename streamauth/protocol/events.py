"""Events as JSON objects: the one form that the command line prints and the server sends.

Positions in the audio are given in seconds, rounded to milliseconds; scores and LLRs to four decimals.
"""

import math
from dataclasses import fields
from numbers import Real
from typing import Any

from streamauth.core import events
from streamauth.core.events import Candidate, Decided, Event, Failed, Reason
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.errors import EngineError

Json = dict[str, Any]
"""One JSON object."""


def event_classes() -> dict[str, type[Event]]:
    """Every event class by the type that it has on the wire."""
    # not Event.__subclasses__(): a slotted dataclass is a second class, and the first one lives on for a while
    found = [item for item in vars(events).values() if isinstance(item, type) and issubclass(item, Event)]
    return {_wire_type(event): event for event in found if event is not Event}


def seconds(sample: int) -> float:
    """A position at 16 kHz in seconds, rounded to milliseconds."""
    return round(sample / SAMPLE_RATE_HZ, 3)


def verification_object(event: Decided) -> Json:
    """The decision of a verification.

    Raises:
        EngineError: A number is NaN or infinite.
    """
    phrase = None
    if event.phrase_matched is not None:
        heard, matched = event.phrase_heard, event.phrase_matched
        phrase = {"expected": event.phrase_expected, "heard": heard, "matched": matched}
    return {
        "decision": event.verdict.value,
        "reasons": _plain(event.reasons),
        "llr": _plain(event.llr),
        "score": _plain(event.score),
        "phrase": phrase,
        "speech_s": _plain(event.speech_s),
        "decided_at_s": seconds(event.at_sample),
    }


def identification_object(event: Decided) -> Json:
    """The decision of an identification.

    Raises:
        EngineError: A number is NaN or infinite.
    """
    return {
        "decision": event.verdict.value,
        "name": event.name,
        "ranking": _plain(event.ranking),
        "reasons": _plain(event.reasons),
        "speech_s": _plain(event.speech_s),
    }


def event_object(event: Event) -> Json:
    """Any event, with its ``type``.

    Raises:
        EngineError: A number is NaN or infinite; the event must not be told.
    """
    kind = {"type": _wire_type(type(event))}
    if isinstance(event, Decided):
        return kind | verification_object(event) | identification_object(event)
    names = [item.name for item in fields(event)]
    return kind | {wire_name(name): _put(name, getattr(event, name)) for name in names}


def _wire_type(event: type[Event]) -> str:
    return "error" if event is Failed else event.type


def wire_name(name: str) -> str:
    """What a field of an event is called on the wire, where positions are in seconds."""
    return f"{name.removesuffix('_sample')}_s" if name.endswith("_sample") else name


def _put(name: str, value: Any) -> Any:
    return seconds(value) if name.endswith("_sample") else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Candidate):
        return {"name": value.name, "llr": _plain(value.llr), "score": _plain(value.score)}
    if isinstance(value, Reason):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Real) and math.isfinite(value):
        return round(float(value), 4)
    raise EngineError("A speech engine gave what is not a number. The attempt was ended and not accepted.")
