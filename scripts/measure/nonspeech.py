"""How much speech the first stages miss, how much other sound they take for speech, and what they cost.

    python -m scripts.measure.nonspeech [--clips 40] [--seconds 20]

Kinds of non-speech: those of ``scripts/fixtures/nonspeech.py`` and the second halves of the recordings in
../shared/audio/noise. Speech: people of whom nothing was learned (LibriSpeech's part "unseen", people held out of the
other sets) and three Mandarin speakers, as it is and in the conditions of the evaluation. "WebRTC" is the first stage
alone, "both" the product, also by telephone at 8 kHz; net seconds are what would reach a voiceprint.
"""

import argparse
import random
import time
from collections.abc import Iterator

import numpy as np
import soundfile
import soxr

from scripts.fixtures.lines import LINES, by_line
from scripts.fixtures.nonspeech import NON_SPEECH
from scripts.measure.heldout import PEOPLE, is_held_out
from scripts.measure.trials import AUDIO, librispeech, load, sessions, voiced
from streamauth.catalog.registry import Catalog
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, SpeechDetector
from streamauth.engines.vad.two_stage import TwoStageDetector, load_voicing
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.evaluation.conditions import EVALUATED, degrade

_SETS = ("wuw2", "gsc", "dsp20", "alphanum", "precise")
_LONGEST_S = 12


def others(seconds: float) -> Iterator[tuple[str, Samples]]:
    """(kind, sound) of what is no speech."""
    for kind, make in NON_SPEECH.items():
        yield kind, make(seconds, np.random.default_rng(1000))
    for path in sorted((AUDIO / "noise").glob("*.opus")):
        audio = load(path)
        yield path.stem, audio[audio.size // 2 :][: round(seconds * SAMPLE_RATE_HZ)]


def held_out(people_set: str, clips: int) -> list[Samples]:
    """Speech of people held out of a set."""
    lines = (PEOPLE / f"{people_set}.tsv").read_text("utf-8").splitlines()
    files = {line.split("\t")[0] for line in lines if is_held_out(people_set, line.split("\t")[3])}
    found = []
    for file in random.Random(1).sample(sorted(files), min(clips, len(files))):
        audio, rate = soundfile.read(PEOPLE / file, dtype="float32", always_2d=True)
        whole = soxr.resample(audio.mean(axis=1), rate, SAMPLE_RATE_HZ)
        found.append(np.asarray(whole[: _LONGEST_S * SAMPLE_RATE_HZ], np.float32))
    return found


def speech(clips: int) -> Iterator[tuple[str, list[Samples]]]:
    """(name, clips) of speech."""
    unseen = [audio[: _LONGEST_S * SAMPLE_RATE_HZ] for _, audio in librispeech(4.0, "unseen")][:clips]
    for condition in EVALUATED:
        rng = np.random.default_rng(7)
        yield f"librispeech, {condition}", [degrade(condition, clip, rng, unseen) for clip in unseen]
    for line, coding in LINES.items():
        yield f"librispeech, {line}, 8 kHz", [by_line(clip, coding) for clip in unseen]
    for people_set in _SETS:
        yield people_set, held_out(people_set, clips)
    yield "sessions-zh", [clip for _, _, clip in sessions()][:clips]


def seconds_of(clip: Samples, detector: SpeechDetector) -> float:
    """Net speech that the first stages find, in seconds."""
    return voiced(clip, detector).size / SAMPLE_RATE_HZ


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    webrtc = WebrtcDetector(2)
    network_id, network = load_voicing(Catalog())
    both = TwoStageDetector(webrtc, network, network_id)
    head = f"{'taken for speech, net s in ' + format(arguments.seconds, 'g') + ' s':36}{'WebRTC':>8}{'both':>8}"
    print(head + "".join(f"{line:>13}" for line in LINES))
    for kind, sound in others(arguments.seconds):
        by_line = [seconds_of(by_line(sound, coding), both) for coding in LINES.values()]
        told = "".join(f"{seconds:13.2f}" for seconds in by_line)
        print(f"{kind:36}{seconds_of(sound, webrtc):8.2f}{seconds_of(sound, both):8.2f}{told}", flush=True)
    print(f"\n{'speech that both leave out, of WebRTC’s':44}{'time':>8}{'clips without any':>20}")
    for name, clips in speech(arguments.clips):
        first = [seconds_of(clip, webrtc) for clip in clips]
        second = [seconds_of(clip, both) for clip in clips]
        lost = sum(one > 0 and other == 0 for one, other in zip(first, second, strict=True))
        print(f"{name:44}{1 - sum(second) / sum(first):8.1%}{f'{lost} of {len(clips)}':>20}")
    audio = next(iter(librispeech(11.0, "unseen")))[1]
    for detector in (webrtc, both):
        stream, size = detector.stream(), detector.frame_samples
        began = time.process_time()
        for start in range(0, audio.size - size + 1, size):
            stream.probability(audio[start : start + size])
        spent = (time.process_time() - began) / (audio.size / SAMPLE_RATE_HZ)
        print(f"{detector.id}: {spent:.5f} s of CPU for a second of audio")


if __name__ == "__main__":
    main()
