"""Trains the student of GE2E further, on labelled people: browsers, telephone calls, words, and the readers as before.

    python -m scripts.train.frames.speech WORK                       once: decode, cut to speech, ask the teacher
    python -m scripts.train.ge2e.further WORK [--minutes M]          write WORK/further-N.npz every few minutes
    python -m scripts.train.ge2e.judge WORK WORK/further-*.npz       error rates on people who are held out
    python -m scripts.train.ge2e.export --student WORK/further-N.npz

It begins as ``models/ge2e-noise.onnx``, with what that takes off an embedding and multiplies it with, and these learn
too. A degraded window is to give what the teacher says of the person's clean sessions, to be told by an angular margin
from all others of its data set (J. Deng et al., "ArcFace", CVPR 2019), and to find the person's other window, of
another session where there is one, among those of its data set in the batch. Other sets are no negatives: the network
would tell them by their channel. Half of the callers who called several times are left out, to judge by.
"""

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scripts.train.frames.learner import Targets
from scripts.train.frames.pairs import Pairs
from scripts.train.frames.voice import Voice
from scripts.train.ge2e.network import Array, Network, window_features
from scripts.train.ge2e.onnx_layers import student_weights
from scripts.train.schedule import follow, learning_rate
from streamauth.core.ports import SAMPLE_RATE_HZ

SEED = 7
PAIRS = 32
WINDOW, LEAD = 25_600, 4_800
SHORTER_S, SHORTER_SHARE = (0.8, 1.0, 1.2, 1.4), 0.4
AVERAGE, SAVE_S = 0.995, 240.0
MARGIN = 0.15
TEACHER, SPEAKERS, PARTNERS = 4.0, 0.5, 0.5
"""Weights of the three losses."""
_ASIDE_BELOW = 128


def judged_caller(person: str) -> bool:
    """Whether a caller who called several times is left out of the training: half of them, by their names."""
    return hashlib.sha256(f"wuw2/{person}".encode()).digest()[0] < _ASIDE_BELOW


class Student(nn.Module):  # type: ignore[misc]
    """The network with what stands behind it: mels, shape (batch, frames, 40), to unit vectors, (batch, 256).

    Args:
        weights: Of the network, by PyTorch's names, with ``centre``, shape (256,), and ``whitening``, (256, 256).
    """

    def __init__(self, weights: dict[str, Array]) -> None:
        super().__init__()
        behind = {"centre", "whitening"}
        self.network = Network({name: value for name, value in weights.items() if name not in behind})
        self.centre, self.whitening = (nn.Parameter(torch.from_numpy(weights[name].copy())) for name in sorted(behind))

    def forward(self, mels: Tensor) -> Tensor:
        """Embeddings."""
        return nn.functional.normalize((self.network(mels) - self.centre) @ self.whitening, dim=1)

    def weights(self) -> dict[str, Array]:
        """What there is to export."""
        behind = {"centre": self.centre, "whitening": self.whitening}
        return self.network.weights() | {name: value.detach().numpy().copy() for name, value in behind.items()}


def first_targets(pairs: Pairs, student: Student, left_out: frozenset[str]) -> Targets:
    """What is to come out.

    Where the teacher is no guide, speakers begin as what the student says of two clean windows of each voice.

    Args:
        pairs: Whose windows come.
        student: As it begins.
        left_out: People who are not even negatives.
    """
    behind = (value.detach().numpy() for value in (student.centre, student.whitening))
    targets = Targets(pairs.voices, *behind)
    total = torch.zeros_like(targets.speakers)
    with torch.no_grad():
        narrow = np.flatnonzero((targets.labels.numpy() >= 0) & (targets.believed.numpy() == 0))
        for numbers in np.array_split(narrow, len(narrow) // 32 + 1):
            windows = np.concatenate([pairs.clean(number, WINDOW) for number in numbers])
            found = student(window_features(torch.from_numpy(windows)))
            total.index_add_(0, targets.labels[numbers].repeat_interleave(2), found)
        heard = total.square().sum(dim=1) > 0
        targets.speakers[heard] = nn.functional.normalize(total[heard], dim=1)
    for number, voice in enumerate(pairs.voices):
        if voice.person in left_out and targets.labels[number] >= 0:
            targets.of_set[targets.labels[number]] = -1
    return targets


def aside(voices: list[Voice]) -> frozenset[str]:
    """The callers who are left out."""
    calls = {(voice.person, voice.session) for voice in voices if voice.source == "wuw2"}
    several = {person for person, _ in calls if sum(person == other for other, _ in calls) > 1}
    return frozenset(person for person in several if judged_caller(person.removeprefix("wuw2/")))


def draw(pairs: Pairs, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Mels of pairs of windows, shape (2 * PAIRS, frames, 40), and their voices: all first ones, then all second."""
    size = int(rng.choice(SHORTER_S) * SAMPLE_RATE_HZ) if rng.random() < SHORTER_SHARE else WINDOW
    drawn = [pairs.windows(size, LEAD) for _ in range(PAIRS)]
    windows = np.concatenate([np.stack([pair[half] for pair, _ in drawn]) for half in (0, 1)])
    voices = np.stack([numbers for _, numbers in drawn], axis=1).ravel()
    return window_features(torch.from_numpy(windows)), torch.from_numpy(voices)


def train(options: argparse.Namespace) -> None:
    """Train for so many minutes, and keep the running average of the weights every few."""
    rng = np.random.default_rng(options.seed)
    pairs = Pairs(options.work, rng)
    left_out = aside(pairs.voices)
    pairs = Pairs(options.work, rng, left_out)
    student, average = Student(student_weights()), Student(student_weights())
    targets = first_targets(pairs, student, left_out)
    parameters = [*student.parameters(), *targets.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=options.rate, betas=(0.9, 0.98), weight_decay=1e-4)
    begin = saved = time.monotonic()
    step = kept = 0
    history: list[list[float]] = []
    while (passed := (time.monotonic() - begin) / 60 / options.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(options.rate, passed)
        mels, voices = draw(pairs, rng)
        losses = torch.stack(targets.losses(student(mels), voices, MARGIN))
        loss = TEACHER * losses[0] + SPEAKERS * losses[1] + PARTNERS * losses[2]
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()
        step += 1
        follow(average, student, step, AVERAGE)
        history.append(losses.tolist())
        if step % 10 == 0:
            print(f"{step} steps, {100 * passed:.0f} %, {np.round(np.mean(history[-50:], axis=0), 3)}", flush=True)
        if time.monotonic() - saved > SAVE_S:
            saved = time.monotonic()
            kept += 1
            keep(options.work / f"further-{kept}.npz", average)
    keep(options.work / "further-last.npz", average)


def keep(path: Path, student: Student) -> None:
    """Write weights for ``export`` and ``judge``."""
    weights: dict[str, Any] = student.weights()
    np.savez(path, **weights)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--rate", type=float, default=2.5e-4)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    train(options)


if __name__ == "__main__":
    main()
