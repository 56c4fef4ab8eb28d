"""What a client says in protocol version 1, as typed objects and as JSON text; pure, strict and limited in size.

``docs/protocol.md`` is the specification. Audio travels beside these messages, in binary frames. What the server
answers is in ``answers``.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.phrase.prompt import PromptKind
from streamauth.errors import MessageTooLarge, OddByteCount, ProtocolError, UnsupportedVersion
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.protocol.strict_json import json_object

VERSION = 1
PATH = "/v1/stream"
MAX_CONTROL_BYTES = 16_384
"""Largest control message of a client, in bytes of UTF-8."""


def url_of(host: str, port: int, *, secure: bool = False) -> str:
    """The address of the streaming endpoint of a server."""
    host = f"[{host}]" if ":" in host else host
    return f"{'wss' if secure else 'ws'}://{host}:{port}{PATH}"


@dataclass(frozen=True, slots=True)
class Start:
    """The first message of a client.

    Attributes:
        mode: What the session is for.
        audio: Format of all binary frames.
        name: The profile; for all modes but IDENTIFY, and needed where no token says it.
        among: The profiles to compare with, None for all; for IDENTIFY.
        phrase: The pass phrase, None lets the first utterance set it; for ENROLL.
        text_independent: No pass phrase at all; for ENROLL.
        prompt: A random prompt of this kind is drawn and must be said; for all modes but ENROLL.
        token: A session token; it fixes the rest, which may then be absent.
        audience: Whom a signed verdict is for, None for no signed verdict.
        nonce: What the signed verdict repeats.

    Raises:
        ProtocolError: A field is missing, too long, or does not belong to the mode.
    """

    mode: Mode
    audio: AudioFormat
    name: str | None = field(default=None, repr=False)
    among: tuple[str, ...] | None = field(default=None, repr=False)
    phrase: str | None = field(default=None, repr=False)
    text_independent: bool = False
    prompt: PromptKind | None = None
    token: str | None = field(default=None, repr=False)
    audience: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        purpose = self.purpose
        if self.token is None:
            purpose.complete()

    @property
    def purpose(self) -> Purpose:
        """What it asks for; not complete where a token fixes the rest."""
        return Purpose(
            mode=self.mode,
            name=self.name,
            among=self.among,
            phrase=self.phrase,
            text_independent=self.text_independent,
            prompt=self.prompt,
            audience=self.audience,
            nonce=self.nonce,
        )


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
    token = {} if message.token is None else {"token": message.token}
    return json.dumps(values | message.purpose.given() | token)


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
    fields = json_object(text)
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
    text_independent = _take(fields, "text_independent", bool, None)
    return Start(
        mode=Mode(mode),
        audio=AudioFormat(rate, channels, encoding),
        name=_take(fields, "name", str, None),
        among=None if among is None else tuple(among),
        phrase=_take(fields, "phrase", str, None),
        text_independent=bool(text_independent),
        prompt=None if prompt is None else PromptKind(prompt),
        token=_take(fields, "token", str, None),
        audience=_take(fields, "audience", str, None),
        nonce=_take(fields, "nonce", str, None),
    )


_REQUIRED = object()


def _take(fields: dict[str, Any], name: str, kind: type, default: Any = _REQUIRED) -> Any:
    value = fields.pop(name, default)
    if value is _REQUIRED or (value is not default and type(value) is not kind):
        raise ProtocolError(f"The field {name!r} is missing or of a wrong type.")
    return value
