"""The threads that run the engines, so that the event loop never does."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

Result = TypeVar("Result")


class WorkerPool:
    """A fixed number of threads; calls are begun in the order in which they were submitted.

    The threads are daemons, unlike those of ``concurrent.futures``: an engine that hangs for ever takes its thread
    with it, but must not keep the process from ending.

    Args:
        workers: Number of threads, at least 1.
    """

    def __init__(self, workers: int) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._work, name=f"streamauth-worker-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], Result]) -> "Future[Result]":
        """Run a call on a free thread; its future may be cancelled until it is begun."""
        future: Future[Result] = Future()
        self._calls.put((future, call))
        return future

    def close(self, timeout_s: float) -> None:
        """Let the threads end after what was submitted, and wait for them so long at most."""
        for _ in self._threads:
            self._calls.put(None)
        deadline = monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))

    def _work(self) -> None:
        while (job := self._calls.get()) is not None:
            future, call = job
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:  # handed to whoever waits for the call
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            # an idle thread must not keep the last session's audio and voice alive
            del job, future, call
