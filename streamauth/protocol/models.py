"""The messages of protocol version 1 as models: they check what comes in, and the schema in docs is made from them.

Messages of the server that are made of an object of ours (an event, limits) have their fields from it, so that none is
listed twice.
"""

from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema, create_model

from streamauth.core.audio.pcm import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, Encoding
from streamauth.core.events import Candidate, Decided, Event, Verdict
from streamauth.core.phrase.prompt import PromptKind
from streamauth.core.reasons import Reason
from streamauth.errors import (
    ProtocolError,
    StreamAuthError,
    UnsupportedAudioFormat,
    UnsupportedSampleRate,
)
from streamauth.protocol.events import event_classes, wire_name
from streamauth.protocol.purpose import ATTEMPT_ID, MAX_AMONG, MAX_LABEL, Mode

VERSION = 1
Band = Literal["far_below", "below", "above", "far_above"]
"""How far a voice is from the threshold."""


def _no_flag(value: Any) -> Any:
    # true is equal to 1, but it is not a number on the wire
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


One = Annotated[Literal[1], BeforeValidator(_no_flag)]
Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
Seconds = Annotated[float, Field(ge=0)]
AttemptId = Annotated[str, Field(min_length=16, max_length=64, pattern=ATTEMPT_ID)]
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL)]
# a later server may know more of them than this schema
AnyReason = Annotated[Reason, WithJsonSchema({"type": "string"})]


class _Client(BaseModel, extra="forbid", strict=True):
    """Of a client."""


class _Server(BaseModel, strict=True, allow_inf_nan=False):
    """Of the server."""


class Audio(_Client):
    """Format of the binary frames."""

    rate: Annotated[int, Field(ge=MIN_SAMPLE_RATE_HZ, le=MAX_SAMPLE_RATE_HZ)]
    channels: Channels
    encoding: Encoding
    channel: Channels | None = None


class StartMessage(_Client):
    """The first message of a client."""

    type: Literal["start"]
    version: One
    mode: Mode
    audio: Audio
    name: str | None = None
    among: Annotated[list[str], Field(min_length=1, max_length=MAX_AMONG)] | None = None
    phrase: str | None = None
    text_independent: bool | None = None
    consent: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    prompt: PromptKind | None = None
    attempt_id: AttemptId | None = None
    token: str | None = None
    audience: Label | None = None
    nonce: Label | None = None


class EndUtteranceMessage(_Client):
    """The speaker is done with this enrollment utterance."""

    type: Literal["end_utterance"]


class PhraseMessage(_Client):
    """The pass phrase that the first utterance has set is this one, and not what was heard."""

    type: Literal["phrase"]
    text: Annotated[str, Field(min_length=1, max_length=1000)]


class EndMessage(_Client):
    """No more audio will come."""

    type: Literal["end"]


class CancelMessage(_Client):
    """The session is broken off."""

    type: Literal["cancel"]


CLIENT_MESSAGES: dict[str, type[_Client]] = {
    "start": StartMessage,
    "end_utterance": EndUtteranceMessage,
    "phrase": PhraseMessage,
    "end": EndMessage,
    "cancel": CancelMessage,
}


class CandidateModel(_Server):
    """One place in a ranking."""

    name: str
    llr: float
    score: Annotated[float, Field(ge=-1.001, le=1.001)]


class Phrase(_Server):
    """What was to be said, where it is told, and what was heard."""

    expected: str | None
    heard: str | None
    matched: bool


class DecisionMessage(_Server):
    """The decision; `band` is told by a server, not by the command line."""

    type: Literal["decision"]
    decision: Verdict
    reasons: list[AnyReason]
    llr: float | None
    score: Annotated[float, Field(ge=-1.001, le=1.001)] | None
    phrase: Phrase | None
    speech_s: Seconds
    decided_at_s: Seconds
    name: str | None
    ranking: list[CandidateModel]
    band: Band | None = None


class BandMessage(_Server):
    """The voice so far, where scores are told as steps."""

    type: Literal["band"]
    at_s: Seconds
    band: Band
    speech_s: Seconds


