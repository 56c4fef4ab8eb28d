"""The training speech of the frame-wise encoder, decoded, cut to voiced frames and kept in a folder.

    python -m scripts.train.frames.speech WORK [--workers N]     write WORK/voices.pickle and WORK/speech.raw (5 GB)

Readers of LibriSpeech (part "student"), browser recordings, telephone calls, spellers, two languages, keywords and
digits of ../shared/audio. People whom ``scripts.measure.heldout`` names are left out. Each is also played slower and
faster: other pitch and formants, so other people. The teacher ge2e tells of each session what its voice is.
"""

import argparse
import os
import pickle
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from scripts.measure.heldout import is_held_out
from scripts.measure.trials import AUDIO, librispeech, load, voiced
from scripts.train.frames.voice import Voice
from scripts.train.ge2e.network import Network, window_features
from scripts.train.ge2e.onnx_layers import teacher_weights
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.settings import Settings

SPEEDS = (1.0, 0.88, 1.13)
SPEEDS_OF = {"libri": (1.0, 0.8, 0.86, 0.93, 1.07, 1.15, 1.25), "keyword": (1.0,), "precise": (1.0,), "digits": (1.0,)}
MOST_S, LEAST_S = 40, 0.5
"""Of one session."""
PAUSE = 1_600
MIXED = {("wuw2", "w013"), ("wuw2", "w135")}
"""Several people under one name: their calls are as unlike as those of different people."""
_WINDOW = 25_600
_LOUDEST = 0.5
_INT16 = 32767
_UTTERANCES_A_SESSION = {"kathleen": 15, "precise": 1}
_DIGITS = 40
_MOST_WINDOWS = 8
"""That the teacher hears of a voice."""


def sessions() -> Iterator[tuple[str, str, str, Samples]]:
    """(set, person, session, audio) of all who are for training."""
    for table in sorted((AUDIO / "people").glob("*.tsv")):
        source = table.stem
        files = defaultdict(list)
        for line in table.read_text("utf-8").splitlines():
            file, begin_s, end_s, person, session, *_ = line.split("\t")
            if not is_held_out(source, person) and (source, person) not in MIXED:
                files[file].append((float(begin_s), float(end_s), person, session))
        for file, utterances in files.items():
            audio, rate = soundfile.read(AUDIO / "people" / file, dtype="float32")
            together = defaultdict(list)
            for number, (start, end, person, session) in enumerate(utterances):
                if source in _UTTERANCES_A_SESSION:
                    session = str(number // _UTTERANCES_A_SESSION[source])
                    # nobody knows who said which
                    person = f"{person}-{number}" if source == "precise" else person
                elif source != "wuw2" and source != "dsp20":
                    session = ""
                together[person, session].append(audio[int(start * rate) : int(end * rate)])
            for (person, session), parts in together.items():
                joined = np.concatenate([np.pad(part, (0, PAUSE * rate // SAMPLE_RATE_HZ)) for part in parts])
                joined = joined[: MOST_S * rate]
                yield source, person, session, np.asarray(soxr.resample(joined, rate, SAMPLE_RATE_HZ), np.float32)
    for person, audio in librispeech(2.0, "student"):
        if not is_held_out("libri", person):
            yield "libri", person, "", audio
    for path in sorted((AUDIO / "keywords").rglob("*.flac")):
        yield "keyword", f"{path.parent.name}-{path.stem}", "", load(path)
    for folder in sorted((AUDIO / "digits").iterdir()):
        paths = sorted(folder.iterdir())
        for at in range(0, len(paths) - _DIGITS + 1, _DIGITS):
            yield "digits", folder.name, str(at), np.concatenate([load(path) for path in paths[at : at + _DIGITS]])


def teacher_voice(network: Network, speech: Samples) -> NDArray[np.float32]:
    """The teacher's voiceprint of voiced speech, shape (256,): its windows, weighted by level."""
    speech = np.resize(speech, max(_WINDOW, speech.size))
    wanted = min(_MOST_WINDOWS, 2 * speech.size // _WINDOW - 1)
    starts = np.linspace(0, speech.size - _WINDOW, wanted).astype(int)
    windows = np.stack([speech[at : at + _WINDOW] for at in starts])
    level = np.sqrt(np.square(windows).mean(axis=1, keepdims=True))
    with torch.no_grad():
        found = network(window_features(torch.from_numpy(windows))).numpy()
    total = (level * found).sum(axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def at_speed(speech: Samples, speed: float) -> Samples:
    """Speech played faster or slower, pitch and formants with it."""
    if speed == 1.0:
        return speech
    return np.asarray(soxr.resample(speech, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ / speed, quality="MQ"), np.float32)


class Session(NamedTuple):
    """What ``sessions`` gives."""

    source: str
    person: str
    session: str
    audio: Samples


class Prepared(NamedTuple):
    """A session at one speed: its voiced frames, all of it (both int16), and what the teacher says of it."""

    speed: float
    voiced: NDArray[np.int16]
    whole: NDArray[np.int16]
    target: NDArray[np.float32]


@cache
def _teacher() -> tuple[WebrtcDetector, Network]:
    torch.set_num_threads(1)
    return WebrtcDetector(Settings().speech.aggressiveness), Network(teacher_weights(), logarithms=False)


def prepared(session: Session) -> list[Prepared]:
    """A session at every speed; nothing if there is too little speech."""
    detector, network = _teacher()
    audio = session.audio * np.float32(_LOUDEST / max(1e-4, float(np.abs(session.audio).max())))
    speech = voiced(audio, detector)
    if speech.size < LEAST_S * SAMPLE_RATE_HZ:
        return []
    found = []
    for speed in SPEEDS_OF.get(session.source, SPEEDS):
        parts = at_speed(speech, speed), at_speed(audio, speed)
        frames, whole = ((np.clip(part, -1, 1) * _INT16).astype(np.int16) for part in parts)
        found.append(Prepared(speed, frames, whole, teacher_voice(network, parts[0])))
    return found


def main() -> None:
    """Collect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    voices: list[Voice] = []
    at = 0
    everyone = [Session(*session) for session in sessions()]
    with (work / "speech.raw").open("wb") as raw, ProcessPoolExecutor(options.workers) as workers:
        for session, made in zip(everyone, workers.map(prepared, everyone, chunksize=8), strict=True):
            for one in made:
                ends = np.cumsum([at, one.voiced.size, one.whole.size]).tolist()
                raw.write(one.voiced.astype("<i2").tobytes() + one.whole.astype("<i2").tobytes())
                stretches = (ends[0], ends[1]), (ends[1], ends[2])
                who = f"{session.source}/{session.person}"
                voices.append(Voice(who, session.source, session.session, one.speed, *stretches, one.target))
                at = ends[2]
    (work / "voices.pickle").write_bytes(pickle.dumps(voices))
    print(f"{len(voices)} voices, {at / SAMPLE_RATE_HZ / 3600:.1f} h")


if __name__ == "__main__":
    main()
