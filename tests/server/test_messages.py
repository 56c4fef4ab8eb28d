"""The messages of clients and servers: strict, limited, and nothing but named errors."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.events import Event, ScoreUpdated
from streamauth.core.pcm import AudioFormat, Encoding
from streamauth.core.prompt import PromptKind
from streamauth.errors import (
    EngineError,
    MessageTooLarge,
    OddByteCount,
    ProtocolError,
    StreamAuthError,
    UnsupportedAudioFormat,
    UnsupportedSampleRate,
    UnsupportedVersion,
)
from streamauth.server.messages import (
    MAX_CONTROL_BYTES,
    Cancel,
    ClientMessage,
    End,
    EndUtterance,
    Mode,
    Ready,
    Start,
    check_frame,
    client_text,
    parse_client_text,
    parse_server_text,
    server_text,
)
from tests.samples import EVENTS

AUDIO = AudioFormat(44_100, 2, Encoding.F32LE)
READY = Ready(262_144, 30.0, 20.0, None, 43_200.0)
MESSAGES = (
    Start(Mode.VERIFY, AUDIO, name="Ada Łoś"),
    Start(Mode.CONTINUOUS, AUDIO, name="ada"),
    Start(Mode.IDENTIFY, AUDIO),
    Start(Mode.IDENTIFY, AUDIO, among=("ada", "bob")),
    Start(Mode.ENROLL, AUDIO, name="ada"),
    Start(Mode.ENROLL, AUDIO, name="ada", phrase="open the door"),
    Start(Mode.ENROLL, AUDIO, name="ada", text_independent=True),
    Start(Mode.VERIFY, AUDIO, name="ada", prompt=PromptKind.DIGITS),
    Start(Mode.CONTINUOUS, AUDIO, name="ada", prompt=PromptKind.WORDS),
    Start(Mode.IDENTIFY, AUDIO, prompt=PromptKind.DIGITS),
    EndUtterance(),
    End(),
    Cancel(),
)
GOOD: dict[str, Any] = json.loads(client_text(MESSAGES[0]))


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_every_message_of_a_client_goes_round(message: ClientMessage) -> None:
    assert parse_client_text(client_text(message)) == message


def test_the_samples_have_every_message_and_mode() -> None:
    assert {type(message) for message in MESSAGES} == set(ClientMessage.__args__)
    assert {message.mode for message in MESSAGES if isinstance(message, Start)} == set(Mode)


@pytest.mark.parametrize("message", [READY, *EVENTS], ids=lambda message: type(message).__name__)
def test_every_message_of_a_server_goes_round(message: Ready | Event) -> None:
    assert parse_server_text(server_text(message)) == message


def test_a_start_shows_no_name_and_no_phrase() -> None:
    shown = repr(Start(Mode.ENROLL, AUDIO, name="marker", phrase="marker")) + repr(
        Start(Mode.IDENTIFY, AUDIO, among=("marker",))
    )
    assert "marker" not in shown


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", ProtocolError),
        ("{", ProtocolError),
        ("[]", ProtocolError),
        ('"start"', ProtocolError),
        ("NaN", ProtocolError),
        ('{"type":"end","x":NaN}', ProtocolError),
        ('{"type":"end","type":"cancel"}', ProtocolError),
        ('{"type":"end","more":1}', ProtocolError),
        ('{"type":["end"]}', ProtocolError),
        ('{"type":"ready"}', ProtocolError),
        ("[" * 9000, ProtocolError),
        ('{"type":' + "9" * 9000 + "}", ProtocolError),
        ('{"type":"end"}' + " " * MAX_CONTROL_BYTES, MessageTooLarge),
        ('{"type":"' + "é" * (MAX_CONTROL_BYTES // 2) + '"}', MessageTooLarge),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_is_no_message(text: str, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        parse_client_text(text)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"version": None}, ProtocolError),
        ({"version": "1"}, ProtocolError),
        ({"version": True}, ProtocolError),
        ({"version": 2, "more": 1}, UnsupportedVersion),
        ({"mode": "spy"}, ProtocolError),
        ({"mode": ["verify"]}, ProtocolError),
        ({"more": 1}, ProtocolError),
        ({"name": None}, ProtocolError),
        ({"name": 7}, ProtocolError),
        ({"name": "\udc00"}, ProtocolError),
        ({"among": ["ada"]}, ProtocolError),
        ({"phrase": "open"}, ProtocolError),
        ({"text_independent": True}, ProtocolError),
        ({"mode": "identify"}, ProtocolError),
        ({"mode": "identify", "name": None, "among": [1]}, ProtocolError),
        ({"mode": "identify", "name": None, "among": "ada"}, ProtocolError),
        ({"mode": "enroll", "text_independent": 1}, ProtocolError),
        ({"mode": "enroll", "text_independent": True, "phrase": "open"}, ProtocolError),
        ({"mode": "continuous", "phrase": "open"}, ProtocolError),
        ({"mode": "enroll", "prompt": "digits"}, ProtocolError),
        ({"prompt": "songs"}, ProtocolError),
        ({"prompt": 6}, ProtocolError),
        ({"audio": None}, ProtocolError),
        ({"audio": []}, ProtocolError),
        ({"audio": GOOD["audio"] | {"bits": 16}}, ProtocolError),
        ({"audio": {}}, UnsupportedSampleRate),
        ({"audio": GOOD["audio"] | {"rate": 7999}}, UnsupportedSampleRate),
        ({"audio": GOOD["audio"] | {"rate": 16_000.0}}, UnsupportedSampleRate),
        ({"audio": GOOD["audio"] | {"channels": 3}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"channels": True}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"encoding": "mp3"}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"encoding": []}}, UnsupportedAudioFormat),
    ],
    ids=str,
)
def test_what_is_no_start(change: dict[str, Any], error: type[StreamAuthError]) -> None:
    assert isinstance(parse_client_text(json.dumps(GOOD)), Start)
    with pytest.raises(error):
        parse_client_text(json.dumps(GOOD | change))


def test_an_optional_field_may_be_null() -> None:
    assert parse_client_text(json.dumps(GOOD | {"phrase": None, "among": None})) == MESSAGES[0]


def test_messages_name_no_value_of_the_peer() -> None:
    for change in ({"marker": 1}, {"mode": "marker"}, {"audio": GOOD["audio"] | {"encoding": "marker"}}):
        with pytest.raises(StreamAuthError) as caught:
            parse_client_text(json.dumps(GOOD | change))
        assert "marker" not in caught.value.message


@pytest.mark.parametrize("size", [1, 4, 7, 9, 12])
def test_a_frame_is_a_whole_number_of_samples_of_all_channels(size: int) -> None:
    check_frame(bytes(16), AUDIO)
    with pytest.raises(OddByteCount):
        check_frame(bytes(size), AUDIO)


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(ProtocolError):
        check_frame(b"", AUDIO)


def test_a_number_that_is_none_is_not_sent() -> None:
    with pytest.raises(EngineError):
        server_text(ScoreUpdated(0, float("nan"), 0.0, 1.0))


def test_a_client_ignores_what_a_later_server_may_add() -> None:
    assert parse_server_text('{"type":"mood","value":1}') is None
    later = json.loads(server_text(READY)) | {"more": 1}
    later["limits"]["more"] = 1
    assert parse_server_text(json.dumps(later)) == READY


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"type":1}', '{"type":"ready","version":1}', '{"type":"ready","version":1,"limits":[]}'],
)
def test_what_is_no_message_of_a_server(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_server_text(text)


def test_a_server_of_another_version_is_refused() -> None:
    with pytest.raises(UnsupportedVersion):
        parse_server_text('{"type":"ready","version":2}')


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*GOOD, "among", "phrase", "text_independent", "prompt", "other"]
NEAR_MISSES = st.builds(
    lambda change, drop: json.dumps({key: value for key, value in (GOOD | change).items() if key not in drop}),
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from([*Mode, "end", 1, 2]), max_size=3),
    st.sets(st.sampled_from(FIELDS), max_size=2),
)


@given(st.text() | JSON.map(json.dumps) | NEAR_MISSES)
def test_only_named_errors_come_out_of_the_parser(text: str) -> None:
    with suppress(StreamAuthError):
        message = parse_client_text(text)
        assert parse_client_text(client_text(message)) == message


@given(st.text() | JSON.map(json.dumps))
def test_only_protocol_errors_come_out_of_the_client_parser(text: str) -> None:
    with suppress(ProtocolError):
        parse_server_text(text)
