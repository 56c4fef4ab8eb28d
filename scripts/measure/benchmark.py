"""Cost of the whole pipeline beside the model runs that it cannot avoid, on one core.

    python -m scripts.measure.benchmark [--runs 7] [--json]

Audio: the synthetic voices that travel with the package, joined to about 60 s. Each session's calls to detector,
encoder and recognizer are recorded once; then the whole session and those bare calls alone, in the same order, are
run in turn, pair by pair, and the medians of CPU time and of the ratio are printed. The reference is the bare calls
of the same run, so that the ratio does not depend on the machine.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import process_time
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.ports import NOTHING_USUAL, SAMPLE_RATE_HZ, Samples, Usual, WordFacts
from streamauth.core.sessions.base import Models, Session
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.enrollment import EnrollmentPlan, EnrollmentSession
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.engines.loader import Engines
from streamauth.settings import DecisionSettings, EnrollmentSettings, Settings

CHUNK_S = 0.1
Calls = list[tuple[str, Any]]


class RecordingDetector:
    """Notes every frame."""

    def __init__(self, detector: Any, calls: Calls) -> None:
        self._detector, self._calls = detector, calls
        self.id, self.frame_samples = detector.id, detector.frame_samples

    def stream(self) -> "RecordingDetector":
        """Same recorder, new state."""
        copy = RecordingDetector(self._detector, self._calls)
        copy._stream = self._detector.stream()  # type: ignore[attr-defined]
        return copy

    def probability(self, frame: Samples) -> float:
        """As the detector's."""
        self._calls.append(("detector", frame.copy()))
        return float(self._stream.probability(frame))  # type: ignore[attr-defined]

    def voicing(self) -> float:
        """As the detector's."""
        return float(self._stream.voicing())  # type: ignore[attr-defined]


class RecordingEncoder:
    """Notes every window."""

    def __init__(self, encoder: Any, calls: Calls) -> None:
        self._encoder, self._calls = encoder, calls
        self.id, self.dim = encoder.id, encoder.dim
        self.window_samples, self.min_samples = encoder.window_samples, encoder.min_samples

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """As the encoder's."""
        self._calls.append(("encoder", windows.copy()))
        return np.asarray(self._encoder.embed(windows))


class RecordingRecognizer:
    """Notes every frame and every end of an utterance."""

    def __init__(self, recognizer: Any, calls: Calls) -> None:
        self._recognizer, self._calls = recognizer, calls
        self.id = recognizer.id

    def unknown_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """As the recognizer's."""
        return tuple(self._recognizer.unknown_words(words))

    def facts(self, word: str) -> WordFacts | None:
        """As the recognizer's."""
        found: WordFacts | None = self._recognizer.facts(word)
        return found

    def likelihoods(self, samples: Samples, phrases: Sequence[tuple[str, ...]]) -> tuple[float, ...] | None:
        """As the recognizer's."""
        found: tuple[float, ...] | None = self._recognizer.likelihoods(samples, phrases)
        return found

    def stream(
        self,
        expected: tuple[str, ...] | None,
        usual: Usual = NOTHING_USUAL,
        *,
        least_llr: float = 0.0,
    ) -> "RecordingRecognizer":
        """Same recorder, new state."""
        copy = RecordingRecognizer(self._recognizer, self._calls)
        copy._stream = self._recognizer.stream(expected)  # type: ignore[attr-defined]
        return copy

    def accept(self, samples: Samples) -> str:
        """As the stream's."""
        self._calls.append(("recognizer", samples.copy()))
        return str(self._stream.accept(samples))  # type: ignore[attr-defined]

    def partial(self) -> Any:
        """As the stream's."""
        self._calls.append(("recognizer", "partial"))
        return self._stream.partial()  # type: ignore[attr-defined]

    def finish(self) -> Any:
        """As the stream's."""
        self._calls.append(("recognizer", "finish"))
        return self._stream.finish()  # type: ignore[attr-defined]

    def close(self) -> None:
        """As the stream's."""
        self._stream.close()  # type: ignore[attr-defined]


