"""A stream of hours through one continuous session, fed faster than real time: does memory stay flat?

    python -m scripts.measure.soak [--hours 4] [--warm-up-minutes 10] [--limit-mb 5]

The synthetic voices that travel with the package are repeated with pauses. Exits with 1 where the resident memory
after the warm-up moves by more than the limit to either side.
"""

import argparse
import gc
import sys

import numpy as np
import psutil
import soundfile

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, ScoreUpdated
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.sessions.base import SessionState
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.voice.pooling import RollingVoice
from streamauth.demo_data import demo_utterances
from streamauth.engines.loader import Engines
from streamauth.settings import Settings


def main() -> None:
    """Feed, watch, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--warm-up-minutes", type=float, default=10.0)
    parser.add_argument("--limit-mb", type=float, default=5.0)
    arguments = parser.parse_args()
    settings = Settings()
    models = Engines(settings).models(with_words=False)
    utterances = demo_utterances()

    def clip(voice: str, name: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        return np.asarray(soundfile.read(utterances[voice, name].path, dtype="int16")[0])

    own = RollingVoice(models.encoder, settings.voice)
    for block in np.array_split(clip("slt", "long-1") / 32768, 1000):
        own.accept(block.astype(np.float32))
    voice = own.sample()
    assert voice is not None
    # mostly the right voice, so that the session goes on, and every so often another, so that it has to tell
    quiet = np.zeros(3 * SAMPLE_RATE_HZ, np.int16)
    loop = np.concatenate([clip("slt", "long-1"), quiet, clip("slt", "long-2"), quiet, clip("rms", "long-2"), quiet])

    process = psutil.Process()
    audio_format = AudioFormat(SAMPLE_RATE_HZ)
    session = ContinuousSession(Claim(voice.embedding), audio_format, models, settings)
    total, warm_up = arguments.hours * 3600 * SAMPLE_RATE_HZ, arguments.warm_up_minutes * 60 * SAMPLE_RATE_HZ
    fed = decisions = scores = 0
    readings: list[float] = []
    next_reading = warm_up
    while fed < total:
        for at in range(0, loop.size, SAMPLE_RATE_HZ // 10):
            session.receive_audio(loop[at : at + SAMPLE_RATE_HZ // 10])
            for event in session.events():
                decisions += isinstance(event, Decided)
                scores += isinstance(event, ScoreUpdated)
        fed += loop.size
        assert session.state is SessionState.LISTENING, session.error
        if fed >= next_reading:
            gc.collect()
            readings.append(process.memory_info().rss / 1e6)
            minutes = fed / SAMPLE_RATE_HZ / 60
            print(f"{minutes:6.0f} min  {readings[-1]:7.1f} MB  {scores} scores, {decisions} decisions", flush=True)
            next_reading += 5 * 60 * SAMPLE_RATE_HZ
    moved = max(abs(reading - readings[0]) for reading in readings)
    print(f"memory moved by at most {moved:.1f} MB in {fed / SAMPLE_RATE_HZ / 3600:.1f} h after the warm-up")
    sys.exit(moved > arguments.limit_mb)


if __name__ == "__main__":
    main()
