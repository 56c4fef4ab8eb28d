"""Trains the frame-wise encoder.

    python -m scripts.train.frames.speech WORK              once
    python -m scripts.train.frames.pairs WORK &             beside the training
    python -m scripts.train.frames.train WORK [--minutes M] [--start WORK/frames.pt]
    python -m scripts.train.frames.export WORK/frames.pt models/NAME.onnx

The network begins with the weights of ``models/ge2e-noise.onnx``. Each stretch is to give what the teacher gives for
the person's clean sessions, to be told from all speakers by an angular margin (J. Deng et al., "ArcFace", CVPR 2019),
and to find its pair among those of the batch (J. S. Chung et al., "In defence of metric learning for speaker
recognition", Interspeech 2020). The margin and the weight of the speakers grow: at first a network that is new at 50
frames/s learns from its teacher. WORK/frames.pt is written every few minutes, with a running average of the weights.
"""

import argparse
import pickle
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.train.frames.learner import Batch, Learner
from scripts.train.frames.pairs import LOG_FLOOR, open_ring
from scripts.train.frames.shape import BANDS, PAIR
from scripts.train.frames.voice import Voice
from scripts.train.ge2e.onnx_layers import student_weights

Array = NDArray[np.float32]

SEED = 3
PAIRS = 48
STEPS = (80, 180)
"""Least and most steps of 20 ms in a batch."""
SHORT = (40, 90)
"""Likewise of the part that is also judged."""
SAVE_S = 120.0


def parts(begins: NDArray[np.integer], steps: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """1 for the steps of each voice, which begin somewhere, and 1 for a part of them; both shape (rows, steps)."""
    whole, part = np.zeros((2, len(begins), steps), np.float32)
    for row, begin in enumerate(np.minimum(begins, steps - SHORT[0])):
        whole[row, begin:] = 1
        room = steps - int(begin)
        size = int(rng.integers(SHORT[0], min(SHORT[1], room) + 1))
        start = int(begin) + (0 if rng.random() < 0.5 else int(rng.integers(room - size + 1)))
        part[row, start : start + size] = 1
    return whole, part


def draw(work: Path, rng: np.random.Generator) -> Batch:
    """A batch of what is in the ring.

    Raises:
        RuntimeError: Too little is in it.
    """
    ring, rows = open_ring(work)
    ready = np.flatnonzero(rows[:, 0] >= 0)
    if len(ready) < 2 * PAIRS:
        raise RuntimeError("The ring is empty. Start scripts.train.frames.pairs, and wait a minute.")
    slots = rng.choice(ready, PAIRS, replace=False)
    steps = int(rng.integers(STEPS[0], STEPS[1] + 1))
    mels = torch.from_numpy(np.concatenate((ring[slots, 0, : 2 * steps], ring[slots, 1, : 2 * steps]))).float()
    powers = (mels.exp() - LOG_FLOOR).clamp(min=0).reshape(2 * PAIRS, steps, PAIR * BANDS)
    whole, part = parts(rows[slots][:, 2:].T.ravel(), steps, rng)
    voices = torch.from_numpy(rows[slots][:, :2].T.ravel().astype(np.int64))
    return Batch(powers, torch.from_numpy(whole), torch.from_numpy(part), voices)


def main() -> None:
    """Train for so many minutes, and keep what comes out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=300.0)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--bfloat16", action="store_true", help="where the processor multiplies in it")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    work: Path = options.work
    rng = np.random.default_rng(SEED)
    voices: list[Voice] = pickle.loads((work / "voices.pickle").read_bytes())  # noqa: S301 - our own
    learner = Learner(voices, student_weights(), torch.device("cpu"), options.rate, options.bfloat16)
    if options.start is not None:
        learner.start(options.start)
    begin = saved = time.monotonic()
    while (passed := (time.monotonic() - begin) / 60 / options.minutes) < 1:
        learner.step(draw(work, rng), passed)
        if time.monotonic() - saved > SAVE_S:
            saved = time.monotonic()
            learner.save(work / "frames.pt")
    learner.save(work / "frames.pt")


if __name__ == "__main__":
    main()
