"""One connection of the streaming protocol, from its first message to its close.

Data path: socket -> reader -> **inbox** -> worker -> engines on the pool -> events -> socket. Whatever ends the
session, its end is one value, set once; then everything is given back and the peer is told.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from streamauth.core.events import Decided, Enrolled, Event, Failed
from streamauth.core.phrase.prompt import PromptPlan
from streamauth.core.sessions.base import SessionState
from streamauth.errors import (
    EngineError,
    Flooding,
    InternalError,
    MessageTooLarge,
    Overloaded,
    SessionInterrupted,
    SessionTimeout,
    StreamAuthError,
    UnexpectedMessage,
)
from streamauth.protocol.answers import Pronunciation, Ready, ServerMessage, Telling
from streamauth.protocol.messages import Cancel, End, EndUtterance, Start, check_frame, parse_client_text
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.server.access import Caller
from streamauth.server.context import Workplace
from streamauth.server.pool import Job
from streamauth.server.rates import Buckets
from streamauth.server.streaming.closing import close_code, farewell
from streamauth.server.streaming.inbox import Inbox, Item
from streamauth.server.streaming.socket import PeerGone, Socket
from streamauth.service.authenticator import Attempt, EnrollmentAttempt

log = logging.getLogger("streamauth.server")

_BATCH_S = 0.5
_TOO_LARGE = 1009
_FLOOD_S = 3

Result = TypeVar("Result")

Admit = Callable[["Stream", Start], Coroutine[Any, Any, tuple[Caller, Purpose]]]
"""Who starts a session, and what for; raises where that is not allowed."""


@dataclass(frozen=True)
class _Session:
    start: Start
    caller: Caller
    purpose: Purpose
    telling: Telling
    inbox: Inbox


class Stream:
    """One connection.

    Args:
        socket: After its handshake.
        workplace: What all sessions share.
        admit: Tells who starts a session.
    """

    def __init__(self, socket: Socket, workplace: Workplace, admit: Admit) -> None:
        loop = asyncio.get_running_loop()
        self._socket = socket
        self._workplace = workplace
        self._admit = admit
        self._settings = workplace.settings
        self._limits = workplace.settings.server
        self._id = secrets.token_hex(4)
        self._ended: asyncio.Future[StreamAuthError | None] = loop.create_future()
        self._session: asyncio.Future[_Session] = loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._attempt: Attempt[Any] | None = None
        self._in_flight: Job[Any] | None = None
        self._at_sample = 0
        self._outcome = ""

    @property
    def caller(self) -> Caller | None:
        """Who started the session; None before that."""
        return self._session.result().caller if self._session.done() and not self._session.cancelled() else None

    async def run(self) -> None:
        """Serve the peer until the session is over; never raises for what the peer or an engine does."""
        began = monotonic()
        error: StreamAuthError | None = SessionInterrupted()
        tasks = [asyncio.create_task(self._guard(part)) for part in (self._read(), self._work())]
        try:
            error = await self._ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if self._timer is not None:
                self._timer.cancel()
            self._release(error)
        await farewell(self._socket, error, self._at_sample)
        outcome = (self._outcome or "over") if error is None else error.code
        mode = self._session.result().purpose.mode.value if self.caller is not None else "none"
        self._workplace.metrics.sessions.labels(mode, outcome).inc()
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
            if isinstance(message, EndUtterance) and start.mode is not Mode.ENROLL:
                raise UnexpectedMessage("Only an enrollment has several utterances.")
            if isinstance(message, bytes):
                check_frame(message, start.audio)
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
        telling = Telling(caller.scores, self._workplace.threshold)
        self._session.set_result(_Session(start, caller, purpose, telling, inbox))
        if start.mode is not Mode.CONTINUOUS:
            too_long = SessionTimeout("The session took longer than is allowed. The attempt is undecided.")
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.max_session_s, self.end, too_long)
        log.info("session %s started: %s", self._id, start.mode.value)
        return inbox

    async def _work(self) -> None:
        session = await self._session
        attempt = await self._call(partial(self._open, session))
        await self._send(self._ready(session.purpose.mode))
        if attempt.prompt is not None:
            await self._send(attempt.prompt)
        if isinstance(attempt, EnrollmentAttempt) and attempt.proposed_sounds:
            await self._send(Pronunciation(attempt.proposed_sounds))
        item: Item | None = None
        while attempt.state is SessionState.LISTENING and not isinstance(item, End):
            item, waited_s = await session.inbox.take()
            self._workplace.metrics.waited.observe(waited_s)
            if waited_s > self._limits.max_queue_s:
                raise Overloaded()
            for event in await self._call(partial(_step, attempt, item)):
                await self._tell(event, session.purpose)
        if attempt.state is SessionState.FAILED:
            raise attempt.error or EngineError()

    async def _tell(self, event: Event, purpose: Purpose) -> None:
        if isinstance(event, Decided | Enrolled):
            self._outcome = event.verdict.value if isinstance(event, Decided) else event.type
            if purpose.audience is not None:
                sign = partial(self._workplace.verdicts.sign, event, purpose)
                await self._send(await self._workplace.desk.run(sign))
        if not isinstance(event, Failed):
            await self._send(event)
        self._at_sample = event.at_sample

    def _open(self, session: _Session) -> Attempt[Any]:
        """Begin the attempt; runs on the pool."""
        purpose, audio, tenant = session.purpose, session.start.audio, session.caller.tenant
        name, authenticator = purpose.name or "", self._workplace.authenticator
        plan = None if purpose.prompt is None else PromptPlan.of(self._settings.prompt, purpose.prompt)
        match purpose.mode:
            case Mode.VERIFY | Mode.CONTINUOUS:
                continuous = purpose.mode is Mode.CONTINUOUS
                self._attempt = authenticator.verify(name, audio, continuous=continuous, prompt=plan, tenant=tenant)
            case Mode.IDENTIFY:
                self._attempt = authenticator.identify(audio, among=purpose.among, prompt=plan, tenant=tenant)
            case Mode.ENROLL:
                self._attempt = authenticator.enroll(
                    name,
                    audio,
                    phrase=purpose.phrase,
                    text_independent=purpose.text_independent,
                    tenant=tenant,
                )
        return self._attempt

    async def _call(self, call: Callable[[], Result]) -> Result:
        """Run a call on the pool, the only one of this session at a time."""
        pool, limits = self._workplace.pool, self._limits
        self._in_flight = job = pool.submit(call)
        return await pool.result(job, queue_s=limits.max_queue_s, call_s=limits.call_timeout_s)

    async def _send(self, message: ServerMessage) -> None:
        text = self._session.result().telling.text(message)
        if text is None:
            return
        try:
            async with asyncio.timeout(self._limits.idle_timeout_s):
                await self._socket.send(text)
        except TimeoutError:
            raise SessionTimeout("What was sent is not being read. The attempt is undecided.") from None

    def _ready(self, mode: Mode) -> Ready:
        audio, limits = self._settings.audio, self._limits
        most_audio_s = {Mode.CONTINUOUS: audio.max_continuous_s, Mode.ENROLL: audio.max_enroll_s}
        return Ready(
            max_message_bytes=limits.max_message_bytes,
            max_queue_s=limits.max_queue_s,
            idle_timeout_s=limits.idle_timeout_s,
            max_session_s=None if mode is Mode.CONTINUOUS else limits.max_session_s,
            max_audio_s=most_audio_s.get(mode, audio.max_attempt_s),
        )

    def _release(self, error: StreamAuthError | None) -> None:
        """Give the attempt back, on the pool, after the call that may still be in flight."""
        call = self._in_flight
        if call is None or call.done():
            self._workplace.pool.submit(partial(self._give_back, error))
        else:
            call.add_done_callback(lambda _: self._give_back(error))

    def _give_back(self, error: StreamAuthError | None) -> None:
        if self._attempt is None:
            return
        try:
            with self._attempt as attempt:
                if error is not None:
                    attempt.fail(error)
        except Exception as unexpected:
            log.error("session %s: unexpected %s at its end", self._id, type(unexpected).__name__)


def _step(attempt: Attempt[Any], item: Item) -> list[Event]:
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
