"""Packs what ``fast`` needs into a small folder that can be taken to a machine with a GPU.

    python -m scripts.train.frames.speech WORK          once
    python -m scripts.train.frames.pack WORK PACK       57 MB; 20 minutes of one core, for the Opus encoder

Voiced speech in Opus, noises, rooms, targets, the weights to begin with, and the modules of this repository that
``fast`` imports: in that folder, ``python -m scripts.train.frames.fast . OUT`` runs as it is. ``--every N`` packs every
Nth person alone, to try it. Rooms of ``rooms/dirha-`` are for measuring only.
"""

import argparse
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from scripts.measure.trials import AUDIO, load
from scripts.train.frames.voice import Voice
from scripts.train.ge2e.onnx_layers import student_weights
from streamauth.core.audio.rooms import random_room
from streamauth.core.ports import SAMPLE_RATE_HZ

SEED = 5
COMPRESSION = 0.955
"""Of Opus: 0 is the most bits."""
MOST_S = {"kathleen": 4, "precise": 1.2, "keyword": 3, "dsp20": 8, "digits": 10}
"""Of a session; those of other sets are taken whole."""
ROOMS, ROOM_SAMPLES = 200, 9_600
NOISE_S = 12
ROOT = Path(__file__).resolve().parents[3]
_INT16 = 32767
_BLOCK = 600 * SAMPLE_RATE_HZ


def write(path: Path, parts: list[NDArray[np.floating]]) -> int:
    """Write audio, one part after the other, as Opus; how many bytes that took."""
    with soundfile.SoundFile(
        path, "w", SAMPLE_RATE_HZ, 1, format="OGG", subtype="OPUS", compression_level=COMPRESSION
    ) as file:
        for part in parts:
            # long blocks overflow the encoder's stack
            for at in range(0, part.size, SAMPLE_RATE_HZ):
                file.write(part[at : at + SAMPLE_RATE_HZ])
    return path.stat().st_size


def code(pack: Path) -> int:
    """Copy the modules that ``fast`` imports; how many bytes they have."""
    size = 0
    asked = "import sys, scripts.train.frames.fast; print(*(getattr(m, '__file__', '') for m in sys.modules.values()))"
    found = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True, capture_output=True, text=True)
    for path in map(Path, found.stdout.split()):
        if path.is_relative_to(ROOT):
            to = pack / path.relative_to(ROOT)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
            size += to.stat().st_size
    return size


def main() -> None:
    """Pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N")
    options = parser.parse_args()
    pack: Path = options.pack
    pack.mkdir(parents=True, exist_ok=True)
    voices: list[Voice] = pickle.loads((options.work / "voices.pickle").read_bytes())  # noqa: S301 - our own
    chosen = set(sorted({voice.person for voice in voices})[:: options.every])
    voices = [voice for voice in voices if voice.person in chosen]
    speech = np.memmap(options.work / "speech.raw", np.int16, "r")

    ends: dict[tuple[str, str], int] = {}
    blocks: list[list[NDArray[np.floating]]] = [[]]
    at = in_block = 0
    begins, lengths = [], []
    for voice in voices:
        # one recording serves all speeds
        if voice.speed == 1.0:
            most = int(MOST_S.get(voice.source, 3_600) * SAMPLE_RATE_HZ)
            part = speech[slice(*voice.voiced)][:most] / np.float32(_INT16)
            ends[voice.person, voice.session] = at
            if in_block > _BLOCK:
                blocks.append([])
                in_block = 0
            blocks[-1].append(part)
            at += part.size
            in_block += part.size
            length = part.size
        begins.append(ends[voice.person, voice.session])
        lengths.append(length)
    size = sum(write(pack / f"speech-{number:02}.ogg", block) for number, block in enumerate(blocks))
    block_samples = [sum(part.size for part in block) for block in blocks]

    noises = [load(path)[: NOISE_S * SAMPLE_RATE_HZ] for path in sorted((AUDIO / "noise").iterdir())]
    equal = [noise * np.float32(0.1 / max(1e-4, float(noise.std()))) for noise in noises]
    size += write(pack / "noise.ogg", [np.clip(noise, -1, 1) for noise in equal])

    rng = np.random.default_rng(SEED)
    rooms = [random_room(rng) for _ in range(ROOMS)]
    for path in sorted((AUDIO / "rooms").iterdir()):
        if not path.name.startswith("dirha-"):
            response = load(path)
            rooms.append(response[int(np.abs(response).argmax()) :])
    responses = np.stack([np.resize(np.pad(room[:ROOM_SAMPLES], (0, ROOM_SAMPLES)), ROOM_SAMPLES) for room in rooms])
    responses /= np.abs(responses).max(axis=1, keepdims=True)
    np.savez_compressed(
        pack / "voices.npz",
        person=np.array([voice.person for voice in voices]),
        source=np.array([voice.source for voice in voices]),
        session=np.array([voice.session for voice in voices]),
        speed=np.array([voice.speed for voice in voices], np.float32),
        begin=np.array(begins),
        length=np.array(lengths),
        block_samples=np.array(block_samples),
        target=np.stack([voice.target for voice in voices]).astype(np.float16),
        rooms=responses.astype(np.float16),
    )
    weights: dict[str, Any] = {
        name: value.astype(np.float16 if value.size > 256 else np.float32) for name, value in student_weights().items()
    }
    np.savez_compressed(pack / "weights.npz", **weights)
    size += code(pack) + sum((pack / name).stat().st_size for name in ("voices.npz", "weights.npz"))
    print(f"{len(voices)} voices, {at / SAMPLE_RATE_HZ / 3600:.2f} h, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
