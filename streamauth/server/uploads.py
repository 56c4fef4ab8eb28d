"""The audio file in the body of a request: the body itself, or the file of a form, as browsers and curl send it."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass, field

from starlette.datastructures import Headers

from streamauth.errors import AudioError, EmptyAudio, NotAudio

_MAX_FIELDS = 16
_MAX_DELIMITERS = 1000
"""Places of a form where a boundary may begin; each costs the parser time, and no recording has more than a few."""
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^";,\s]{1,70}))', re.IGNORECASE)
# a page that sets the content type by itself leaves the boundary out, or names another type for the whole form
_FORM = re.compile(rb"--([^\r\n]{1,70})\r\n(?:[\w-]+:[^\r\n]*\r\n){0,4}?content-disposition: *form-data", re.IGNORECASE)
_RAW = re.compile(r"audio/(?:x-)?(?:l8|l16|l24|basic|pcm\w?|raw|mulaw|ulaw|alaw)\b", re.IGNORECASE)
_RAW_TO_WAV = (
    "Samples without a header do not tell their format: put one before them, with their true coding and rate, "
    "`ffmpeg -f mulaw -ar 8000 -ac 1 -i INPUT output.wav`, or stream them by the websocket, where it is declared."
)
_NAME = re.compile(rb'(?:^|[;\s])(filename\*?|name)="?([^";]*)', re.IGNORECASE)
_AS_BODY = "Send the audio file as the body: `curl --data-binary @audio.wav -H 'Content-Type: audio/wav' URL`."


@dataclass
class _Part:
    name: bytes = b""
    is_file: bool = False
    body: bytearray = field(default_factory=bytearray)


def audio_of(body: bytes, headers: Headers) -> bytes:
    """The audio file in a body. What the body is goes before what its content type says.

    Raises:
        EmptyAudio: There is nothing.
        NotAudio: It is a form without a file or with several, or text of a kind that holds no audio.
    """
    kind = headers.get("content-type", "")
    if kind.strip().lower().startswith("multipart/") and (boundary := _BOUNDARY.search(kind)):
        return _file_in(body, (boundary[1] or boundary[2]).encode("latin-1", "replace"))
    if form := _FORM.match(body):
        return _file_in(body, form[1])
    if not body:
        raise EmptyAudio
    if body[:1] in b"{[" and "json" in kind.lower():
        raise NotAudio(f"The body is JSON. {_AS_BODY}")
    if body.startswith((b"data:", b"UklGR", b"T2dnUw", b"ZkxhQ", b"SUQz", b"GkXf")) and _is_base64(body):
        raise NotAudio(f"The body is text in Base64. Decode it, then: {_AS_BODY}")
    return body


def hint(error: AudioError, headers: Headers) -> AudioError:
    """What the error is told with, where the request was sent in a way that spoils files, or as bare samples."""
    kind = headers.get("content-type", "").strip()
    if "x-www-form-urlencoded" in kind.lower():
        return type(error)(f"{error.message} Was it sent by `curl -d`, which leaves bytes out? {_AS_BODY}")
    if isinstance(error, NotAudio) and _RAW.match(kind):
        return type(error)(f"{error.message} {_RAW_TO_WAV}")
    return error


def _is_base64(body: bytes) -> bool:
    try:
        b64decode(body.rpartition(b",")[2][:4096].strip()[: 4 * 256], validate=True)
    except NotBase64:
        return False
    return True


def _file_in(body: bytes, boundary: bytes) -> bytes:
    """The one file of a form."""
    parts = _parts(body, boundary)
    files = [part for part in parts if part.is_file and part.body]
    # a program that makes a form by hand may leave the file's name out
    files = files or [part for part in parts if part.name in (b"file", b"audio") and part.body]
    if len(files) > 1:
        raise NotAudio("The form holds several files. Send one for each request.")
    if not files:
        raise NotAudio("The form holds no file. Send one: `curl -F file=@audio.wav URL`, or the file as the body.")
    return bytes(files[0].body)


def _parts(body: bytes, boundary: bytes) -> list[_Part]:
    from python_multipart.exceptions import MultipartParseError
    from python_multipart.multipart import MultipartParser

    if body.count(b"\r\n--") > _MAX_DELIMITERS:
        raise NotAudio("The form's boundary stands in its file again and again. Send the file as the body.")
    parts: list[_Part] = []
    header = bytearray()
    value = bytearray()

    def begin() -> None:
        if len(parts) == _MAX_FIELDS:
            raise NotAudio(f"The form has more than {_MAX_FIELDS} fields. Send the file alone.")
        parts.append(_Part())

    def header_field(data: bytes, start: int, end: int) -> None:
        header.extend(data[start:end])

    def header_value(data: bytes, start: int, end: int) -> None:
        value.extend(data[start:end])

    def header_end() -> None:
        if header.lower() == b"content-disposition":
            names = {key.lower().rstrip(b"*"): text for key, text in _NAME.findall(bytes(value))}
            parts[-1].name, parts[-1].is_file = names.get(b"name", b""), b"filename" in names
        header.clear()
        value.clear()

    def content(data: bytes, start: int, end: int) -> None:
        parts[-1].body += data[start:end]

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin,
            "on_header_field": header_field,
            "on_header_value": header_value,
            "on_header_end": header_end,
            "on_part_data": content,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except MultipartParseError:
        raise NotAudio("The form is broken. Send it again, or the file as the body.") from None
    return parts
