"""What clients send, read as leniently as Microsoft's service did: JSON, flags, and audio in any container."""

import json
import re
import struct
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request

from streamauth.azure.generations import Generation
from streamauth.azure.refusals import (
    Refusal,
    bad_format,
    invalid_argument,
    invalid_request,
    too_large,
    too_short,
)

_MOST_JSON_BYTES = 65_536
_MOST_PARTS = 16
_SAMPLE_RATES = range(16_000, 48_001)
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,70})"?', re.IGNORECASE)
_SAMPLE_RATE = re.compile(r"samplerate=\"?(\d{4,6})", re.IGNORECASE)
_TRAILING_COMMA = re.compile(r",\s*([}\]])")
_LOCALE = re.compile(r"([a-zA-Z]{2})-?([a-zA-Z]{2})")


def query_of(request: Request) -> dict[str, str]:
    """The query, its names in small letters; of a name that comes twice the last value."""
    return {name.lower(): value for name, value in request.query_params.multi_items()}


def flag(query: dict[str, str], name: str) -> bool:
    """A flag of the query, in either case of letters; false if it is not given.

    Raises:
        Refusal: It is neither true nor false.
    """
    value = query.get(name.lower(), "false").strip().lower()
    if value not in ("true", "false"):
        raise invalid_argument(f'Invalid {name} parameter value. Valid values are "true" and "false".')
    return value == "true"


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The body, however it is cut.

    Raises:
        Refusal: It is too large.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= most_bytes:
            parts.append(part)
    # what is too much is read all the same, up to the server's limit: who is still sending does not look for an answer
    if size > most_bytes:
        raise too_large(most_bytes / 2**20)
    return b"".join(parts)


async def wanted_locale(request: Request, generation: Generation) -> str:
    """The locale in the body of a request to make a profile, as it was given.

    Raises:
        Refusal: There is none.
    """
    body = await read_body(request, _MOST_JSON_BYTES)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if generation is not Generation.V1 and kind and "json" not in kind and not kind.startswith("multipart/"):
        raise Refusal(415, "UnsupportedMediaType", "Unsupported media type. Only 'application/JSON' is accepted.")
    if not body.strip():
        raise invalid_request("Request body is missing.")
    if generation is Generation.V1 and "json" not in kind and b"{" not in body:
        fields: dict[str, Any] = dict(parse_qsl(body.decode("utf-8", "replace")))
    else:
        fields = _lenient_json(body)
    locale = {name.lower(): value for name, value in fields.items()}.get("locale")
    if not isinstance(locale, str) or not locale.strip():
        raise invalid_request("Locale parameter is missing.")
    return locale.strip()


def canonical_locale(locale: str) -> str | None:
    """A locale as ``en-US``; None if it is none."""
    found = _LOCALE.fullmatch(locale)
    return f"{found[1].lower()}-{found[2].upper()}" if found else None


def _lenient_json(body: bytes) -> dict[str, Any]:
    """An object in JSON, or in what Microsoft's samples have in its place: trailing commas, single quotes."""
    try:
        text = body.decode("utf-8-sig")
        if '"' not in text:
            text = text.replace("'", '"')
        try:
            data = json.loads(text)
        except ValueError:
            data = json.loads(_TRAILING_COMMA.sub(r"\1", text))
    except (ValueError, RecursionError):
        raise invalid_request("Invalid JSON format.") from None
    if not isinstance(data, dict):
        raise invalid_request("Invalid JSON format.")
    return data


def audio_file(body: bytes, headers: Headers, generation: Generation) -> bytes:
    """The WAV file in a body; what the body is goes before what its content type says.

    Raises:
        Refusal: There is none.
    """
    if body.startswith(b"RIFF"):
        return body
    kind = headers.get("content-type", "").strip()
    if kind.lower().startswith("multipart/"):
        part = _part_of(body, kind)
        if part is not None and part.startswith(b"RIFF"):
            return part
        if part is None and generation is Generation.V1:
            raise invalid_request("Invalid Http Request")
    rate = _SAMPLE_RATE.search(kind)
    if rate is not None and int(rate[1]) in _SAMPLE_RATES and body:
        return _wav(body, int(rate[1]))
    if generation is Generation.V1:
        if not body:
            raise invalid_request("Invalid Http Request")
        raise invalid_request("Invalid Audio Format: Not a WAVE file - no RIFF header")
    if kind.lower().startswith(("text/", "application/json", "application/xml")):
        raise Refusal(
            415, "UnsupportedMediaType", "Unsupported media type. Only 'audio/wav; codecs=audio/pcm' is accepted."
        )
    if len(body) < 2 * _SAMPLE_RATES[0]:
        # the service took what has no header for samples, and there are too few of them
        raise too_short(1)
    raise bad_format(generation)


def _part_of(body: bytes, kind: str) -> bytes | None:
    """The part that holds the audio, else the first one; None if there are no parts."""
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        return None
    mark = b"--" + boundary[1].strip().encode("latin-1")
    # a few parts have whatever clients send; a body of boundaries alone must not be cut into a million pieces
    pieces = body.split(mark, _MOST_PARTS + 1)[: _MOST_PARTS + 2]
    parts = [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]]
    parts = [part.removesuffix(b"\r\n") for part in parts]
    return next((part for part in parts if part.startswith(b"RIFF")), parts[0] if parts else None)


def _wav(pcm: bytes, rate_hz: int) -> bytes:
    """Bare 16-bit mono samples as a WAV file."""
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    data = struct.pack("<4sI", b"data", len(pcm)) + pcm
    return struct.pack("<4sI4s", b"RIFF", 4 + len(layout) + len(data), b"WAVE") + layout + data
