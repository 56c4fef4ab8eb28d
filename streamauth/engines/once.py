"""What is loaded at its first use, once for all threads, and what is worked on beside the caller."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

Engine = TypeVar("Engine")
Result = TypeVar("Result")


class Once(Generic[Engine]):
    """An engine that is loaded at its first use, behind a lock of its own: no other engine waits for it.

    Args:
        load: Loads it; what it raises goes to the caller, and the next use tries again.
    """

    def __init__(self, load: Callable[[], Engine]) -> None:
        self._load = load
        self._lock = Lock()
        self._engine: Engine | None = None

    def get(self) -> Engine:
        """The engine, loaded if it is not yet."""
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
            return self._engine


def beside(work: Callable[[], Result]) -> Callable[[], Result]:
    """Begin work in a thread of its own.

    Returns:
        Waits for its end and gives its result, or raises what it raised.
    """
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    Thread(target=run, name="beside").start()
    return done.result
