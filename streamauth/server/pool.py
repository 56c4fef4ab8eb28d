"""The threads that run the engines and read the store, so that the event loop never does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any, Generic, TypeVar

from streamauth.errors import EngineError, Overloaded

Result = TypeVar("Result")

_SPARES_PER_WORKER = 4


class Job(Future[Result], Generic[Result]):
    """A call on its way.

    Attributes:
        began_s: When a thread began with it, on the monotonic clock; None while it waits for one.
    """

    began_s: float | None = None


class WorkerPool:
    """A fixed number of threads; calls are begun in the order in which they were submitted.

    The threads are daemons, unlike those of ``concurrent.futures``: an engine that hangs for ever takes its thread
    with it, but must not keep the process from ending. Another thread takes its place, up to a number.

    Args:
        workers: Number of threads, at least 1.
        name: Of the threads.
    """

    def __init__(self, workers: int, name: str = "worker") -> None:
        self._name = f"streamauth-{name}"
        self._calls: SimpleQueue[tuple[Job[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._lock = Lock()
        self._spares = workers * _SPARES_PER_WORKER
        self._hung: set[Job[Any]] = set()
        self._threads: list[Thread] = []
        for _ in range(workers):
            self._begin_thread()

    @property
    def exhausted(self) -> bool:
        """Whether so many calls hang that no further thread is replaced."""
        return len(self._hung) >= self._spares

    def submit(self, call: Callable[[], Result]) -> Job[Result]:
        """Run a call on a free thread; its future may be cancelled until it is begun."""
        job: Job[Result] = Job()
        self._calls.put((job, call))
        return job

    async def run(self, call: Callable[[], Result]) -> Result:
        """Run a call, however long it takes."""
        return await asyncio.wrap_future(self.submit(call))

    async def result(self, job: Job[Result], *, queue_s: float, call_s: float) -> Result:
        """What a call gives, in time.

        Args:
            job: The call.
            queue_s: Longest wait for a thread.
            call_s: Longest run.

        Raises:
            Overloaded: No thread came free for it.
            EngineError: It did not come back; its thread is given up.
        """
        waiting = asyncio.wrap_future(job)
        # nobody waits for a call that was given up, and what it raises is nothing to be logged
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        queue_until_s = monotonic() + queue_s
        try:
            while True:
                until_s = min(queue_until_s, monotonic() + call_s) if job.began_s is None else job.began_s + call_s
                await asyncio.wait({waiting}, timeout=max(0.0, until_s - monotonic()))
                if waiting.done():
                    return waiting.result()
                now_s = monotonic()
                if job.began_s is None:
                    if now_s >= queue_until_s and job.cancel():
                        raise Overloaded
                elif now_s >= job.began_s + call_s:
                    self._give_up(job)
                    raise EngineError("A speech engine did not answer in time. The attempt was not accepted.")
        except asyncio.CancelledError:
            job.cancel()
            raise

    def close(self, timeout_s: float) -> None:
        """Let the threads end after what was submitted, and wait for them so long at most."""
        for _ in self._threads:
            self._calls.put(None)
        deadline = monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))

    def _give_up(self, job: Job[Any]) -> None:
        with self._lock:
            if job.done() or self.exhausted:
                return
            self._hung.add(job)
        self._begin_thread()

    def _begin_thread(self) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (task := self._calls.get()) is not None:
            job, call = task
            if job.set_running_or_notify_cancel():
                job.began_s = monotonic()
                try:
                    result = call()
                except BaseException as error:  # handed to whoever waits for the call
                    job.set_exception(error)
                else:
                    job.set_result(result)
                    del result
            with self._lock:
                replaced = job in self._hung
                self._hung.discard(job)
            # an idle thread must not keep the last session's audio and voice alive
            del task, job, call
            if replaced:
                return