def speech() -> NDArray[np.int16]:
    """About a minute of the synthetic voices, 16-bit, 16 kHz."""
    parts = [soundfile.read(demo_utterances()[voice, "long-1"].path, dtype="int16")[0] for voice in VOICES[:2]]
    return np.concatenate(parts)


def run(session: Session, audio: NDArray[np.int16]) -> None:
    """The whole pipeline, in chunks as a microphone gives them."""
    size = round(CHUNK_S * SAMPLE_RATE_HZ)
    for at in range(0, audio.size, size):
        session.receive_audio(audio[at : at + size])
        session.events()
    session.receive_end()
    session.events()
    session.close()
    assert session.error is None, session.error


def bare(models: Models, calls: Calls, expected: tuple[str, ...]) -> dict[str, float]:
    """CPU seconds of the recorded calls alone, by stage, in the order in which the session made them."""
    assert models.recognizer is not None
    detector, words = models.detector.stream(), models.recognizer.stream(expected)
    spent = dict.fromkeys(("detector", "encoder", "recognizer"), 0.0)
    for stage, value in calls:
        began = process_time()
        if stage == "detector":
            detector.probability(value)
        elif stage == "encoder":
            models.encoder.embed(value)
        elif isinstance(value, str):
            getattr(words, value)()
        else:
            words.accept(value)
        spent[stage] += process_time() - began
    words.close()
    return spent


def measure(make: Callable[[Models], Session], models: Models, audio: NDArray[np.int16], runs: int,
            expected: tuple[str, ...]) -> dict[str, float]:  # fmt: skip
    """Medians, per second of audio."""
    calls: Calls = []
    recording = replace(
        models,
        detector=RecordingDetector(models.detector, calls),
        encoder=RecordingEncoder(models.encoder, calls),
        recognizer=RecordingRecognizer(models.recognizer, calls),
    )
    run(make(recording), audio)
    wholes, stages, ratios = [], [], []
    for _ in range(runs):
        began = process_time()
        run(make(models), audio)
        wholes.append(process_time() - began)
        stages.append(bare(models, calls, expected))
        ratios.append(wholes[-1] / sum(stages[-1].values()))
    per_s = audio.size / SAMPLE_RATE_HZ
    result = {f"bare {name}": statistics.median(s[name] for s in stages) / per_s for name in stages[0]}
    result["bare sum"] = statistics.median(sum(s.values()) for s in stages) / per_s
    result["whole"] = statistics.median(wholes) / per_s
    result["whole / bare"] = statistics.median(ratios)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # nothing may end a session early: the cost of a whole minute is wanted
    settings = Settings(
        decision=DecisionSettings(max_speech_s=600, max_time_s=3600, target_far=0.5),
        enrollment=EnrollmentSettings(utterances=20, min_utterance_speech_s=10),
    )
    models = Engines(settings).models(with_words=True)
    audio = speech()
    expected = ("please", "open", "the", "door", "and", "let", "me", "come", "in")
    audio_format = AudioFormat(SAMPLE_RATE_HZ)
    own = models.encoder.embed((audio[: models.encoder.window_samples] / 32768).astype(np.float32)[None])[0]

    def with_phrase(used: Models) -> Session:
        return EnrollmentSession(EnrollmentPlan(True, expected), audio_format, used, settings)

    def voice_only(used: Models) -> Session:
        claim = Claim(own)
        return ContinuousSession(claim, audio_format, used, settings)

    results = {
        "voice and phrase": measure(with_phrase, models, audio, arguments.runs, expected),
        "voice only, continuous": measure(voice_only, models, audio, arguments.runs, expected),
    }
    if arguments.json:
        print(json.dumps(results))
        return
    print(f"CPU seconds per second of audio, one core, {audio.size / SAMPLE_RATE_HZ:.0f} s of speech:\n")
    columns = ["bare detector", "bare encoder", "bare recognizer", "bare sum", "whole", "whole / bare"]
    print("| session | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, values in results.items():
        cells = [f"{values[c]:.2f}" if c == columns[-1] else f"{values[c]:.4f}" if c in values else "" for c in columns]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
