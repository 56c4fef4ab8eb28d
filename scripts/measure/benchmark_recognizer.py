"""What the embedded recognizer costs: CPU per second of audio, also hostile audio, memory of a stream, and latency.

    python -m scripts.measure.benchmark_recognizer [--seconds 60]

Audio: the synthetic voices of the package, white noise, chords, clicks, and voices of ten languages at once (needs
Debian's espeak-ng). The reference for CPU is real time on one core.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import psutil
import soundfile
import soxr

from scripts.fixtures.demo_speech import PHRASE
from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import Decided, LevelMeasured
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, PhraseRecognizer, Samples
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.verification import VerificationSession
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.engines.loader import Engines
from streamauth.settings import Settings

LANGUAGES = {
    "de": "Guten Morgen, wie geht es Ihnen heute? Ich möchte gern ein Glas Wasser.",
    "fr": "Bonjour, je voudrais un verre d'eau et la clé de la maison.",
    "es": "Buenos días, quisiera un vaso de agua y la llave de la casa.",
    "it": "Buongiorno, vorrei un bicchiere d'acqua e la chiave di casa.",
    "pl": "Dzień dobry, poproszę szklankę wody i klucz do domu.",
    "ru": "Доброе утро, дайте мне стакан воды и ключ от дома.",
    "tr": "Günaydın, bir bardak su ve evin anahtarını istiyorum.",
    "pt": "Bom dia, queria um copo de água e a chave da casa.",
    "sv": "God morgon, jag vill ha ett glas vatten och husnyckeln.",
    "el": "Καλημέρα, θα ήθελα ένα ποτήρι νερό και το κλειδί του σπιτιού.",
}


def clip(voice: str, name: str) -> Samples:
    """A recording of the package."""
    return np.asarray(soundfile.read(demo_utterances()[voice, name].path, dtype="float32")[0], np.float32)


def kinds(seconds: int) -> Iterator[tuple[str, Samples]]:
    """Audio of each kind."""
    length = seconds * SAMPLE_RATE_HZ
    noise, times = np.random.default_rng(0), np.arange(length) / SAMPLE_RATE_HZ
    yield "speech", np.resize(np.concatenate([clip(voice, "long-1") for voice in VOICES]), length)
    yield "white noise", noise.normal(0, 0.1, length).astype(np.float32)
    notes = (261.6, 293.7, 329.6, 392.0, 440.0)
    chords = sum(np.sin(2 * np.pi * hertz * times) * (np.sin(3 * times + hertz) > 0) for hertz in notes)
    yield "chords", (np.asarray(chords) * 0.1).astype(np.float32)
    yield "clicks", (noise.random(length) < 0.001).astype(np.float32)
    babble = np.zeros(length)
    with tempfile.TemporaryDirectory() as folder:
        for language, text in LANGUAGES.items():
            path = Path(folder) / "speech.wav"
            subprocess.run(["espeak-ng", "-v", language, "-w", str(path), text], check=True)
            samples, rate_hz = soundfile.read(path, dtype="float64")
            babble += np.resize(soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ), length)
    yield "ten languages", (babble / np.abs(babble).max()).astype(np.float32)


def cost(recognizer: PhraseRecognizer, audio: Samples) -> float:
    """CPU seconds per second of audio, as utterances of ten seconds with a phrase expected."""
    stream = recognizer.stream(tuple(PHRASE.split()))
    began = process_time()
    for start in range(0, audio.size, 480):
        stream.accept(audio[start : start + 480])
        if (start // 480) % 333 == 332:
            stream.finish()
    stream.finish()
    spent = process_time() - began
    stream.close()
    return spent * SAMPLE_RATE_HZ / audio.size


def memory(recognizer: PhraseRecognizer, count: int = 20) -> float:
    """MB that one more running stream takes."""
    process = psutil.Process()
    audio = clip("slt", "door-1")
    before = process.memory_info().rss
    streams = [recognizer.stream(tuple(PHRASE.split())) for _ in range(count)]
    for stream in streams:
        stream.accept(audio)
    grown = process.memory_info().rss - before
    for stream in streams:
        stream.close()
    return float(grown / count / 1e6)


def latency(engines: Engines, settings: Settings, voice: str) -> tuple[float, float]:
    """Seconds of audio from the last voiced sample to the decision, and of CPU for the last step of it."""
    models = engines.models(with_words=True)
    voiceprint: Embedding = models.encoder.embed(clip(voice, "long-1")[None, 16_000 : 16_000 + 25_600])[0]
    speech = clip(voice, "door-1")
    loud = np.flatnonzero(np.abs(speech) > 0.02 * np.abs(speech).max())
    session = VerificationSession(
        Claim(voiceprint, tuple(PHRASE.split())), AudioFormat(SAMPLE_RATE_HZ, encoding=Encoding.F32LE), models, settings
    )
    longest = 0.0
    for start in range(0, speech.size, 320):
        began = perf_counter()
        session.receive_audio(speech[start : start + 320].astype("<f4").tobytes())
        longest = max(longest, perf_counter() - began)
        events = [event for event in session.events() if not isinstance(event, LevelMeasured)]
        if decided := [event for event in events if isinstance(event, Decided)]:
            session.close()
            return (decided[0].at_sample - int(loud[-1])) / SAMPLE_RATE_HZ, longest
    session.close()
    return float("nan"), longest


def main() -> None:
    """Print all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = Settings()
    engines = Engines(settings)
    before = psutil.Process().memory_info().rss
    recognizer = engines.recognizer()
    print(f"memory of the model: {(psutil.Process().memory_info().rss - before) / 1e6:.0f} MB")
    print(f"memory of one more stream in an utterance: {memory(recognizer):.1f} MB")
    for name, audio in kinds(arguments.seconds):
        print(f"{name:<14} {cost(recognizer, audio):.3f} CPU s per s of audio")
    for voice in VOICES:
        delay_s, step_s = latency(engines, settings, voice)
        print(f"{voice:<6} decided {delay_s * 1000:.0f} ms of audio behind the phrase, slowest step {step_s:.3f} s")


if __name__ == "__main__":
    main()
