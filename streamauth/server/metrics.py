"""Figures for Prometheus. Their labels are modes, outcomes and routes: never who, what, or from where."""

import asyncio
from collections.abc import Callable
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

_LAG_STEP_S = 0.1
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one server; where it has several workers, one scrape of any of them gives the sums of all.

    Args:
        open_sessions: Tells how many sessions there are.
        folder: Where all workers write their figures; None for a server of one process.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, open_sessions: Callable[[], int], folder: str | None = None) -> None:
        self._registry = registry = CollectorRegistry()
        self._folder = folder
        if folder is not None:
            # the library decides this once, when it is imported, which may be before there are workers
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        self._open_sessions = open_sessions
        self._open = Gauge(
            "streamauth_sessions", "Sessions that are open.", registry=registry, multiprocess_mode="livesum"
        )
        self.sessions = Counter(
            "streamauth_sessions_ended", "Sessions by mode and outcome.", ["mode", "outcome"], registry=registry
        )
        self.requests = Counter(
            "streamauth_http_requests", "HTTP requests by route and status.", ["route", "status"], registry=registry
        )
        self.refusals = Counter(
            "streamauth_refusals", "Requests and connections that were refused.", ["code"], registry=registry
        )
        self.waited = Histogram(
            "streamauth_audio_waited_seconds",
            "Time that audio waited to be worked on.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.lag = Histogram(
            "streamauth_event_loop_lag_seconds", "Delay of the event loop.", buckets=_SECONDS, registry=registry
        )

    def text(self) -> bytes:
        """All figures in the text format of Prometheus."""
        self._open.set(self._open_sessions())
        if self._folder is None:
            return generate_latest(self._registry)
        joined = CollectorRegistry()
        MultiProcessCollector(joined, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(joined)

    async def watch_loop(self) -> None:
        """Measure the delay of the event loop, for ever."""
        while True:
            due_s = monotonic() + _LAG_STEP_S
            await asyncio.sleep(_LAG_STEP_S)
            self.lag.observe(max(0.0, monotonic() - due_s))
            self._open.set(self._open_sessions())  # for a scrape that another worker answers
