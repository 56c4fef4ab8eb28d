"""Runs enrollments and tests, in this process or in several, each of one thread."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Self

from streamauth.core.ports import Embedding
from streamauth.errors import InternalError
from streamauth.evaluation.trial_runner import Reference, Scoring, TrialOutcome, TrialRunner, Words
from streamauth.settings import Settings

_AHEAD = 4  # jobs a process that wait, so that none is idle and few are in memory
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Enrolling:
    """Recordings to be enrolled.

    Attributes:
        key: Names the job.
        files: The recordings.
        words: The pass phrase.
    """

    key: str
    files: tuple[Path, ...]
    words: Words | None

    def do(self, runner: TrialRunner) -> Reference | None:
        """What they enroll."""
        return runner.enroll(self.files, self.words)


@dataclass(frozen=True, slots=True)
class Testing:
    """A recording to be tested against claims.

    Attributes:
        key: Names the job.
        file: The recording.
        claims: Phrase and enrollment of each.
        known: Embeddings of the recording's windows from earlier runs.
    """

    key: str
    file: Path
    claims: tuple[tuple[Words | None, Reference], ...]
    known: Mapping[bytes, Embedding] = field(default_factory=dict)

    def do(self, runner: TrialRunner) -> tuple[list[TrialOutcome], dict[bytes, Embedding]]:
        """What becomes of each claim, and all embeddings of the recording."""
        return runner.test(self.file, self.claims, self.known)


class Workers:
    """Processes that do jobs. Use as a context manager.

    Args:
        runner: Does them where there is one process only; the others make their own by its recipe.
        processes: How many.
    """

    def __init__(self, runner: TrialRunner, processes: int) -> None:
        self._runner = runner
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None
        if processes > 1:
            # a fresh interpreter: the runtimes that are loaded here do not survive a fork
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(processes, context, _begin, runner.recipe)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def enroll(self, jobs: Iterable[Enrolling]) -> Iterator[tuple[Enrolling, Reference | None]]:
        """Each job with what it gave, in any order.

        Raises:
            AudioError, EngineError: A job failed.
            InternalError: A process died.
        """
        return self._all(jobs)  # type: ignore[return-value]

    def test(
        self, jobs: Iterable[Testing]
    ) -> Iterator[tuple[Testing, tuple[list[TrialOutcome], dict[bytes, Embedding]]]]:
        """Likewise."""
        return self._all(jobs)  # type: ignore[return-value]

    def _all(self, jobs: Iterable[Enrolling | Testing]) -> Iterator[tuple[Enrolling | Testing, object]]:
        if self._pool is None:
            for job in jobs:
                yield job, job.do(self._runner)
            return
        waiting: dict[Future[object], Enrolling | Testing] = {}
        queue = iter(jobs)
        try:
            while True:
                with _one_thread():
                    for job in islice(queue, _AHEAD * self._processes - len(waiting)):
                        waiting[self._pool.submit(_do, job)] = job
                if not waiting:
                    return
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(done), done.result()
        except BrokenProcessPool:
            raise InternalError("A process of the evaluation died; there may be too little memory.") from None


_runner: TrialRunner | None = None


def _begin(settings: Settings, scoring: Scoring, text_dependent: bool) -> None:
    global _runner
    # Ctrl-C is the first process's business; where that one is killed, this one has nobody to work for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _runner = TrialRunner(settings, scoring, text_dependent)


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _do(job: Enrolling | Testing) -> object:
    if _runner is None:
        raise InternalError()
    return job.do(_runner)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that are begun meanwhile do their linear algebra in one thread each."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
