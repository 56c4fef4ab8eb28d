"""A sound card that plays what a test says into the microphone; it stands in for PortAudio and nothing above it."""

import threading
from collections import deque
from itertools import chain, repeat
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from streamauth.demo_data import demo_utterances

RATE_HZ = 16_000
_AHEAD = 8


class PortAudioError(Exception):
    """What PortAudio raises."""


class SoundCard(ModuleType):
    """Plays recordings one after the other and silence between them, as fast as they are taken.

    Attributes:
        plugged: Whether it is there.
    """

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.default = SimpleNamespace(device=[0, -1])
        self.plugged = True
        self._blocks: deque[NDArray[np.float32]] = deque()
        self.played = threading.Event()
        noise = np.random.default_rng(5).standard_normal((64, RATE_HZ // 10)).astype(np.float32)
        self._silence = chain.from_iterable(repeat(list(noise * 1e-4)))

    def says(self, voice: str, *names: str, pause_s: float = 1.2) -> None:
        """Play these utterances of a voice, with a pause after each."""
        for name in names:
            samples, rate_hz = soundfile.read(demo_utterances()[voice, name].path, dtype="float32")
            assert rate_hz == RATE_HZ
            self.plays(samples)
            self.plays(np.zeros(round(pause_s * RATE_HZ), np.float32))

    def plays(self, samples: NDArray[np.float32]) -> None:
        """Play samples at 16 kHz."""
        size = RATE_HZ // 10
        padded = np.concatenate((samples, np.zeros(-len(samples) % size, np.float32)))
        self.played.clear()
        # a hall is never digitally silent
        self._blocks.extend(block + next(self._silence) for block in padded.reshape(-1, size))

    def wait(self) -> None:
        """Wait until everything was played and heard."""
        assert self.played.wait(120)

    # what streamauth.sources.microphone asks of the package

    def query_hostapis(self) -> tuple[dict[str, str], ...]:
        return ({"name": "virtual"},)

    def query_devices(self) -> list[dict[str, Any]]:
        device = {"name": "Hall", "hostapi": 0, "max_input_channels": 1, "default_samplerate": float(RATE_HZ)}
        return [device] if self.plugged else []

    def check_input_settings(self, **_: Any) -> None:
        if not self.plugged:
            raise PortAudioError("gone")

    def InputStream(self, **settings: Any) -> "_Stream":
        return _Stream(self, settings)

    def next_block(self) -> NDArray[np.float32]:
        if self._blocks:
            return self._blocks.popleft()
        return next(self._silence)

    @property
    def is_idle(self) -> bool:
        return not self._blocks


class _Stream:
    def __init__(self, card: SoundCard, settings: dict[str, Any]) -> None:
        self._card, self._settings = card, settings
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, ignore_errors: bool) -> None:
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        take = self._settings["callback"]
        heard = take.__self__._queue
        while not self._closed.is_set() and self._card.plugged:
            if heard.qsize() > _AHEAD:
                self._closed.wait(0.002)
                continue
            if self._card.is_idle:
                self._closed.wait(0.01)  # time goes on, but not much faster than it does
                if heard.qsize() == 0:
                    self._card.played.set()
            block = self._card.next_block()
            take(block.reshape(-1, 1), len(block), None, SimpleNamespace(input_overflow=False))
        self._settings["finished_callback"]()
