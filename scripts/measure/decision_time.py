"""How soon after the last sound a phrase is decided, and what that takes of a core and of memory.

    python -m scripts.measure.decision_time [--times 3] [--json]

Four synthetic voices that travel with the package say their phrase, and a wrong one, in chunks of 30 ms with silence
before and after it, each through a verification of the product. Each chunk begins when it has come and those before it
are done. "One core": it takes the processor time that was measured, so the answer is that of one idle core, however
busy the machine is. "As it ran": it takes the time that passed, which is right on an idle machine only; the two judges
of a phrase then work beside each other. The decision counts from the end of the last sound; the wait for silence is in
it, the network is not. Memory: of the process, before and after the models are loaded, and what each of some streams
in the middle of a phrase adds.
"""

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from numpy.typing import NDArray

from scripts.measure.memory import resident_mb
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings

FORMAT = AudioFormat(SAMPLE_RATE_HZ)
CHUNK = 480
ENROLLED, TRIED = ("door-1", "door-2", "door-3"), ("door-4", "window")
STREAMS = 40
_LOUD = 300
_SILENCE = np.zeros(SAMPLE_RATE_HZ, np.int16)


def clip(voice: str, name: str) -> NDArray[np.int16]:
    """An utterance without the silence around it, shape (samples,)."""
    samples = np.asarray(soundfile.read(demo_utterances()[voice, name].path, dtype="int16")[0])
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _LOUD)
    return samples[loud[0] : loud[-1] + 1]


def chunks(audio: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """As a microphone gives them."""
    yield from (audio[at : at + CHUNK] for at in range(0, audio.size, CHUNK))


def enroll(authenticator: Authenticator, voice: str) -> None:
    """A profile of a voice and its phrase."""
    phrase = demo_utterances()[voice, ENROLLED[0]].text
    with authenticator.enroll(voice, FORMAT, phrase=phrase) as attempt:
        for name in ENROLLED:
            attempt.receive_audio(np.concatenate([_SILENCE, clip(voice, name), _SILENCE]))
            attempt.end_utterance()
        assert attempt.session.complete, voice


def decided(authenticator: Authenticator, voice: str, said: NDArray[np.int16]) -> tuple[float, float, float, float]:
    """Seconds from the last sound: to the decision as it ran and on one core, of audio of these, of the processor."""
    last_sound_s = (_SILENCE.size + said.size) / SAMPLE_RATE_HZ
    done_s, after_s = np.zeros(2), 0.0
    heard = 0
    with authenticator.verify(voice, FORMAT) as attempt:
        for chunk in chunks(np.concatenate([_SILENCE, said, *[_SILENCE] * 5])):
            heard += chunk.size
            began_s = np.array([time.perf_counter(), time.process_time()])
            events = attempt.receive_audio(chunk)
            took_s = np.array([time.perf_counter(), time.process_time()]) - began_s
            come_s = heard / SAMPLE_RATE_HZ
            done_s = np.maximum(done_s, come_s) + took_s
            after_s += took_s[1] if come_s > last_sound_s else 0.0
            if any(isinstance(event, Decided) for event in events):
                ran_s, one_core_s = (done_s - last_sound_s).tolist()
                return ran_s, one_core_s, come_s - last_sound_s, after_s
    raise RuntimeError(f"{voice} was not decided")


def stream_mb(authenticator: Authenticator) -> float:
    """Memory that one more stream takes in the middle of a phrase."""
    half = clip(VOICES[0], TRIED[0])
    begun = np.concatenate([_SILENCE, half[: half.size * 2 // 3]])
    attempts = []
    for number in range(STREAMS + 1):
        if number == 1:
            before = resident_mb()  # after the first, which warms things up
        attempts.append(authenticator.verify(VOICES[0], FORMAT))
        attempts[-1].receive_audio(begun)
    grown = (resident_mb() - before) / STREAMS
    for attempt in attempts:
        attempt.close()
    return grown


def main() -> None:
    """Enroll, try, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    limits = {"free_failures": 1_000, "lock_after": 10_000}
    settings = Settings().with_values({"attempts": limits, "replay": {"refuse": False}}, "decision_time")
    with TemporaryDirectory() as home:
        before_mb = resident_mb()
        authenticator = Authenticator.open(Path(home), settings)
        for voice in VOICES:
            enroll(authenticator, voice)
        models_mb = resident_mb() - before_mb
        tries = [(voice, name) for voice in VOICES for name in TRIED] * given.times
        found = np.array([decided(authenticator, voice, clip(voice, name)) for voice, name in tries])
        kinds = np.array([name for _, name in tries])
        result = {name: figures(found[kinds == name]) for name in TRIED}
        memory = {"models_mb": models_mb, "stream_mb": stream_mb(authenticator)}
        authenticator.close()
    if given.json:
        print(json.dumps({**result, **memory}))
        return
    print(f"{len(tries)} attempts of {len(VOICES)} synthetic voices; seconds after the last sound\n")
    print("| said | as it ran: median | p95 | one core: median | p95 | audio of that | processor: median | p95 |")
    print("|" + "---|" * 8)
    for name, told in (("the phrase", result[TRIED[0]]), ("one word differs", result[TRIED[1]])):
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in told.values()) + " |")
    print(f"\nmemory: models and program {memory['models_mb']:.0f} MB, one more stream {memory['stream_mb']:.1f} MB")


def figures(found: NDArray[np.float64]) -> dict[str, float]:
    """Of attempts, as ``decided`` gives them, shape (attempts, 4)."""
    ran, one_core, silence, processor = found.T
    return {
        "ran_s": float(np.median(ran)),
        "ran_p95_s": float(np.quantile(ran, 0.95)),
        "one_core_s": float(np.median(one_core)),
        "one_core_p95_s": float(np.quantile(one_core, 0.95)),
        "audio_s": float(np.median(silence)),
        "processor_s": float(np.median(processor)),
        "processor_p95_s": float(np.quantile(processor, 0.95)),
    }


if __name__ == "__main__":
    main()
