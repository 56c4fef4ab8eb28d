"""One connection of the streaming protocol, from its first message to its close.

Data path: socket -> reader -> **inbox** -> driver of attempts -> events -> socket. Whatever ends the session, its end
is one value, set once; then everything is given back and the peer is told.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from streamauth.core.events import Event, Failed
from streamauth.core.phrase.prompt import PromptPlan
from streamauth.errors import (
    Flooding,
    InternalError,
    MessageTooLarge,
    Overloaded,
    SessionInterrupted,
    SessionTimeout,
    StoreError,
    StreamAuthError,
    UnexpectedMessage,
)
from streamauth.protocol.answers import Pronunciation, Ready, ServerMessage
from streamauth.protocol.disclosure import DisclosurePolicy
from streamauth.protocol.messages import (
    Cancel,
    CorrectPhrase,
    End,
    EndUtterance,
    Start,
    check_frame,
    parse_client_text,
)
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.server.access import Caller
from streamauth.server.attempts import AttemptRun, sign
from streamauth.server.context import Context
from streamauth.server.rates import Buckets
from streamauth.server.streaming.close import close, close_code
from streamauth.server.streaming.inbox import Inbox, Item
from streamauth.server.streaming.socket import PeerGone, Socket
from streamauth.service.attempts import Attempt, EnrollmentAttempt
from streamauth.store.api_keys import Scope

log = logging.getLogger("streamauth.server")

_BATCH_S = 0.5
_TOO_LARGE = 1009
_FLOOD_S = 3

Admit = Callable[["Stream", Start], Coroutine[Any, Any, tuple[Caller, Purpose]]]
"""Who starts a session, and what for; raises where that is not allowed."""


@dataclass(frozen=True)
class _Session:
    start: Start
    caller: Caller
    purpose: Purpose
    disclosure: DisclosurePolicy
    inbox: Inbox


class Stream:
    """One connection.

    Args:
        socket: After its handshake.
        context: What all sessions share.
        admit: Tells who starts a session.
    """

    def __init__(self, socket: Socket, context: Context, admit: Admit) -> None:
        loop = asyncio.get_running_loop()
        self._socket = socket
        self._context = context
        self._admit = admit
        self._settings = context.settings
        self._limits = context.settings.server
        self._id = secrets.token_hex(4)
        self._ended: asyncio.Future[StreamAuthError | None] = loop.create_future()
        self._session: asyncio.Future[_Session] = loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._run: AttemptRun[Attempt[Any]] | None = None
        self._at_sample = 0

    async def run(self) -> None:
        """Serve the peer until the session is over; never raises for what the peer or an engine does."""
        began = monotonic()
        error: StreamAuthError | None = SessionInterrupted()
        parts = (self._read(), self._work(), self._watch())
        tasks = [asyncio.create_task(self._guard(part)) for part in parts]
        try:
            error = await self._ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if self._timer is not None:
                self._timer.cancel()
            if self._run is not None:
                self._run.end(error)
            else:
                self._context.metrics.sessions.labels("none", "over" if error is None else error.code).inc()
        await close(self._socket, error, self._at_sample)
        log.info("session %s ended: close code %d, %.1f s", self._id, close_code(error), monotonic() - began)

    def end(self, error: StreamAuthError | None) -> None:
        """End the session, from anywhere on the event loop; the first end counts."""
        if not self._ended.done():
            self._ended.set_result(error)

    async def _guard(self, part: Coroutine[Any, Any, None]) -> None:
        try:
            await part
            self.end(None)
        except StreamAuthError as error:
            self.end(error)
        except PeerGone as gone:
            self.end(MessageTooLarge() if gone.code == _TOO_LARGE else SessionInterrupted())
        except Exception as error:
            # the text of an exception nobody foresaw may hold anything, so only its kind is told, and only here
            log.error("session %s: unexpected %s", self._id, type(error).__name__)
            self.end(InternalError())

    async def _read(self) -> None:
        first = await self._receive(self._limits.start_timeout_s)
        start = parse_client_text(first) if isinstance(first, str) else None
        if not isinstance(start, Start):
            raise UnexpectedMessage("Begin with a start message.")
        inbox = await self._begin(start)
        pace = Buckets(self._limits.max_messages_per_s, self._limits.max_messages_per_s * _FLOOD_S)
        ended = False
        while True:
            data = await self._receive(None if ended else self._limits.idle_timeout_s)
            if not pace.take():
                raise Flooding
            message = parse_client_text(data) if isinstance(data, str) else data
            if isinstance(message, Cancel):
                raise SessionInterrupted()
            if ended or isinstance(message, Start):
                raise UnexpectedMessage("No such message may follow." if ended else "The session is started already.")
            if isinstance(message, EndUtterance | CorrectPhrase) and start.mode is not Mode.ENROLL:
                raise UnexpectedMessage("Only an enrollment has utterances and a phrase to be set.")
            if isinstance(message, bytes):
                check_frame(message)
            await inbox.put(message)
            ended = isinstance(message, End)
            # neither of the waits above suspends while frames are at hand: others must come in between
            await asyncio.sleep(0)

    async def _receive(self, timeout_s: float | None) -> str | bytes:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._socket.recv()
        except TimeoutError:
            raise SessionTimeout() from None

    async def _begin(self, start: Start) -> Inbox:
        caller, purpose = await self._admit(self, start)
        per_s = start.audio.bytes_per_s
        inbox = Inbox(round(self._limits.max_queue_s * per_s), round(_BATCH_S * per_s))
        disclosure = caller.learns(self._context.threshold)
        self._session.set_result(_Session(start, caller, purpose, disclosure, inbox))
        too_long = SessionTimeout("The session took longer than is allowed. The attempt is undecided.")
        self._timer = asyncio.get_running_loop().call_later(self._longest_s(start.mode), self.end, too_long)
        log.info("session %s started: %s", self._id, start.mode.value)
        return inbox

    async def _work(self) -> None:
        session = await self._session
        if session.purpose.mode is Mode.IDENTIFY and session.purpose.prompt is not None:
            await self._context.access.draw_prompt(session.caller)
        allowance = self._context.access.allowance(session.caller, session.purpose)
        self._run = run = AttemptRun[Attempt[Any]](self._context, session.purpose.mode, allowance)
        attempt = await run.begin(partial(self._open, session))
        await self._send(self._ready(session.purpose.mode))
        if attempt.prompt is not None:
            await self._send(attempt.prompt)
        await self._pronounce(attempt)
        item: Item | None = None
        while run.listening and not isinstance(item, End):
            item, waited_s = await session.inbox.take()
            self._context.metrics.waited.observe(waited_s)
            if waited_s > self._limits.max_queue_s:
                raise Overloaded()
            for event in await run.step(partial(_step, item)):
                await self._tell(event, session.purpose)
            if isinstance(item, CorrectPhrase):
                await self._pronounce(attempt)
        run.check()

    async def _pronounce(self, attempt: Attempt[Any]) -> None:
        if isinstance(attempt, EnrollmentAttempt) and attempt.proposed_sounds:
            await self._send(Pronunciation(attempt.proposed_sounds))

    async def _watch(self) -> None:
        """End the session once what it relies on is gone, such as its profile or its API key."""
        with self._context.changes.followed() as moved:
            session = await self._session
            while True:
                await moved.wait()
                moved.clear()
                try:
                    await self._context.store_pool.run(partial(self._check, session.caller.key_id))
                except StoreError:
                    if session.purpose.mode is Mode.CONTINUOUS:
                        raise  # it was accepted before; others are checked again before they are

    def _check(self, key_id: str | None) -> None:
        """Go on only where the rights of the session stand; runs on the pool."""
        self._context.authenticator.store.standings.check_key(key_id)
        if self._run is not None and self._run.began:
            self._run.attempt.check()

    async def _tell(self, event: Event, purpose: Purpose) -> None:
        signed = await sign(self._context, event, purpose)
        if signed is not None:
            await self._send(signed)
        if not isinstance(event, Failed):
            await self._send(event)
        self._at_sample = event.at_sample

    def _open(self, session: _Session) -> Attempt[Any]:
        """Begin the attempt; runs on the pool."""
        purpose, audio, caller = session.purpose, session.start.audio, session.caller
        whose: dict[str, Any] = {"tenant": caller.tenant, "key_id": caller.key_id}
        name, authenticator = purpose.name or "", self._context.authenticator
        plan = None if purpose.prompt is None else PromptPlan.of(self._settings.prompt, purpose.prompt)
        match purpose.mode:
            case Mode.VERIFY | Mode.CONTINUOUS:
                continuous = purpose.mode is Mode.CONTINUOUS
                whose |= {"continuous": continuous, "attempt_id": session.start.attempt_id}
                return authenticator.verify(name, audio, prompt=plan, **whose)
            case Mode.IDENTIFY:
                return authenticator.identify(audio, among=purpose.among, prompt=plan, **whose)
            case Mode.ENROLL:
                return authenticator.enroll(
                    name,
                    audio,
                    phrase=purpose.phrase,
                    text_independent=purpose.text_independent,
                    consent=purpose.consent,
                    by_owner=Scope.ADMIN not in caller.scopes,
                    **whose,
                )

    async def _send(self, message: ServerMessage) -> None:
        text = self._session.result().disclosure.text(message)
        if text is None:
            return
        try:
            async with asyncio.timeout(self._limits.idle_timeout_s):
                await self._socket.send(text)
        except TimeoutError:
            raise SessionTimeout("What was sent is not being read. The attempt is undecided.") from None

    def _longest_s(self, mode: Mode) -> float:
        """The longest session, in seconds."""
        return self._settings.audio.max_continuous_s if mode is Mode.CONTINUOUS else self._limits.max_session_s

    def _ready(self, mode: Mode) -> Ready:
        audio, limits = self._settings.audio, self._limits
        most_audio_s = {Mode.CONTINUOUS: audio.max_continuous_s, Mode.ENROLL: audio.max_enroll_s}
        return Ready(
            max_message_bytes=limits.max_message_bytes,
            max_queue_s=limits.max_queue_s,
            idle_timeout_s=limits.idle_timeout_s,
            max_session_s=self._longest_s(mode),
            max_audio_s=most_audio_s.get(mode, audio.max_attempt_s),
        )


def _step(item: Item, attempt: Attempt[Any]) -> list[Event]:
    """Work on one item; runs on the pool."""
    match item:
        case bytearray():
            return attempt.receive_audio(item)
        case End():
            return attempt.receive_end()
        case EndUtterance():
            # the reader lets it through for enrollments only
            assert isinstance(attempt, EnrollmentAttempt)  # noqa: S101
            return attempt.end_utterance()
        case CorrectPhrase(text):
            assert isinstance(attempt, EnrollmentAttempt)  # noqa: S101
            return attempt.correct_phrase(text)
