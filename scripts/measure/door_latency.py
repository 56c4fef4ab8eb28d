"""Time from the end of the words to the relay of a kiosk, in real time, with its page open.

    python -m scripts.measure.door_latency [--visits 20]

A synthetic voice is enrolled; then it says its pass phrase into a microphone that plays in real time, after a claim,
or is known by voice alone. The end of the words is the last 10 ms of the recording within 35 dB of its loudest; from
the moment at which a sound card would have given that sound, to the moment at which the mock pin goes high.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import soundfile
from gpiozero.pins.mock import MockFactory
from numpy.typing import NDArray

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.door.access import Permission, Person
from streamauth.demo_data import demo_utterances
from streamauth.kiosk.build import CHUNKS_PER_S, build_kiosk
from streamauth.kiosk.screen import View
from streamauth.kiosk.web import Touch, TouchKind
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.door_plan import PersonRow

RATE_HZ = 16_000
CHUNK = RATE_HZ // CHUNKS_PER_S
RELAY = 17
VOICE = "slt"
PHRASE = "please open the door and let me come in"


class RealTimeMicrophone:
    """A microphone that plays samples when they are given, and faint noise else, at the speed of time."""

    format = AudioFormat(RATE_HZ, 1, Encoding.F32LE)

    def __init__(self) -> None:
        self._waiting: deque[NDArray[np.float32]] = deque()
        self._noise = np.random.default_rng(3).standard_normal(CHUNK).astype(np.float32) * np.float32(1e-4)
        self.end_at_s = 0.0

    def says(self, samples: NDArray[np.float32], end: int) -> None:
        """Play these; ``end`` is the sample at which the words end."""
        padded = np.concatenate((samples, np.zeros(-len(samples) % CHUNK, np.float32))).reshape(-1, CHUNK)
        self._end_in = end
        self._waiting.extend(padded)

    def __enter__(self) -> "RealTimeMicrophone":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[bytes]:
        due_s = time.monotonic()
        played: int | None = None
        while True:
            block = self._noise
            if self._waiting:
                if played is None:
                    played = 0
                    # a chunk is given when its last sample was heard, but its sound comes before that
                    self.end_at_s = due_s + self._end_in / RATE_HZ
                block = self._waiting.popleft() + self._noise
            else:
                played = None
            due_s += CHUNK / RATE_HZ
            time.sleep(max(0.0, due_s - time.monotonic()))
            yield block.astype("<f4").tobytes()


def words_end(samples: NDArray[np.float32]) -> int:
    """The sample at which the words end."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level_db = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    return int(np.flatnonzero(level_db > level_db.max() - 35)[-1] + 1) * 160


def enroll(authenticator: Authenticator) -> None:
    """Enroll the voice and let it pass."""
    with authenticator.enroll("ada", AudioFormat(RATE_HZ), phrase=PHRASE) as attempt:
        for name in ("door-1", "door-2", "door-3"):
            samples, _ = soundfile.read(demo_utterances()[VOICE, name].path, dtype="int16")
            attempt.receive_audio(samples.tobytes())
            attempt.end_utterance()
    authenticator.store.door_plan.put_people([PersonRow(Person("ada", "ada"), pin="2468")])
    authenticator.store.door_plan.replace_permissions([Permission("ada", "*")])


def measure(visits: int) -> list[float]:
    """Seconds from the end of the words to the relay, for each visit that was let in."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        door = {"relay_pin": RELAY, "strike_s": 0.5, "zone": "UTC"}
        kiosk = {"identify": "claim", "answer_s": 0.5, "port": 0}
        # the one recording is said in each visit
        values: dict[str, dict[str, Any]] = {"door": door, "kiosk": kiosk, "replay": {"refuse": False}}
        settings = Settings().with_values(values, "measure")
        authenticator = Authenticator.open(Path(folder), settings)
        enroll(authenticator)
        microphone, factory = RealTimeMicrophone(), MockFactory()
        made = build_kiosk(authenticator, Path(folder), open_microphone=lambda: microphone, pin_factory=factory)
        ready = threading.Event()
        address: list[str] = []

        def is_ready(url: str) -> None:
            address.append(url)
            ready.set()

        thread = threading.Thread(target=made.run, args=(is_ready,))
        thread.start()
        ready.wait()
        page = threading.Thread(target=_read_forever, args=(address[0],), daemon=True)
        page.start()
        samples, _ = soundfile.read(demo_utterances()[VOICE, "door-4"].path, dtype="float32")
        end = words_end(samples)
        pin = factory.pin(RELAY)
        for _ in range(visits):
            _wait(lambda: made.screen.view is View.IDLE, 30)
            made.touch(Touch(TouchKind.CLAIM, "2468"))
            _wait(lambda: made.screen.view is View.LISTENING, 30)
            microphone.says(samples[:end], end)
            if _wait(lambda: pin.state, 20):
                found.append(time.monotonic() - microphone.end_at_s)
            _wait(lambda: not pin.state, 20)
        made.stop()
        thread.join()
        authenticator.close()
    return found


def _read_forever(url: str) -> None:
    with urlopen(url + "events") as stream:  # noqa: S310 - our own
        for _ in stream:
            pass


def _wait(condition: Any, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=20)
    found = sorted(measure(parser.parse_args().visits))
    if not found:
        raise SystemExit("Nobody was let in.")
    p95 = found[min(len(found) - 1, round(0.95 * (len(found) - 1)))]
    print(
        f"{len(found)} visits let in: median {statistics.median(found):.2f} s, p95 {p95:.2f} s, most {found[-1]:.2f} s"
    )


if __name__ == "__main__":
    main()
