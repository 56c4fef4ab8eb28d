"""Figures for Prometheus. Their labels are modes, outcomes and routes: never who, what, or from where."""

import asyncio
from collections.abc import Callable
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_LAG_STEP_S = 0.1
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one server.

    Args:
        open_sessions: Tells how many sessions there are.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, open_sessions: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        gauge = Gauge("streamauth_sessions", "Sessions that are open.", registry=registry)
        gauge.set_function(open_sessions)
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
        return generate_latest(self._registry)

    async def watch_loop(self) -> None:
        """Measure the delay of the event loop, for ever."""
        while True:
            due_s = monotonic() + _LAG_STEP_S
            await asyncio.sleep(_LAG_STEP_S)
            self.lag.observe(max(0.0, monotonic() - due_s))
