"""Messages between the login daemon and those who ask it: JSON lines on a local socket, each side's in one place.

A talk of a PAM module is: ``ask`` - ``prompt``; the person presses Enter; ``listen`` - ``listening`` - ``verdict``. Any
step may be answered by ``refused``. Every answer carries the id that its talk began with. The module's own reader is
``packaging/pam/reply.c``.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin

from streamauth.errors import LoginProtocolError, ProtocolError
from streamauth.protocol.strict_json import json_object

SOCKET = "/run/streamauth/login.sock"
VERSION = 1
MAX_REQUEST_BYTES = 2048
MAX_REPLY_BYTES = 1024
"""Of a reply to a PAM module, its newline not counted; those to other clients may have four times as much."""
MAX_EVENT_BYTES = 4 * MAX_REPLY_BYTES
_MAX_TEXT_BYTES = 240
_MAX_ID = 31


@dataclass(frozen=True, slots=True)
class Request:
    """Base of all requests.

    Attributes:
        id: Chosen by the client, 1 to 31 letters and digits; the answers carry it.
    """

    op: ClassVar[str] = ""
    id: str


@dataclass(frozen=True, slots=True)
class Ask(Request):
    """May this person log in by voice, and what must be said?

    Attributes:
        user: Name of the Unix user.
        service: Name of the PAM service.
        prompt: Random digits, or none: the fixed pass phrase alone.
        wait_ms: How long the client waits for a verdict after ``listen``.
        v: Version of the protocol.
    """

    op: ClassVar[str] = "ask"
    user: str
    service: str
    prompt: Literal["digits", "none"] = "digits"
    wait_ms: int = 15_000
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class Listen(Request):
    """Listen now and judge.

    Attributes:
        events: Tell each event as it comes, too.
    """

    op: ClassVar[str] = "listen"
    events: bool = False


@dataclass(frozen=True, slots=True)
class Enroll(Request):
    """Enroll a person by microphone; for root alone.

    Attributes:
        user: Name of the Unix user.
        phrase: The pass phrase; without it free speech is enrolled.
    """

    op: ClassVar[str] = "enroll"
    user: str
    phrase: str | None = None


@dataclass(frozen=True, slots=True)
class Forget(Request):
    """Delete a person's voice; for root and that person."""

    op: ClassVar[str] = "forget"
    user: str


@dataclass(frozen=True, slots=True)
class Status(Request):
    """How it stands with a person; for root and that person."""

    op: ClassVar[str] = "status"
    user: str


@dataclass(frozen=True, slots=True)
class Unlock(Request):
    """Forget a person's failed attempts; for root alone."""

    op: ClassVar[str] = "unlock"
    user: str


@dataclass(frozen=True, slots=True)
class Enable(Request):
    """Let a service ask for voices, or no longer; for root alone.

    Attributes:
        service: Name of the PAM service.
        on: Whether it may.
        fixed: Whether it is to ask for the pass phrase alone, as it shows no texts.
    """

    op: ClassVar[str] = "enable"
    service: str
    on: bool = True
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Level(Request):
    """Measure the microphone's level; for root alone.

    Attributes:
        ms: For how long.
    """

    op: ClassVar[str] = "level"
    ms: int = 3000


@dataclass(frozen=True, slots=True)
class Devices(Request):
    """Which microphones there are, and which one is taken and why; for root alone."""

    op: ClassVar[str] = "devices"


