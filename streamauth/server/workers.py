"""Several server processes on one address, and the supervisor that starts them, watches them and ends them.

The supervisor opens the listening socket, loads no model and opens no store, and makes each worker by a fork: the pages
of all modules are shared, models are loaded by each worker for itself (a model's threads do not outlive a fork). A
worker that dies, or whose event loop stands still, is replaced. SIGTERM drains all of them, SIGHUP reaches all of them,
and none outlives its supervisor. uvicorn has a supervisor too; it knows nothing of our connections, of how busy a
worker is, or of errors by name.
"""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic

from streamauth.errors import CannotListen, InternalError, StreamAuthError
from streamauth.server.place import Board, Place
from streamauth.settings import ServerSettings

log = logging.getLogger("streamauth.server")

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LOOK_S = 1.0
_HUNG_S = 60.0
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 30.0
_SOON_S = 10.0
_EXTRA_S = 15.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))

Work = Callable[[Place], None]
"""What a worker does, to its end: opens the store and serves."""


def serve_by_workers(
    settings: ServerSettings, listening: socket.socket, work: Work, on_ready: Callable[[str], None]
) -> None:
    """Serve by ``server.workers`` processes until SIGINT or SIGTERM; to be called in the main and only thread.

    Args:
        settings: Of the server.
        listening: Bound and listening; closed at the end.
        work: What each worker does.
        on_ready: Told the URL once all of them serve.

    Raises:
        CannotListen: This system cannot do it.
        StreamAuthError: What kept a worker from its first start.
    """
    if sys.platform != "linux":
        raise CannotListen("Several workers need Linux. Elsewhere start one server for each port, behind a balancer.")
    with tempfile.TemporaryDirectory(prefix="streamauth-metrics-") as folder:
        former = os.environ.get(METRICS_VARIABLE)
        os.environ[METRICS_VARIABLE] = folder  # the only way to tell prometheus_client
        try:
            _Supervisor(settings, listening, work, on_ready, folder).run()
        finally:
            if former is None:
                del os.environ[METRICS_VARIABLE]
            else:
                os.environ[METRICS_VARIABLE] = former


class _Worker:
    """A worker as its supervisor sees it.

    Attributes:
        process: Its process.
        told: Where it tells that it is ready, or why it is not.
    """

    def __init__(self, process: BaseProcess, told: Connection) -> None:
        self.process = process
        self.told: Connection | None = told
        self.began_s = monotonic()
        self.url = ""


