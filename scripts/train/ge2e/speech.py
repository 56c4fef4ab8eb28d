"""The training speech of a student of an encoder, with what its teacher says of it.

Only the "student" part of LibriSpeech, the keywords and synthetic voices. Speakers are what is scarce: each recording
is also played slower and faster, and said again in voices that nobody has (``encoder_voices``); the teacher's embedding
of *that* voice is the target, so that it needs no label. The digits are left out: they were recorded at 8 kHz, and what
the teacher says of narrow bands is what the student must not learn.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from scripts.measure.trials import AUDIO, librispeech, load, voiced
from scripts.train.ge2e.voices import another_voice, taken_apart
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.settings import Settings

WINDOW, STEP = 25_600, 12_800
SPEEDS = (1.0, 0.8, 0.86, 0.93, 1.07, 1.15, 1.25)
KEYWORD_SPEEDS = (1.0, 0.87, 1.15)
MADE = 24
"""Voices that nobody has, for each recording."""
HELD_OUT_EVERY = 10

Embed = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Recording:
    """One voice.

    Attributes:
        speaker: Who it is; the same for all speeds of a clip.
        source: libri, pseudo (LibriSpeech at another speed), made (in another voice), keyword or synthetic.
        held_out: Whether it is for choosing among networks, not for training.
        audio: Shape (samples,), float16, at least one window.
        targets: What the teacher gives for the windows every STEP samples, shape (windows, dim).
        centre: Their mean direction: the teacher's voiceprint.
    """

    speaker: str
    source: str
    held_out: bool
    audio: NDArray[np.float16]
    targets: Samples
    centre: Samples


def recordings(embed: Embed, synthetic: Path | None, most_synthetic: int, seed: int) -> Iterator[Recording]:
    """All recordings.

    Args:
        embed: The teacher: windows, shape (batch, WINDOW), to unit vectors.
        synthetic: Folder of WAV files of synthetic voices, if any.
        most_synthetic: How many of them to take.
        seed: Which.
    """
    detector = WebrtcDetector(Settings().speech.aggressiveness)
    learned = []
    for index, (speaker, clip) in enumerate(librispeech(2.0, "student")):
        held_out = index % HELD_OUT_EVERY == 0
        if not held_out:
            learned.append((speaker, taken_apart(clip)))
        for number, speed in enumerate(SPEEDS):
            # noise keeps the detector from cutting pauses: a third is left with them
            audio = at_speed(clip, speed) if number % 3 == 1 else voiced(at_speed(clip, speed), detector)
            yield _recording(speaker, "libri" if speed == 1.0 else "pseudo", held_out, audio, embed)
    rng = np.random.default_rng(seed)
    for speaker, parts in learned:
        for other in rng.choice(len(learned), MADE, replace=False):
            audio = voiced(another_voice(parts, learned[other][1].timbre, rng), detector)
            yield _recording(speaker, "made", False, audio, embed)
    for path in sorted((AUDIO / "keywords").rglob("*.flac")):
        clip = voiced(load(path), detector)
        for speed in KEYWORD_SPEEDS if clip.size > 4000 else ():
            yield _recording(f"{path.parent.name}-{path.stem}", "keyword", False, at_speed(clip, speed), embed)
    if synthetic:
        paths = sorted(synthetic.glob("*.wav"))
        for index in sorted(np.random.default_rng(seed).permutation(len(paths))[:most_synthetic]):
            clip = voiced(load(paths[index]), detector)
            if clip.size > STEP:
                yield _recording(paths[index].stem, "synthetic", False, clip, embed)


def at_speed(clip: Samples, speed: float) -> Samples:
    """The clip played faster or slower, pitch and formants with it."""
    if speed == 1.0:
        return clip
    return np.asarray(soxr.resample(clip, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ / speed), np.float32)


def _recording(speaker: str, source: str, held_out: bool, audio: Samples, embed: Embed) -> Recording:
    # what is too short is said again
    audio = np.resize(audio, max(WINDOW, audio.size))
    audio = audio * np.float32(0.5 / np.abs(audio).max())
    starts = range(0, audio.size - WINDOW + 1, STEP)
    targets = embed(np.stack([audio[start : start + WINDOW] for start in starts]))
    centre = targets.sum(axis=0)
    return Recording(speaker, source, held_out, audio.astype(np.float16), targets, centre / np.linalg.norm(centre))