@dataclass(frozen=True, slots=True)
class Device(Request):
    """Take this microphone from now on; for root alone.

    Attributes:
        name: Its name or a part of it; empty for the automatic choice.
    """

    op: ClassVar[str] = "device"
    name: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Base of all replies.

    Attributes:
        id: Of the request.
    """

    type: ClassVar[str] = ""
    id: str


@dataclass(frozen=True, slots=True)
class Prompt(Reply):
    """The person may try.

    Attributes:
        say: What must be said; empty for the pass phrase alone.
        after_phrase: Whether the pass phrase comes before it.
    """

    type: ClassVar[str] = "prompt"
    say: str
    after_phrase: bool


@dataclass(frozen=True, slots=True)
class Listening(Reply):
    """The microphone is open."""

    type: ClassVar[str] = "listening"


@dataclass(frozen=True, slots=True)
class Judged(Reply):
    """The end of a listening.

    Attributes:
        verdict: accept, reject or undecided.
        reasons: Their codes, most important first.
        message: A sentence for the person; empty with an accept.
    """

    type: ClassVar[str] = "verdict"
    verdict: Literal["accept", "reject", "undecided"]
    reasons: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refused(Reply):
    """Nothing was judged.

    Attributes:
        code: Of the error.
        message: A sentence for the person.
    """

    type: ClassVar[str] = "refused"
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Told(Reply):
    """An event of a session, or another object that a command asked for.

    Attributes:
        data: The object.
    """

    type: ClassVar[str] = "told"
    data: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done(Reply):
    """A command of an administrator is carried out."""

    type: ClassVar[str] = "done"


_REQUESTS: dict[str, type[Request]] = {
    kind.op: kind for kind in (Ask, Listen, Enroll, Forget, Status, Unlock, Enable, Level, Devices, Device)
}
_REPLIES: dict[str, type[Reply]] = {kind.type: kind for kind in (Prompt, Listening, Judged, Refused, Told, Done)}
Message = TypeVar("Message", Request, Reply)


def encode_request(request: Request) -> bytes:
    """One line.

    Raises:
        LoginProtocolError: It is too long.
    """
    return _line({"op": request.op} | asdict(request), MAX_REQUEST_BYTES)


def encode_reply(reply: Reply) -> bytes:
    """One line. Sentences that are too long for a PAM module are cut.

    Raises:
        LoginProtocolError: It is too long.
    """
    values = {"type": reply.type} | asdict(reply)
    for name in ("message", "say"):
        if name in values:
            values[name] = _cut(values[name])
    return _line(values, MAX_EVENT_BYTES if isinstance(reply, Told) else MAX_REPLY_BYTES)


def decode_request(line: bytes) -> Request:
    """A request from its line.

    Raises:
        LoginProtocolError: It is none.
    """
    return _decode(line, "op", _REQUESTS)


def decode_reply(line: bytes) -> Reply:
    """A reply from its line.

    Raises:
        LoginProtocolError: It is none.
    """
    return _decode(line, "type", _REPLIES)


def _line(values: dict[str, Any], most: int) -> bytes:
    line = json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    if len(line) > most:
        raise LoginProtocolError("The message is too long.")
    return line + b"\n"


def _cut(text: str) -> str:
    kept = text.encode()[:_MAX_TEXT_BYTES].decode(errors="ignore")
    return kept if kept == text else kept.rpartition(" ")[0] + " …"


def _decode(line: bytes, discriminator: str, kinds: dict[str, type[Message]]) -> Message:
    try:
        values = json_object(line.decode("utf-8"))
    except (UnicodeDecodeError, ProtocolError):
        raise LoginProtocolError from None
    kind = kinds.get(str(values.pop(discriminator, "")))
    if kind is None:
        raise LoginProtocolError
    known = {item.name: item for item in fields(kind)}
    if not values.keys() <= known.keys() or not all(_fits(values[name], known[name].type) for name in values):
        raise LoginProtocolError
    try:
        made = kind(**values)
    except TypeError:
        raise LoginProtocolError from None  # a field is missing
    if not (0 < len(made.id) <= _MAX_ID and made.id.isascii() and made.id.isalnum()):
        raise LoginProtocolError
    return made


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind) and isinstance(value, str)
    if isinstance(kind, UnionType):
        return any(_fits(value, each) for each in get_args(kind))
    if get_origin(kind) is dict:
        return isinstance(value, dict)
    return type(value) is (type(None) if kind is None else kind)
