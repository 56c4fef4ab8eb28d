"""JSON text to an object, strictly: no repeated fields, no NaN, no lone surrogates."""

import json
from typing import Any, NoReturn

from streamauth.errors import ProtocolError


def json_object(text: str) -> dict[str, Any]:
    """The JSON object of a text.

    Raises:
        ProtocolError: It is not JSON, no object, or more lenient than JSON is.
    """
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
