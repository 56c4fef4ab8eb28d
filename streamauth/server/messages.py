"""Messages of protocol version 1 as typed objects and as JSON text; pure, strict and limited in size.

``docs/protocol.md`` is the specification. Audio travels beside these messages, in binary frames.
"""

import json
from dataclasses import asdict, dataclass, field
from dataclasses import fields as fields_of
from enum import StrEnum
from typing import Any, NoReturn

from streamauth.core.events import Event
from streamauth.core.pcm import AudioFormat
from streamauth.core.prompt import PromptKind
from streamauth.errors import (
    MessageTooLarge,
    OddByteCount,
    ProtocolError,
    UnsupportedVersion,
)
from streamauth.wire import event_classes, event_object, event_of

VERSION = 1
PATH = "/v1/stream"
MAX_CONTROL_BYTES = 16_384
"""Largest control message of a client, in bytes of UTF-8."""


def url_of(host: str, port: int) -> str:
    """The address of the streaming endpoint of a server."""
    return f"ws://[{host}]:{port}{PATH}" if ":" in host else f"ws://{host}:{port}{PATH}"


class Mode(StrEnum):
    """What a session is for."""

    VERIFY = "verify"
    CONTINUOUS = "continuous"
    IDENTIFY = "identify"
    ENROLL = "enroll"


_FIELDS_OF_MODE = {
    Mode.VERIFY: {"name", "prompt"},
    Mode.CONTINUOUS: {"name", "prompt"},
    Mode.IDENTIFY: {"among", "prompt"},
    Mode.ENROLL: {"name", "phrase", "text_independent"},
}


@dataclass(frozen=True, slots=True)
class Start:
    """The first message of a client.

    Attributes:
        mode: What the session is for.
        audio: Format of all binary frames.
        name: The profile; for all modes but IDENTIFY.
        among: The profiles to compare with, None for all; for IDENTIFY.
        phrase: The pass phrase, None lets the first utterance set it; for ENROLL.
        text_independent: No pass phrase at all; for ENROLL.
        prompt: A random prompt of this kind is drawn and must be said; for all modes but ENROLL.

    Raises:
        ProtocolError: A field is missing or does not belong to the mode.
    """

    mode: Mode
    audio: AudioFormat
    name: str | None = field(default=None, repr=False)
    among: tuple[str, ...] | None = field(default=None, repr=False)
    phrase: str | None = field(default=None, repr=False)
    text_independent: bool = False
    prompt: PromptKind | None = None

    def __post_init__(self) -> None:
        optional = {"name": self.name, "among": self.among, "phrase": self.phrase, "prompt": self.prompt}
        given = {name for name, value in optional.items() if value is not None}
        if self.text_independent:
            given.add("text_independent")
        if foreign := sorted(given - _FIELDS_OF_MODE[self.mode]):
            raise ProtocolError(f"The field {foreign[0]!r} does not belong to the mode {self.mode.value!r}.")
        if self.mode is not Mode.IDENTIFY and self.name is None:
            raise ProtocolError(f"The mode {self.mode.value!r} needs the field 'name'.")
        if self.phrase is not None and self.text_independent:
            raise ProtocolError("Give 'phrase' or 'text_independent', not both.")


@dataclass(frozen=True, slots=True)
class EndUtterance:
    """The speaker is done with this enrollment utterance."""


@dataclass(frozen=True, slots=True)
class End:
    """No more audio will come: conclude."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Break the session off."""


ClientMessage = Start | EndUtterance | End | Cancel

_BARE: dict[str, type[EndUtterance | End | Cancel]] = {
    "end_utterance": EndUtterance,
    "end": End,
    "cancel": Cancel,
}


@dataclass(frozen=True, slots=True)
class Ready:
    """The first answer of the server: audio may come.

    Attributes:
        max_message_bytes: Largest message that is taken.
        max_queue_s: Audio that may wait at the server; it reads no further while so much waits.
        idle_timeout_s: Longest time without a message.
        max_session_s: Longest session, None for a continuous one.
        max_audio_s: Most audio of this session.
    """

    max_message_bytes: int
    max_queue_s: float
    idle_timeout_s: float
    max_session_s: float | None
    max_audio_s: float


ServerMessage = Ready | Event


def client_text(message: ClientMessage) -> str:
    """A client's message as JSON text."""
    for kind, bare in _BARE.items():
        if isinstance(message, bare):
            return json.dumps({"type": kind})
    assert isinstance(message, Start)  # noqa: S101 - the one class left
    audio = {
        "rate": message.audio.sample_rate_hz,
        "channels": message.audio.channels,
        "encoding": message.audio.encoding.value,
    }
    values = {"type": "start", "version": VERSION, "mode": message.mode.value, "audio": audio}
    optional = {"name": message.name, "among": message.among, "phrase": message.phrase, "prompt": message.prompt}
    values |= {name: value for name, value in optional.items() if value is not None}
    if message.text_independent:
        values["text_independent"] = True
    return json.dumps(values)