class Limits(_Server):
    """What the server takes."""

    max_message_bytes: int
    max_queue_s: Seconds
    idle_timeout_s: Seconds
    max_session_s: Seconds | None
    max_audio_s: Seconds


class ReadyMessage(_Server):
    """The first answer of the server: audio may come."""

    type: Literal["ready"]
    version: One
    limits: Limits


class SignedVerdictMessage(_Server):
    """What comes next, signed for a backend."""

    type: Literal["signed_verdict"]
    token: str
    expires_s: Seconds


class PronunciationMessage(_Server):
    """How words of the phrase must be said that the dictionary does not have."""

    type: Literal["pronunciation"]
    words: dict[str, Annotated[list[str], Field(min_length=1)]]


@cache
def server_messages() -> dict[str, type[BaseModel]]:
    """The model of each message of the server by its type."""
    own: dict[str, type[BaseModel]] = {
        "ready": ReadyMessage,
        "pronunciation": PronunciationMessage,
        "signed_verdict": SignedVerdictMessage,
        "band": BandMessage,
    }
    return own | {
        kind: DecisionMessage if event is Decided else _model_of(kind, event) for kind, event in event_classes().items()
    }


def client_message(kind: str, text: str) -> Any:
    """A message of a client, as an object of its model.

    Args:
        kind: Its type.
        text: The whole message, JSON.

    Raises:
        UnsupportedSampleRate, UnsupportedAudioFormat: Such audio is not taken.
        ProtocolError: Anything else that the specification does not allow.
    """
    try:
        return CLIENT_MESSAGES[kind].model_validate_json(text)
    except ValidationError as error:
        raise _client_error(error) from None


def server_message(kind: str, text: str) -> Any:
    """A message of the server, as an object of its model; fields that are not known are ignored.

    Raises:
        ProtocolError: A field is missing or cannot be read.
    """
    try:
        return server_messages()[kind].model_validate_json(text)
    except ValidationError:
        raise ProtocolError("The server sent a message that cannot be read.") from None


def _model_of(kind: str, event: type[Event]) -> type[BaseModel]:
    columns: dict[str, Any] = {wire_name(item.name): (_kind_of(item.name, item.type), ...) for item in fields(event)}
    said = (event.__doc__ or "").partition("\n")[0]
    literal = Literal[kind]  # type: ignore[valid-type]
    return create_model(event.__name__, __base__=_Server, __doc__=said, type=(literal, ...), **columns)


def _kind_of(name: str, kind: Any) -> Any:
    """What a field of an event is on the wire."""
    if name.endswith("_sample") or (kind is float and name.endswith("_s")):
        return Seconds
    if kind is int:
        return Annotated[int, Field(ge=0)]
    if kind is float and name == "score":
        return Annotated[float, Field(ge=-1.001, le=1.001)]
    if get_args(kind)[:1] == (Reason,):
        return list[AnyReason]
    return list[CandidateModel] if get_args(kind)[:1] == (Candidate,) else kind


def _client_error(error: ValidationError) -> StreamAuthError:
    # nothing that the peer sent is repeated: only names of fields that the specification has
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = first["loc"]
    if first["type"] == "extra_forbidden":
        where = "field 'audio'" if place[0] == "audio" else "message"
        return ProtocolError(f"The {where} has a field that does not belong there.")
    if place[:2] == ("audio", "rate"):
        return UnsupportedSampleRate()
    if place[0] == "audio" and len(place) > 1:
        return UnsupportedAudioFormat()
    if first["type"] == "enum":
        return ProtocolError(f"There is no {place[0]} of this name.")
    if first["type"] in ("too_long", "too_short", "string_too_long", "string_too_short"):
        return ProtocolError(f"The field {place[0]!r} is too long or too short.")
    if first["type"] == "string_pattern_mismatch":
        return ProtocolError(f"The field {place[0]!r} has characters that do not belong there.")
    return ProtocolError(f"The field {place[0]!r} is missing or of a wrong type.")