class _Supervisor:
    def __init__(
        self,
        settings: ServerSettings,
        listening: socket.socket,
        work: Work,
        on_ready: Callable[[str], None],
        metrics_folder: str,
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._work = work
        self._on_ready: Callable[[str], None] | None = on_ready
        self._metrics_folder = metrics_folder
        self._fork = multiprocessing.get_context("fork")
        self._board = Board(settings.workers)
        self._workers: dict[int, _Worker] = {}
        self._due_s: dict[int, float] = {}
        self._pauses_s: dict[int, float] = {}
        self._stopping = False
        self._stop_asked = 0
        self._kill_at_s = 0.0
        self._error: StreamAuthError | None = None
        self._lifeline, self._life = os.pipe()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def run(self) -> None:
        with self._signals():
            try:
                for number in range(self._settings.workers):
                    self._start(number)
                while self._workers or self._due_s:
                    self._look()
            finally:
                for worker in self._workers.values():
                    worker.process.kill()
                    worker.process.join()
                for descriptor in (self._lifeline, self._life, self._woken, self._wake):
                    os.close(descriptor)
                self._listening.close()
        if self._error is not None:
            raise self._error

    def _look(self) -> None:
        """Wait for something to happen, for a while at most, and see to it."""
        told = [worker.told for worker in self._workers.values() if worker.told is not None]
        ends = [worker.process.sentinel for worker in self._workers.values()]
        wait([self._woken, *told, *ends], _LOOK_S)
        with suppress(BlockingIOError):
            os.set_blocking(self._woken, False)
            os.read(self._woken, 64)
        if self._stop_asked and not self._stopping:
            self._stop(None)
        for number, worker in list(self._workers.items()):
            self._hear(worker)
            if not worker.process.is_alive():
                self._ended(number, worker)
            elif self._board.silent_s(number) > _HUNG_S or (self._stopping and monotonic() > self._kill_at_s):
                log.error("worker process %d does not answer; it is killed", number)
                worker.process.kill()
        for number in [number for number, due_s in self._due_s.items() if monotonic() >= due_s]:
            del self._due_s[number]
            self._start(number)
        if self._on_ready is not None and self._board.serving() == self._settings.workers and not self._stopping:
            on_ready, self._on_ready = self._on_ready, None
            on_ready(next(worker.url for worker in self._workers.values()))

    def _start(self, number: int) -> None:
        told, tell = self._fork.Pipe(duplex=False)
        process = self._fork.Process(target=self._run_worker, args=(number, tell), name=f"streamauth-worker-{number}")
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until the worker has its own handlers
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        tell.close()
        self._workers[number] = _Worker(process, told)

    def _run_worker(self, number: int, tell: Connection) -> None:
        """The life of a worker, in its own process."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for ignored in set(_SIGNALS) - {signal.SIGTERM}:
            signal.signal(ignored, signal.SIG_IGN)  # Ctrl-C reaches the supervisor, which tells all
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for descriptor in (self._life, self._woken, self._wake):
            os.close(descriptor)
        for other in self._workers.values():
            if other.told is not None:
                other.told.close()
        place = Place(
            number,
            self._settings.workers,
            self._listening.detach(),
            self._board,
            self._lifeline,
            self._metrics_folder,
            tell.send,
        )
        try:
            self._work(place)
        except StreamAuthError as error:
            with suppress(OSError):
                tell.send(error)
            sys.exit(1)

    def _hear(self, worker: _Worker) -> None:
        try:
            while worker.told is not None and worker.told.poll():
                said = worker.told.recv()
                if isinstance(said, StreamAuthError):
                    log.error("a worker process ended [%s]", said.code)
                    if self._on_ready is not None and not self._stopping:
                        self._stop(said)
                else:
                    worker.url = said
        except (EOFError, OSError):
            worker.told = None

    def _ended(self, number: int, worker: _Worker) -> None:
        self._hear(worker)
        worker.process.join()
        if worker.told is not None:
            worker.told.close()
        del self._workers[number]
        self._board.clear(number)
        self._forget_figures(worker.process.pid)
        if self._stopping:
            return
        if self._on_ready is not None and monotonic() - worker.began_s < _SOON_S and not worker.url:
            self._stop(InternalError())  # a first start that ends without a reason will not end better
            return
        quick = monotonic() - worker.began_s < _SOON_S
        pause_s = min(2 * self._pauses_s.get(number, _FIRST_PAUSE_S / 2), _LAST_PAUSE_S) if quick else _FIRST_PAUSE_S
        self._pauses_s[number] = pause_s
        self._due_s[number] = monotonic() + pause_s
        log.error("worker process %d ended (%s); a new one is started", number, worker.process.exitcode)

    def _stop(self, error: StreamAuthError | None) -> None:
        """Begin to end: nobody comes any more, who is there may finish."""
        self._stopping, self._error = True, error
        self._due_s.clear()
        self._kill_at_s = monotonic() + self._settings.shutdown_grace_s + _EXTRA_S
        self._listening.close()
        self._tell_all(signal.SIGTERM)

    def _tell_all(self, number: int) -> None:
        for worker in self._workers.values():
            if worker.process.pid is not None and worker.process.is_alive():
                os.kill(worker.process.pid, number)

    def _forget_figures(self, pid: int | None) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid, self._metrics_folder)  # type: ignore[no-untyped-call]

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def asked(number: int, _: object) -> None:
            if number in (signal.SIGINT, signal.SIGTERM):
                self._stop_asked += 1
                if self._stop_asked > 1:
                    self._kill_at_s = 0.0  # whoever asks twice is in a hurry
            else:
                self._tell_all(number)
            with suppress(BlockingIOError):
                os.write(self._wake, b"!")

        former = {number: signal.signal(number, asked) for number in set(_SIGNALS)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