def parse_client_text(text: str) -> ClientMessage:
    """A client's message from JSON text.

    Raises:
        MessageTooLarge: Over MAX_CONTROL_BYTES.
        UnsupportedVersion: A start of another version.
        UnsupportedSampleRate, UnsupportedAudioFormat: Such audio is not taken.
        ProtocolError: Anything else that the specification does not allow.
    """
    if len(text) > MAX_CONTROL_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_CONTROL_BYTES:
        raise MessageTooLarge()
    fields = _object(text)
    kind = _take(fields, "type", str)
    message: ClientMessage
    if kind == "start":
        message = _start(fields)
    elif kind in _BARE:
        message = _BARE[kind]()
    else:
        raise ProtocolError("There is no message of this type.")
    if fields:
        raise ProtocolError("The message has a field that does not belong there.")
    return message


def check_frame(data: bytes, audio: AudioFormat) -> None:
    """Check one binary frame of a client.

    Raises:
        OddByteCount: It is no whole number of samples of all channels.
        ProtocolError: It is empty.
    """
    if not data:
        raise ProtocolError("A binary message holds at least one sample.")
    if len(data) % audio.frame_bytes:
        raise OddByteCount()


def server_text(message: ServerMessage) -> str:
    """A server's message as JSON text.

    Raises:
        EngineError: A number of an event is NaN or infinite; the event must not be told.
    """
    if isinstance(message, Ready):
        return json.dumps({"type": "ready", "version": VERSION, "limits": asdict(message)})
    return json.dumps(event_object(message), allow_nan=False)


def parse_server_text(text: str) -> ServerMessage | None:
    """A server's message from JSON text; None for a type that a later server may have added.

    Raises:
        UnsupportedVersion: The server is ready for another version.
        ProtocolError: It is no message of a server.
    """
    fields = _object(text)
    kind = fields.get("type")
    if kind == "ready":
        return _ready(fields)
    if not isinstance(kind, str):
        raise ProtocolError("The server sent a message without a type.")
    return event_of(fields) if kind in event_classes() else None


def _start(fields: dict[str, Any]) -> Start:
    if _take(fields, "version", int) != VERSION:
        raise UnsupportedVersion()
    mode = _take(fields, "mode", str)
    if mode not in list(Mode):
        raise ProtocolError("There is no mode of this name.")
    audio = _take(fields, "audio", dict)
    rate, channels, encoding = (audio.pop(key, None) for key in ("rate", "channels", "encoding"))
    if audio:
        raise ProtocolError("The field 'audio' has a field that does not belong there.")
    among = _take(fields, "among", list, None)
    if among is not None and not all(isinstance(name, str) for name in among):
        raise ProtocolError("The field 'among' is a list of names.")
    prompt = _take(fields, "prompt", str, None)
    if prompt is not None and prompt not in list(PromptKind):
        raise ProtocolError("There is no kind of prompt of this name.")
    return Start(
        mode=Mode(mode),
        audio=AudioFormat(rate, channels, encoding),
        name=_take(fields, "name", str, None),
        among=None if among is None else tuple(among),
        phrase=_take(fields, "phrase", str, None),
        text_independent=_take(fields, "text_independent", bool, False),
        prompt=None if prompt is None else PromptKind(prompt),
    )


def _ready(fields: dict[str, Any]) -> Ready:
    if fields.get("version") != VERSION:
        raise UnsupportedVersion()
    try:
        limits = {item.name: fields["limits"][item.name] for item in fields_of(Ready)}
        if not all(isinstance(value, int | float) or value is None for value in limits.values()):
            raise TypeError
        return Ready(**limits)
    except (KeyError, TypeError):
        raise ProtocolError("The server did not state its limits.") from None


_REQUIRED = object()


def _take(fields: dict[str, Any], name: str, kind: type, default: Any = _REQUIRED) -> Any:
    value = fields.pop(name, default)
    if value is _REQUIRED or (value is not default and type(value) is not kind):
        raise ProtocolError(f"The field {name!r} is missing or of a wrong type.")
    return value


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
        # half of an escaped surrogate pair is no text: it could be neither stored nor sent
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise ProtocolError("The message is not JSON.") from None
    if not isinstance(value, dict):
        raise ProtocolError("The message is not a JSON object.")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a field occurs twice")
    return values


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
