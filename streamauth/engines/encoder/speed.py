"""How long an encoder takes for a second of speech, features and all, by batch size and threads."""

import time
from dataclasses import dataclass

import numpy as np

from streamauth.core.ports import SAMPLE_RATE_HZ, SpeakerEncoder
from streamauth.engines.encoder.self_test import self_test_signal

BATCHES = (1, 2, 4)
THREADS = (1, 2)


@dataclass(frozen=True)
class Timing:
    """One measurement.

    Attributes:
        threads: Of one run.
        batch: Windows given at once.
        ms_per_s: Milliseconds for a second of speech in the windows.
        live_ms_per_s: Milliseconds for a second of a stream, where a window is embedded at each hop.
    """

    threads: int
    batch: int
    ms_per_s: float
    live_ms_per_s: float


def timing(encoder: SpeakerEncoder, threads: int, batch: int, hop_ms: int, budget_s: float) -> Timing:
    """Measure one case: the least time of runs on full windows until so many seconds are over, at least three."""
    windows = np.stack([self_test_signal(encoder.window_samples, 90.0 + 17 * index) for index in range(batch)])
    encoder.embed(windows)
    times: list[float] = []
    while len(times) < 3 or sum(times) < budget_s:
        begin = time.perf_counter()
        encoder.embed(windows)
        times.append(time.perf_counter() - begin)
    window_ms = 1000 * min(times) / batch
    return Timing(threads, batch, window_ms * SAMPLE_RATE_HZ / encoder.window_samples, window_ms * 1000 / hop_ms)
