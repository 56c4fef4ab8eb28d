"""What is loaded at its first use, once for all threads."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Engine = TypeVar("Engine")


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
