"""Makes the network that is exported from trained students of GE2E.

    python -m scripts.train.ge2e.finish STUDENT.npz [STUDENT.npz ...] OUT.npz
    python -m scripts.train.ge2e.finish --again models/ge2e-noise.onnx OUT.npz    the second step alone
    python -m scripts.train.ge2e.export --student OUT.npz        write models/ge2e-noise.onnx

Two steps, both without another look at the error rates of the part "unseen" (``trials.part_of``):

- The weights are the mean of those of the students, one that is named twice counting twice, and some of the teacher's,
  which keeps more of what it knows of clean speech (M. Wortsman et al., "Model soups", ICML 2022, and "Robust
  fine-tuning of zero-shot models", CVPR 2022).
- The mean voice is taken off, and directions along which noises, rooms and lines move the windows of one person are
  shortened: within-class covariance normalization (A. Hatch et al., Interspeech 2006). Centre and covariance are those
  of the part "student", under every condition of ``streamauth.evaluation.conditions.EVALUATED``, each drawn thrice.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.measure.trials import librispeech, voiced
from scripts.train.ge2e.network import Array, Network, window_features
from scripts.train.ge2e.onnx_layers import teacher_weights, weights_of
from scripts.train.ge2e.speech import STEP, WINDOW
from scripts.train.ge2e.train import BATCH, SEED
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.evaluation.conditions import EVALUATED, degrade
from streamauth.settings import Settings

SHARE = 0.77
"""Of the students in the weights."""
CENTRED = 0.7
"""How much of the mean voice is taken off."""
SHRINKAGE = 0.8
"""How far the covariance is drawn to a sphere: 124 speakers are few for 256 dimensions. These three numbers were chosen
on the part "fit"."""
DRAWS = 3
"""How often each recording is put under each condition."""
SPEECH = 5 * SAMPLE_RATE_HZ


def windows() -> tuple[torch.Tensor, NDArray[np.int64], NDArray[np.bool_]]:
    """Mels of all windows, shape (windows, frames, 40), and for each its speaker and whether it is clean."""
    detector = WebrtcDetector(Settings().speech.aggressiveness)
    speech = [voiced(clip, detector)[:SPEECH] for _, clip in librispeech(0.0, "student")]
    rng = np.random.default_rng(SEED)
    cut, speaker, clean = [], [], []
    for number, audio in enumerate(speech):
        for condition in EVALUATED * DRAWS:
            heard = degrade(condition, audio, rng, speech)
            for start in range(0, heard.size - WINDOW + 1, STEP):
                cut.append(heard[start : start + WINDOW])
                speaker.append(number)
                clean.append(condition == "clean")
    return window_features(torch.from_numpy(np.stack(cut))), np.array(speaker), np.array(clean)


def normalization(found: Array, speaker: NDArray[np.int64], clean: NDArray[np.bool_]) -> tuple[Array, Array]:
    """What to take off an embedding, shape (dim,), and what to multiply the rest with, shape (dim, dim).

    Args:
        found: Embeddings of windows, shape (windows, dim).
        speaker: Whose each is.
        clean: Whether it is of clean speech.
    """
    own = {number: found[clean & (speaker == number)].mean(axis=0) for number in set(speaker[clean])}
    strayed = np.stack([row - own[number] for row, number in zip(found, speaker, strict=True)]).astype(np.float64)
    covariance = strayed.T @ strayed / len(strayed)
    sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * sphere)
    whitening = vectors @ np.diag(values**-0.5) @ vectors.T
    # lengths do not matter; half precision likes numbers near one
    whitening /= np.abs(whitening).max()
    return (CENTRED * np.mean(list(own.values()), axis=0)).astype(np.float32), whitening.astype(np.float32)


def mixed(paths: Sequence[Path]) -> dict[str, Array]:
    """Weights of students with some of the teacher's."""
    students = []
    for path in paths:
        with np.load(path) as stored:
            students.append(dict(stored))
    return {
        name: np.float32(SHARE) * np.mean([one[name] for one in students], axis=0) + np.float32(1 - SHARE) * of_teacher
        for name, of_teacher in Network(teacher_weights()).weights().items()
    }


def main() -> None:
    """Mix, normalize, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", type=Path, nargs="*")
    parser.add_argument("--again", type=Path, metavar="ENCODER")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    if bool(options.student) == bool(options.again):
        parser.error("Give students, or an encoder that was made of them.")
    torch.set_num_threads(1)
    weights = weights_of(options.again) if options.again else mixed(options.student)
    network = Network(weights)
    mels, speaker, clean = windows()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = torch.cat([network(part) for part in mels.split(BATCH)]).numpy()
    centre, whitening = normalization(found, speaker, clean)
    everything: dict[str, Any] = {"centre": centre, "whitening": whitening, **weights}
    np.savez(options.out, **everything)
    print(f"{len(found)} windows of {len(set(speaker))} speakers")


if __name__ == "__main__":
    main()
