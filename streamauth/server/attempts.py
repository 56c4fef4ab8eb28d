"""The driver of attempts: runs one on the worker pool, whatever entrance its audio comes through.

An attempt is begun, fed and settled by calls on the pool, one at a time and each limited in time. However it ends, it
is given back on the pool, after the call that may still be running, and its outcome is counted.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from streamauth.core.events import Decided, Enrolled, Event, RankingUpdated, Verdict
from streamauth.core.sessions.base import SessionState
from streamauth.errors import EngineError, StreamAuthError
from streamauth.protocol.answers import SignedVerdict
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.server.access import Allowance
from streamauth.server.context import Context
from streamauth.server.pool import Job
from streamauth.service.authenticator import Attempt

log = logging.getLogger("streamauth.server")

AnyAttempt = TypeVar("AnyAttempt", bound=Attempt[Any])
Result = TypeVar("Result")


class AttemptRun(Generic[AnyAttempt]):
    """One attempt on the worker pool. Call ``end`` at last, however it went.

    Args:
        context: Of the server.
        mode: What its outcome is counted as; None does not count it.
        allowance: What it uses up if it is not accepted; None for an attempt that is charged to a profile.
    """

    def __init__(self, context: Context, mode: Mode | None, allowance: Allowance | None = None) -> None:
        self._context = context
        self._allowance = allowance
        self._compared = False
        self._mode = mode
        self._attempt: AnyAttempt | None = None
        self._job: Job[Any] | None = None
        self._outcome = "over"
        self._over = False

    @property
    def began(self) -> bool:
        """Whether there is an attempt."""
        return self._attempt is not None

    @property
    def attempt(self) -> AnyAttempt:
        """The attempt, once it has begun."""
        if self._attempt is None:
            raise RuntimeError("the attempt has not begun")
        return self._attempt

    @property
    def listening(self) -> bool:
        """Whether it takes more audio."""
        return self.attempt.state is SessionState.LISTENING

    async def call(self, call: Callable[[], Result]) -> Result:
        """Run a call on the pool, the only one of this attempt at a time.

        Raises:
            Overloaded: No thread came free in time.
            EngineError: It did not come back in time.
        """
        limits = self._context.settings.server
        self._job = job = self._context.workers.submit(call)
        return await self._context.workers.result(job, queue_s=limits.max_queue_s, call_s=limits.call_timeout_s)

    async def begin(self, make: Callable[[], AnyAttempt]) -> AnyAttempt:
        """Make the attempt on the pool.

        Raises:
            RateLimited: Too many like it were not accepted.
            StreamAuthError: It cannot begin.
        """
        if self._allowance is not None:
            await self._allowance.take()

        def beginning() -> AnyAttempt:
            # kept here, on the thread, so that it is given back even where nobody waits for it any more
            self._attempt = made = make()
            return made

        return await self.call(beginning)

    async def step(self, work: Callable[[AnyAttempt], list[Event]]) -> list[Event]:
        """Give the attempt some more audio, or its end; what happened, all of it settled in the store."""
        events = await self.call(partial(work, self.attempt))
        for event in events:
            self._compared |= isinstance(event, RankingUpdated)
            if isinstance(event, Decided):
                self._outcome = event.verdict.value
            elif isinstance(event, Enrolled):
                self._outcome = event.type
        return events

    def check(self) -> None:
        """Go on only where the attempt has not failed.

        Raises:
            StreamAuthError: What it failed by.
        """
        if self.attempt.state is SessionState.FAILED:
            raise self.attempt.error or EngineError()

    def end(self, error: StreamAuthError | None) -> None:
        """Give the attempt back, on the pool, after the call that may still be running. Idempotent.

        Args:
            error: Why it ended early; None where it came to its end.
        """
        if self._over:
            return
        self._over = True
        if self._allowance is not None and not (self._compared and self._outcome != Verdict.ACCEPT):
            self._allowance.give_back()
        if self._mode is not None:
            outcome = self._outcome if error is None else error.code
            self._context.metrics.sessions.labels(self._mode.value, outcome).inc()
        if self._job is None or self._job.done():
            self._context.workers.submit(partial(self._give_back, error))
        else:
            self._job.add_done_callback(lambda _: self._give_back(error))

    def _give_back(self, error: StreamAuthError | None) -> None:
        if self._attempt is None:
            return
        try:
            with self._attempt as attempt:
                if error is not None:
                    attempt.fail(error)
        except Exception as unexpected:
            # the text of an exception nobody foresaw may hold anything, so only its kind is told
            log.error("the end of an attempt failed: unexpected %s", type(unexpected).__name__)


async def sign(context: Context, event: Event, purpose: Purpose) -> SignedVerdict | None:
    """The signed verdict of an event; None where it is no verdict, or nobody asks for a signed one.

    Raises:
        StoreError: There is no key to sign with.
    """
    if purpose.audience is None or not isinstance(event, Decided | Enrolled):
        return None
    return await context.store_pool.run(partial(context.verdicts.sign, event, purpose))
