"""The messages of the server in protocol version 1, as typed objects; ``disclosure`` says how much is told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from streamauth.core.events import Candidate, Event
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.errors import ProtocolError, UnsupportedVersion
from streamauth.protocol.events import event_classes, wire_name
from streamauth.protocol.models import (
    VERSION,
    BandMessage,
    CandidateModel,
    DecisionMessage,
    PronunciationMessage,
    ReadyMessage,
    SignedVerdictMessage,
    server_message,
    server_messages,
)
from streamauth.protocol.strict_json import json_object


@dataclass(frozen=True, slots=True)
class Ready:
    """The first answer of the server: audio may come.

    Attributes:
        max_message_bytes: Largest message that is taken.
        max_queue_s: Audio that may wait at the server; it reads no further while so much waits.
        idle_timeout_s: Longest time without a message.
        max_session_s: Longest session; None from a server that has no such limit.
        max_audio_s: Most audio of this session.
    """

    max_message_bytes: int
    max_queue_s: float
    idle_timeout_s: float
    max_session_s: float | None
    max_audio_s: float


@dataclass(frozen=True, slots=True)
class SignedVerdict:
    """What comes next, signed for a backend.

    Attributes:
        token: A JWT.
        expires_s: Seconds for which it is good.
    """

    token: str = field(repr=False)
    expires_s: float


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How words of the phrase must be said that the dictionary does not have; for the person who enrolls alone.

    Attributes:
        words: For each word its pronunciations, phones with one space between; any of them will do.
    """

    words: Mapping[str, Sequence[str]] = field(repr=False)


ServerMessage = Ready | SignedVerdict | Pronunciation | Event


def parse_server_text(text: str) -> ServerMessage | None:
    """A server's message from JSON text; None for a type that a later server may have added.

    Raises:
        UnsupportedVersion: The server is ready for another version.
        ProtocolError: It is no message of a server.
    """
    fields = json_object(text)
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise ProtocolError("The server sent a message without a type.")
    if kind == "ready" and fields.get("version") != VERSION:
        raise UnsupportedVersion()
    match server_message(kind, text) if kind in server_messages() else None:
        case ReadyMessage() as ready:
            return Ready(**ready.limits.model_dump())
        case SignedVerdictMessage() as signed:
            return SignedVerdict(signed.token, signed.expires_s)
        case PronunciationMessage() as pronunciation:
            return Pronunciation({word: tuple(sounds) for word, sounds in pronunciation.words.items()})
        case None | BandMessage():
            return None
        case message:
            return _event_of(kind, message)


def event_of(data: Mapping[str, Any]) -> Event:
    """The event of a JSON object; fields that are not known are ignored.

    Raises:
        ProtocolError: It is no event, or a field is missing or of a wrong type.
    """
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in event_classes():
        raise ProtocolError("The server sent an event that is not known.")
    return _event_of(kind, server_message(kind, json.dumps(data)))


def _event_of(kind: str, message: Any) -> Event:
    event = event_classes()[kind]
    values = dict(message)
    if isinstance(message, DecisionMessage):
        phrase = message.phrase
        values |= {
            "at_s": message.decided_at_s,
            "verdict": message.decision,
            "phrase_expected": phrase and phrase.expected,
            "phrase_heard": phrase and phrase.heard,
            "phrase_matched": phrase and phrase.matched,
        }
    try:
        return event(**{item.name: _field_of(item.name, values[wire_name(item.name)]) for item in fields(event)})
    except OverflowError:
        raise ProtocolError("The server sent an event that cannot be read.") from None


def _field_of(name: str, value: Any) -> Any:
    if name.endswith("_sample"):
        return round(value * SAMPLE_RATE_HZ)
    if isinstance(value, list):
        return tuple(_field_of("", each) for each in value)
    return Candidate(value.name, value.score, value.llr) if isinstance(value, CandidateModel) else value
