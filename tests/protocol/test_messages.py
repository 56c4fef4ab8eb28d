"""The messages of clients and servers: strict, limited, and nothing but named errors."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.phrase.prompt import PromptKind
from streamauth.errors import (
    MessageTooLarge,
    ProtocolError,
    StreamAuthError,
    UnsupportedAudioFormat,
    UnsupportedSampleRate,
    UnsupportedVersion,
)
from streamauth.protocol.messages import (
    MAX_CONTROL_BYTES,
    Cancel,
    ClientMessage,
    CorrectPhrase,
    End,
    EndUtterance,
    Start,
    check_frame,
    client_text,
    parse_client_text,
)
from streamauth.protocol.purpose import Mode
from tests.server.schema import CLIENT, fits

AUDIO = AudioFormat(44_100, 2, Encoding.F32LE)
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
    Start(Mode.VERIFY, AUDIO, name="ada", audience="https://example.org", nonce="n" * 256),
    Start(Mode.VERIFY, AudioFormat(8_000, 2, Encoding.MULAW, channel=2), name="ada"),
    Start(Mode.VERIFY, AUDIO, token="st_x"),
    Start(Mode.CONTINUOUS, AUDIO, name="ada", attempt_id="a-Z_0" * 4),
    Start(Mode.ENROLL, AUDIO, token="st_x", name="ada", phrase="open the door"),
    EndUtterance(),
    CorrectPhrase("seven green apples please"),
    End(),
    Cancel(),
)
GOOD: dict[str, Any] = json.loads(client_text(MESSAGES[0]))


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_every_message_of_a_client_goes_round_and_fits_the_schema(message: ClientMessage) -> None:
    assert parse_client_text(client_text(message)) == message
    assert fits(CLIENT, client_text(message))


def test_the_samples_have_every_message_and_mode() -> None:
    assert {type(message) for message in MESSAGES} == set(ClientMessage.__args__)
    assert {message.mode for message in MESSAGES if isinstance(message, Start)} == set(Mode)


def test_a_start_shows_no_name_and_no_phrase() -> None:
    shown = repr(Start(Mode.ENROLL, AUDIO, name="marker", phrase="marker")) + repr(
        Start(Mode.IDENTIFY, AUDIO, among=("marker",), token="marker", audience="marker", nonce="marker")
    )
    shown += repr(Start(Mode.VERIFY, AUDIO, name="ada", attempt_id="marker" * 3))
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
        ({"token": 1}, ProtocolError),
        ({"attempt_id": 10**20}, ProtocolError),
        ({"attempt_id": "a" * 15}, ProtocolError),
        ({"attempt_id": "a" * 65}, ProtocolError),
        ({"attempt_id": "a" * 16 + "\n"}, ProtocolError),
        ({"attempt_id": "\u00e9" * 16}, ProtocolError),
        ({"mode": "enroll", "attempt_id": "a" * 16}, ProtocolError),
        ({"nonce": "n"}, ProtocolError),
        ({"audience": ""}, ProtocolError),
        ({"audience": "a" * 257}, ProtocolError),
        ({"audience": "a", "nonce": "n" * 257}, ProtocolError),
        ({"mode": "identify", "name": None, "among": []}, ProtocolError),
        ({"mode": "identify", "name": None, "among": ["a"] * 1001}, ProtocolError),
        ({"token": "st_x", "phrase": "open"}, ProtocolError),
        ({"audio": None}, ProtocolError),
        ({"audio": []}, ProtocolError),
        ({"audio": GOOD["audio"] | {"bits": 16}}, ProtocolError),
        ({"audio": {}}, UnsupportedSampleRate),
        ({"audio": GOOD["audio"] | {"rate": 7999}}, UnsupportedSampleRate),
        ({"audio": GOOD["audio"] | {"rate": 16_000.0}}, UnsupportedSampleRate),
        ({"audio": GOOD["audio"] | {"channels": 17}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"channels": True}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"channel": 0}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"channel": 17}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"channel": "left"}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"encoding": "mp3"}}, UnsupportedAudioFormat),
        ({"audio": GOOD["audio"] | {"encoding": []}}, UnsupportedAudioFormat),
    ],
    ids=str,
)
def test_what_is_no_start(change: dict[str, Any], error: type[StreamAuthError]) -> None:
    assert isinstance(parse_client_text(json.dumps(GOOD)), Start)
    with pytest.raises(error):
        parse_client_text(json.dumps(GOOD | change))
    # JSON schema takes 16000.0 for an integer, and knows nothing of halves of characters; Python's $ lets a line end
    beyond = [{"audio": GOOD["audio"] | {"rate": 16_000.0}}, {"name": "\udc00"}, {"attempt_id": "a" * 16 + "\n"}]
    assert not fits(CLIENT, json.dumps(GOOD | change)) or change in beyond


def test_an_optional_field_may_be_null() -> None:
    assert parse_client_text(json.dumps(GOOD | {"phrase": None, "among": None})) == MESSAGES[0]


def test_messages_name_no_value_of_the_peer() -> None:
    for change in ({"marker": 1}, {"mode": "marker"}, {"audio": GOOD["audio"] | {"encoding": "marker"}}):
        with pytest.raises(StreamAuthError) as caught:
            parse_client_text(json.dumps(GOOD | change))
        assert "marker" not in caught.value.message


@pytest.mark.parametrize("size", [1, 4, 7, 9, 12])
def test_a_frame_may_end_inside_a_sample(size: int) -> None:
    check_frame(bytes(size))


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(ProtocolError):
        check_frame(b"")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*GOOD, "among", "phrase", "text_independent", "prompt", "token", "attempt_id", "audience", "nonce", "other"]
NEAR_MISSES = st.builds(
    lambda change, drop: json.dumps({key: value for key, value in (GOOD | change).items() if key not in drop}),
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from([*Mode, "end", 1, 2]), max_size=3),
    st.sets(st.sampled_from(FIELDS), max_size=2),
)


@given(st.text() | JSON.map(json.dumps) | NEAR_MISSES)
def test_only_named_errors_come_out_of_the_parser_and_what_it_takes_fits_the_schema(text: str) -> None:
    with suppress(StreamAuthError):
        message = parse_client_text(text)
        assert parse_client_text(client_text(message)) == message
        assert fits(CLIENT, text)


@given(NEAR_MISSES)
def test_what_fits_the_schema_is_taken(text: str) -> None:
    if not fits(CLIENT, text):
        return
    refused: StreamAuthError | None = None
    try:
        parse_client_text(text)
    except StreamAuthError as error:
        refused = error
    # what no schema can tell: 16000.0 and true for integers, halves of characters, NaN
    known = ("not JSON.", "of a wrong type.", "not supported. Use version 1.", "48000 Hz.", "two channels is taken.")
    assert refused is None or refused.message.endswith(known), text
