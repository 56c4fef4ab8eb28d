"""The JSON schema of the protocol, for the tests of both ends."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "protocol-v1.schema.json").read_text("utf-8")
)
CLIENT = Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": "#/$defs/client"}]})
SERVER = Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": "#/$defs/server"}]})


def fits(validator: Draft202012Validator, text: str) -> bool:
    """Whether a text frame is a message by the schema."""
    try:
        return bool(validator.is_valid(json.loads(text)))
    except (ValueError, RecursionError):
        return False
