"""What the measuring scripts share: recordings of real people, and trials over them."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from streamauth.core.audio.frontend import PcmFrontEnd
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, SpeechDetector
from streamauth.core.sessions.base import Models
from streamauth.evaluation.conditions import EVALUATED, degrade
from streamauth.evaluation.fitting import Person
from streamauth.evaluation.replay import FORMAT, Probe
from streamauth.settings import Settings

AUDIO = Path(__file__).resolve().parents[3] / "shared" / "audio"
LIBRISPEECH = AUDIO / "librispeech-251"
SESSIONS = AUDIO / "sessions-zh"
ENROLL = slice(6 * SAMPLE_RATE_HZ)
PROBE = slice(6 * SAMPLE_RATE_HZ, 12 * SAMPLE_RATE_HZ)


def load(path: Path) -> Samples:
    """A recording, shape (samples,), float32 at 16 kHz mono."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    return np.asarray(mono if rate == SAMPLE_RATE_HZ else soxr.resample(mono, rate, SAMPLE_RATE_HZ), np.float32)


@lru_cache(maxsize=1)
def _of_person(file: str) -> tuple[Samples, int]:
    audio, rate = soundfile.read(AUDIO / "people" / file, dtype="float32")
    return audio, rate


def utterance(file: str, begin_s: float, end_s: float) -> Samples:
    """A part of a recording in ``people/``, shape (samples,), float32 at 16 kHz; ask for those of a file in a row."""
    audio, rate = _of_person(file)
    cut = audio[round(begin_s * rate) : round(end_s * rate)]
    return np.asarray(soxr.resample(cut, rate, SAMPLE_RATE_HZ), np.float32)


def part_of(index: int) -> str:
    """What a LibriSpeech speaker may be used for: the one split that all scripts keep to.

    Args:
        index: Place among all 251 speakers by rising number.

    Returns:
        "student": trains encoders and stands in cohorts (3 of 6). "fit": fits calibrations (1 of 6). "unseen": is
        only measured on, never used to fit or choose anything (2 of 6).
    """
    return ("unseen", "fit", "student", "unseen", "student", "student")[index % 6]


def librispeech(min_s: float, part: str | None = None) -> Iterator[tuple[str, Samples]]:
    """(speaker, clip) of every LibriSpeech clip of at least so many seconds, of one part or all, by rising number."""
    paths = sorted(LIBRISPEECH.glob("*.flac"), key=lambda path: int(path.name.split("-")[0]))
    for index, path in enumerate(paths):
        if part is None or part == part_of(index):
            audio = load(path)
            if audio.size >= min_s * SAMPLE_RATE_HZ:
                yield path.name.split("-")[0], audio


def people(part: str, models: Models, settings: Settings, rng: np.random.Generator) -> list[Person]:
    """LibriSpeech speakers with 11 s or more, heard: ENROLL of each clip, and PROBE under each condition."""
    clips = [clip for _, clip in librispeech(11.0, part)]
    found = []
    for clip in clips:
        enrolled = Probe(clip[ENROLL], models, settings).enrolled()
        assert enrolled is not None
        heard = {name: [Probe(degrade(name, clip[PROBE], rng, clips), models, settings).looks()] for name in EVALUATED}
        found.append(Person(enrolled, heard))
    return found


def voiced(clip: Samples, detector: SpeechDetector) -> Samples:
    """What the product's first stages leave of a clip: its voiced frames, one after the other."""
    front = PcmFrontEnd(FORMAT, detector, Settings().speech, 0, 1e9)
    steps = [*front.feed(clip), *front.flush()]
    frames = [frame for step in steps for frame, speech in step.segmented.utterance if speech]
    return np.concatenate(frames) if frames else np.zeros(0, np.float32)


def sessions() -> Iterator[tuple[str, str, Samples]]:
    """(speaker, "enroll" or "test", clip) of the multi-session recordings."""
    for part in ("enroll", "test"):
        for path in sorted((SESSIONS / part).glob("*.wav")):
            yield path.name.split("-")[0], part, load(path)


def noisy(audio: Samples, snr_db: float, colour: str, rng: np.random.Generator) -> Samples:
    """The clip with white or pink noise at a signal-to-noise ratio over the whole clip."""
    noise = rng.standard_normal(audio.size)
    if colour == "pink":
        spectrum = np.fft.rfft(noise)
        spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
        noise = np.fft.irfft(spectrum, audio.size)
    gain = np.sqrt(np.mean(audio**2) / (np.mean(noise**2) * 10 ** (snr_db / 10)))
    return np.asarray(audio + gain * noise, np.float32)
