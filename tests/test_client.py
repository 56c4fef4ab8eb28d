"""The client of the streaming protocol, against the real server and against servers that misbehave."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as listen

from streamauth.client import (
    EndUtterance,
    Mode,
    Pronunciation,
    Ready,
    ServerMessage,
    Start,
    pcm_chunks,
    stream,
    stream_sync,
)
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Enrolled, Event, UtteranceTaken, Verdict
from streamauth.errors import (
    AttemptDelayed,
    EngineError,
    InputError,
    MessageTooLarge,
    MicrophoneUnavailable,
    ProtocolError,
    ServerUnreachable,
    StreamAuthError,
    UnknownProfile,
)
from streamauth.protocol.disclosure import Disclosure, DisclosurePolicy
from tests.fakes import PROPOSED
from tests.server.rig import ADA, BOB, FORMAT, PHRASE, STRANGER, UNUSUAL_PHRASE, server, spoken, until

VERIFY_ADA = Start(Mode.VERIFY, FORMAT, name="ada")
READY = DisclosurePolicy(Disclosure.NUMBER, 0.0).text(Ready(1 << 18, 30.0, 20.0, 600.0, 120.0)) or ""


def chunks(speaker: int, words: str = PHRASE) -> Iterator[bytes]:
    return pcm_chunks(spoken(words, speaker), FORMAT)


@pytest.mark.parametrize(("speaker", "verdict"), [(ADA, Verdict.ACCEPT), (STRANGER, Verdict.REJECT)])
def test_verification(tmp_path: Path, speaker: int, verdict: Verdict) -> None:
    with server(tmp_path) as (url, _):
        received = list(stream_sync(url, VERIFY_ADA, chunks(speaker), pace=None))
    assert isinstance(received[0], Ready)
    assert [message.verdict for message in received if isinstance(message, Decided)] == [verdict]


def test_enrollment_and_identification(tmp_path: Path) -> None:
    def three() -> Iterator[bytes | EndUtterance]:
        for _ in range(3):
            yield from chunks(STRANGER)
            yield EndUtterance()

    with server(tmp_path) as (url, _):
        received = list(stream_sync(url, Start(Mode.ENROLL, FORMAT, name="eve"), three(), pace=None))
        assert sum(isinstance(message, UtteranceTaken) for message in received) == 3
        assert isinstance(received[-1], Enrolled)
        received = list(stream_sync(url, Start(Mode.IDENTIFY, FORMAT), chunks(STRANGER), pace=None))
        assert [message.name for message in received if isinstance(message, Decided)] == ["eve"]


@pytest.mark.parametrize(("phrase", "told"), [(UNUSUAL_PHRASE, [PROPOSED]), (PHRASE, [])])
def test_pronunciations_come_before_all_events(tmp_path: Path, phrase: str, told: list[dict[str, list[str]]]) -> None:
    start = Start(Mode.ENROLL, FORMAT, name="eve", phrase=phrase)
    with server(tmp_path) as (url, _):
        _, *received = stream_sync(url, start, chunks(STRANGER, phrase), pace=None)
    spoken_words = [message.words for message in received if isinstance(message, Pronunciation)]
    assert [{word: [*sounds] for word, sounds in words.items()} for words in spoken_words] == told
    assert all(isinstance(message, Event) for message in received[len(told) :])
    assert any(isinstance(message, UtteranceTaken) for message in received)


def test_the_async_client_takes_async_audio_and_a_running_loop(tmp_path: Path) -> None:
    async def microphone() -> AsyncIterator[bytes]:
        for chunk in chunks(ADA):
            await asyncio.sleep(0)
            yield chunk

    async def check(url: str) -> list[ServerMessage]:
        return [message async for message in stream(url, VERIFY_ADA, microphone(), pace=None)]

    with server(tmp_path) as (url, _):
        assert isinstance(asyncio.run(check(url))[-1], Decided)


def test_the_pace_is_that_of_the_audio(tmp_path: Path) -> None:
    start = Start(Mode.IDENTIFY, FORMAT)
    with server(tmp_path) as (url, _):
        for pace, audio_s, least_s, most_s in ((4, 1, 0.25, 1.0), (2, 1, 0.5, 1.0), (None, 20, 0.0, 20.0)):
            began = time.monotonic()
            list(stream_sync(url, start, pcm_chunks(bytes(32_000 * audio_s), FORMAT), pace=pace))
            # the upper bounds are real time, so they hold on a busy machine too
            assert least_s <= time.monotonic() - began < most_s + 2


def test_events_come_while_audio_is_sent(tmp_path: Path) -> None:
    sent = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for chunk in chunks(ADA):
            sent += 1
            yield chunk

    with server(tmp_path) as (url, _):
        at_first_event = 0
        for message in stream_sync(url, VERIFY_ADA, counted(), pace=20):
            if isinstance(message, Event) and not at_first_event:
                at_first_event = sent
        assert 0 < at_first_event < sent


def test_sending_stops_at_the_decision(tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield from chunks(ADA)
        while True:
            taken += 1
            yield bytes(3200)

    with server(tmp_path) as (url, _):
        received = list(stream_sync(url, VERIFY_ADA, endless(), pace=20))
        assert isinstance(received[-1], Decided)
        stopped_at = taken
        time.sleep(0.05)
        assert taken == stopped_at


@pytest.mark.parametrize("take", [0, 1, 3])
def test_leaving_early_breaks_the_session_off(tmp_path: Path, take: int) -> None:
    async def leave(url: str) -> None:
        async with aclosing(stream(url, VERIFY_ADA, chunks(BOB), pace=1)) as received:
            for _ in range(take):
                await anext(received)

    with server(tmp_path) as (url, watched):
        asyncio.run(leave(url))
        messages = stream_sync(url, VERIFY_ADA, chunks(BOB), pace=1)
        for _ in range(take):
            next(messages)
        messages.close()  # type: ignore[attr-defined]
        until(lambda: not watched.unclosed)
        assert all(attempt.error is not None for attempt in watched.made)


def test_errors_of_the_server_come_with_their_class(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _), pytest.raises(UnknownProfile) as caught:
        list(stream_sync(url, Start(Mode.VERIFY, FORMAT, name="nobody"), chunks(ADA)))
    assert caught.value.exit_code == 2
    with server(tmp_path / "small", max_message_bytes=1024) as (url, _), pytest.raises(MessageTooLarge):
        list(stream_sync(url, VERIFY_ADA, chunks(ADA), pace=None))


def test_no_server() -> None:
    with pytest.raises(ServerUnreachable):
        list(stream_sync("ws://127.0.0.1:9/v1/stream", VERIFY_ADA, chunks(ADA)))


@pytest.mark.parametrize("url", ["", "http://127.0.0.1/v1/stream", "ws://", "ws://127.0.0.1:port/"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InputError) as caught:
        list(stream_sync(url, VERIFY_ADA, chunks(ADA)))
    assert not isinstance(caught.value, ServerUnreachable)


def test_another_server(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _), pytest.raises(ServerUnreachable, match="404"):
        list(stream_sync(url.replace("v1", "v9"), VERIFY_ADA, chunks(ADA)))


def test_a_source_that_fails_fails_the_stream(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(3200)
        raise MicrophoneUnavailable

    with server(tmp_path) as (url, watched):
        with pytest.raises(MicrophoneUnavailable):
            list(stream_sync(url, VERIFY_ADA, broken(), pace=None))
        until(lambda: not watched.unclosed)
        assert watched.made[0].error is not None


@contextmanager
def scripted(*messages: str | bytes, close: bool = True) -> Iterator[str]:
    """A server that says these messages, then closes, or breaks the connection."""

    def handler(socket: ServerConnection) -> None:
        socket.recv()
        for message in messages:
            socket.send(message)
        if not close:
            socket.close_socket()

    with listen(handler, "127.0.0.1", 0, compression=None) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listening.socket.getsockname()[1]}/v1/stream"
        finally:
            listening.shutdown()
            thread.join()


def error_text(**fields: Any) -> str:
    return json.dumps({"type": "error", "at_s": 0.0, **fields})


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([error_text(code="attempt_delayed", message="Wait 7 s.")], AttemptDelayed),
        ([READY, error_text(code="engine_failed", message="It failed.")], EngineError),
        ([error_text(code="of_later", message="It failed.")], StreamAuthError),
        ([b"\0"], ProtocolError),
        (["{}"], ProtocolError),
        ([READY, "{"], ProtocolError),
        ([READY.replace('"version": 1', '"version": 2')], ProtocolError),
    ],
    ids=repr,
)
def test_what_a_server_may_say_instead(messages: list[str | bytes], error: type[StreamAuthError]) -> None:
    with scripted(*messages) as url, pytest.raises(error) as caught:
        list(stream_sync(url, VERIFY_ADA, []))
    assert type(caught.value) is error or error is ProtocolError
    if error is StreamAuthError:
        assert "of_later" in caught.value.message


@pytest.mark.parametrize("messages", [[], [READY]])
def test_a_connection_that_breaks_is_never_an_accept(messages: list[str]) -> None:
    with scripted(*messages, close=False) as url, pytest.raises(ServerUnreachable) as caught:
        list(stream_sync(url, VERIFY_ADA, pcm_chunks(bytes(32_000), AudioFormat(16_000))))
    assert caught.value.exit_code == 4


def test_nothing_personal_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client"):
        caplog.set_level(logging.DEBUG, logger=name)
    with server(tmp_path) as (url, _):
        list(stream_sync(url, VERIFY_ADA, chunks(ADA), pace=None))
    assert len(caplog.records) > 2
    for secret in ("front", "please", "voice_match", "decision"):
        assert secret not in caplog.text
