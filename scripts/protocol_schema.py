"""The JSON schema of protocol version 1, made from the models that check its messages."""

from typing import Any

from pydantic import BaseModel

from streamauth.protocol.models import CLIENT_MESSAGES, server_messages
from streamauth.protocol.purpose import FIELDS_OF_MODE, Mode

_NULL = {"type": "null"}


def schema() -> dict[str, Any]:
    """The schema; ``#/$defs/client`` and ``#/$defs/server`` are the text frames of either side."""
    shared: dict[str, Any] = {}
    sides = {
        "client": [_schema_of(model, shared) for model in CLIENT_MESSAGES.values()],
        "server": [_schema_of(model, shared, told=True) for model in server_messages().values()],
    }
    sides["client"][0]["allOf"] = _conditions()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Streaming protocol, version 1: text frames",
        "description": "Made by `python -m scripts.refresh_docs`; do not edit. protocol.md is the specification. Limits"
        " that a schema cannot state, such as the size in bytes, are there.",
        "$defs": dict(sorted(shared.items())) | {side: {"oneOf": messages} for side, messages in sides.items()},
    }


def _schema_of(model: type[BaseModel], shared: dict[str, Any], *, told: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = _untitled(model.model_json_schema())
    shared.update(made.pop("$defs", {}))
    if told:
        # the server always sends all fields
        made["required"] = list(made["properties"])
    return made


def _untitled(value: Any) -> Any:
    """The same without the titles that repeat the names, and without defaults."""
    if isinstance(value, dict):
        return {
            key: {name: _untitled(each) for name, each in inner.items()} if key == "properties" else _untitled(inner)
            for key, inner in value.items()
            if key not in ("title", "default")
        }
    return [_untitled(each) for each in value] if isinstance(value, list) else value


def _conditions() -> list[dict[str, Any]]:
    """Which fields of ``start`` belong together."""
    optional = {name for known in FIELDS_OF_MODE.values() for name in known}
    conditions = []
    for mode in Mode:
        absent: dict[str, Any] = dict.fromkeys(sorted(optional - FIELDS_OF_MODE[mode]), _NULL)
        if "text_independent" in absent:
            absent["text_independent"] = {"enum": [None, False]}
        conditions.append({"if": {"properties": {"mode": {"const": mode}}}, "then": {"properties": absent}})
    named = [mode.value for mode in Mode if "name" in FIELDS_OF_MODE[mode]]
    return [
        *conditions,
        {
            "if": {"properties": {"token": _NULL, "mode": {"enum": named}}},
            "then": {"required": ["name"], "properties": {"name": {"type": "string"}}},
        },
        {
            "if": {"properties": {"token": _NULL, "nonce": {"type": "string"}}, "required": ["nonce"]},
            "then": {"required": ["audience"], "properties": {"audience": {"type": "string"}}},
        },
        {
            "if": {"properties": {"text_independent": {"const": True}}, "required": ["text_independent"]},
            "then": {"properties": {"phrase": _NULL}},
        },
    ]
