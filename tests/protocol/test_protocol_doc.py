"""docs/protocol.md against the code."""

import json
import re
from dataclasses import fields
from pathlib import Path

from scripts.protocol_schema import schema
from streamauth.errors import all_errors
from streamauth.protocol.answers import Pronunciation, Ready, SignedVerdict
from streamauth.protocol.disclosure import Disclosure, DisclosurePolicy
from streamauth.protocol.events import event_classes
from streamauth.protocol.messages import MAX_CONTROL_BYTES, PATH, Start
from streamauth.protocol.models import VERSION
from streamauth.protocol.purpose import Mode
from streamauth.server.streaming.close import CLOSE_CODES, close_code
from streamauth.settings import ServerSettings
from tests.samples import EVENTS
from tests.server.schema import SCHEMA

DOC = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text("utf-8")
# the base of all, and those met on the command line, on opening files and devices, or by the client itself;
# sessions of the server draw their own prompts
NEVER_ON_THE_WIRE = {
    "error",
    "file_missing",
    "truncated_audio",
    "decoder_failed",  # of files, which streams are not
    "microphone_unavailable",
    "microphone_absent",
    "microphone_busy",
    "microphone_format",
    "microphone_muted",
    "microphone_unplugged",
    "server_unreachable",
    "cannot_listen",
    "bad_setting",
    "bad_model",
    "download_failed",
    "licence_not_accepted",
    "unknown_model",
    "unsafe_archive",
    "wrong_download",
    "bad_trial_list",
    "extra_missing",
    "too_few_recordings",
    "unknown_template",
    "too_many_templates",
    "bad_prompt",
    "unknown_prompt",
    "too_many_prompts",
    "unknown_api_key",
    "unknown_signing_key",
    "not_found",
}

# of applications that do not speak the protocol
APPLICATIONS = ("streamauth.errors.doors", "streamauth.errors.login")


def table(heading: str) -> list[list[str]]:
    """The cells of the first table after a heading."""
    text = DOC[DOC.index(heading) :]
    rows = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert rows
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[0].splitlines()[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_the_schema_is_the_one_of_the_models() -> None:
    assert schema() == SCHEMA, "run: python -m scripts.refresh_docs"


def test_the_endpoint_and_the_version() -> None:
    assert f"ws://HOST:PORT{PATH}`" in DOC
    assert f"version {VERSION}" in DOC
    assert f"at most {MAX_CONTROL_BYTES} bytes" in DOC


def test_the_messages_of_the_client() -> None:
    documented = {names(row[0])[0]: names(row[1]) for row in table("## Messages of the client")}
    assert documented.pop("start") == [row[0].strip("`") for row in table("Fields of `start`")]
    assert documented == {"end_utterance": [], "phrase": ["text"], "end": [], "cancel": []}


def test_the_fields_of_start() -> None:
    rows = table("Fields of `start`")
    assert {names(row[0])[0] for row in rows} - {"version"} == {item.name for item in fields(Start)}
    modes = next(row[3] for row in rows if row[0] == "`mode`")
    assert names(modes) == [mode.value for mode in Mode]


def test_the_messages_of_the_server() -> None:
    documented = {names(row[0])[0]: names(row[1]) for row in table("## Messages of the server")}
    assert documented.pop("ready") == ["version", "limits"]
    assert documented.pop("signed_verdict") == [item.name for item in fields(SignedVerdict)]
    assert documented.pop("pronunciation") == [item.name for item in fields(Pronunciation)]
    assert set(documented) == set(event_classes()) | {"band"}
    for scores in (Disclosure.NUMBER, Disclosure.BAND):
        for event in EVENTS:
            message = json.loads(DisclosurePolicy(scores, 0.0, rankings=True).text(event) or "")
            assert documented[message.pop("type")] == list(message)


def test_the_schema_has_the_messages_of_the_specification() -> None:
    for side, heading in (("client", "## Messages of the client"), ("server", "## Messages of the server")):
        documented = {names(row[0])[0]: set(names(row[1])) for row in table(heading)}
        schemas = {each["properties"]["type"]["const"]: each for each in SCHEMA["$defs"][side]["oneOf"]}
        assert {name: set(each["properties"]) - {"type"} for name, each in schemas.items()} == documented


def test_the_claims_of_a_signed_verdict() -> None:
    documented = {name for row in table("## Signed verdict") for name in names(row[0])}
    always = {"iss", "aud", "nonce", "iat", "exp", "jti", "mode", "decision", "reasons"}
    assert documented == always | {"sub", "prompt", "amr", "second_factor"}


def test_the_bands() -> None:
    text = DOC[DOC.index("A `band` is the LLR") :]
    assert "more than 4 nats" in " ".join(text.split())
    for band in ("far_below", "below", "above", "far_above"):
        assert f"`{band}`" in text[:300]


def test_the_limits() -> None:
    settings = ServerSettings()
    documented = {row[0].strip("`"): row[1] for row in table("## Limits")}
    assert documented == {name: str(getattr(settings, name)) for name in documented}
    assert {item.name for item in fields(Ready)} - {"max_audio_s"} <= set(documented)


def test_the_close_code_of_every_error() -> None:
    documented = {code: int(row[0]) for row in table("## End of a session") for code in names(row[1])}
    documented.pop("cancel")
    expected = {
        error.code: close_code(error())
        for error in all_errors()
        if error.code not in NEVER_ON_THE_WIRE and error.__module__ not in APPLICATIONS
    }
    assert documented == expected
    assert set(documented.values()) == set(CLOSE_CODES.values())
