"""The messages of a client in protocol version 1, as typed objects and as JSON text; strict and limited in size.

``docs/protocol.md`` is the specification. Audio travels beside these messages, in binary frames. What the server
answers is in ``answers``.
"""

import ipaddress
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field

from streamauth.core.audio.pcm import AudioFormat
from streamauth.errors import MessageTooLarge, ProtocolError, UnsupportedVersion
from streamauth.protocol.models import CLIENT_MESSAGES, VERSION, PhraseMessage, StartMessage, client_message
from streamauth.protocol.purpose import ATTEMPT_ID, FIELDS_OF_MODE, Purpose
from streamauth.protocol.strict_json import json_object

PATH = "/v1/stream"
MAX_CONTROL_BYTES = 16_384
"""Largest control message of a client, in bytes of UTF-8."""


def url_of(host: str, port: int, *, secure: bool = False) -> str:
    """The address of the streaming endpoint of a server."""
    host = f"[{host}]" if ":" in host else host
    return f"{'wss' if secure else 'ws'}://{host}:{port}{PATH}"


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Purpose):
    """The first message of a client: what the session is for, which a token may say in its place, and its audio.

    Attributes:
        audio: Format of all binary frames.
        attempt_id: The client's own id of this attempt, 16 to 64 of A-Z, a-z, 0-9, _ and -, such as a random UUID: if
            the connection breaks before the decision, the same audio may be sent once more under it; for VERIFY and
            CONTINUOUS, without a prompt.
        token: A session token; it fixes the rest, which may then be absent.

    Raises:
        ProtocolError: A field is missing, too long, or does not belong to the mode.
    """

    audio: AudioFormat = field(kw_only=False)
    attempt_id: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        Purpose.__post_init__(self)
        if self.attempt_id is not None:
            if "attempt_id" not in FIELDS_OF_MODE[self.mode]:
                raise ProtocolError(f"The field 'attempt_id' does not belong to the mode {self.mode.value!r}.")
            if re.fullmatch(ATTEMPT_ID, self.attempt_id) is None:
                raise ProtocolError("The field 'attempt_id' has 16 to 64 letters, digits, '_' and '-'.")
        if self.token is None:
            self.complete()


@dataclass(frozen=True, slots=True)
class EndUtterance:
    """The speaker is done with this enrollment utterance."""


@dataclass(frozen=True, slots=True)
class CorrectPhrase:
    """The pass phrase that the first utterance of this enrollment has set is another one.

    Attributes:
        text: The phrase.
    """

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """No more audio will come: conclude."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Break the session off."""


ClientMessage = Start | EndUtterance | CorrectPhrase | End | Cancel

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
    if isinstance(message, CorrectPhrase):
        return json.dumps({"type": "phrase", "text": message.text})
    assert isinstance(message, Start)  # noqa: S101 - the one class left
    audio: dict[str, int | str] = {
        "rate": message.audio.sample_rate_hz,
        "channels": message.audio.channels,
        "encoding": message.audio.encoding.value,
    }
    if message.audio.channel is not None:
        audio["channel"] = message.audio.channel
    values = {"type": "start", "version": VERSION, "mode": message.mode.value, "audio": audio}
    token = {} if message.token is None else {"token": message.token}
    attempt = {} if message.attempt_id is None else {"attempt_id": message.attempt_id}
    return json.dumps(values | message.given() | attempt | token)


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
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise ProtocolError("The field 'type' is missing or of a wrong type.")
    if kind not in CLIENT_MESSAGES:
        raise ProtocolError("There is no message of this type.")
    if kind == "start" and type(version := fields.get("version")) is int and version != VERSION:
        raise UnsupportedVersion()
    message = client_message(kind, text)
    if isinstance(message, PhraseMessage):
        return CorrectPhrase(message.text)
    return _start(message) if isinstance(message, StartMessage) else _BARE[kind]()


def check_frame(data: bytes) -> None:
    """Check one binary frame of a client; it may end inside a sample, which the next one completes.

    Raises:
        ProtocolError: It is empty.
    """
    if not data:
        raise ProtocolError("A binary message holds at least one byte.")


def _start(message: StartMessage) -> Start:
    audio = message.audio
    given = {name: value for name, value in message if name not in ("type", "version", "audio") and value is not None}
    if message.among is not None:
        given["among"] = tuple(message.among)
    return Start(audio=AudioFormat(audio.rate, audio.channels, audio.encoding, audio.channel), **given)
