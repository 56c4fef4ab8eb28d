"""Trains a noise-robust student of the speaker encoder GE2E on ../shared/audio.

    python -m scripts.train.ge2e.train WORK [--minutes M] [--rate R] [--synthetic FOLDER]    write WORK/student.npz
    python -m scripts.train.ge2e.export --student WORK/student.npz                          write models/ge2e-noise.onnx

The student starts from its teacher's weights. It hears a degraded window (``encoder_noise``) and is to give what the
teacher gives for the clean one, half of it for the window itself and half for the whole recording, so that short
windows learn what longer ones know; see ``encoder_network.objective``. It needs no labels. A running average of the
weights is kept beside the weights; the better of both on held-out speakers is written. One thread, bfloat16.
"""

import argparse
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.train.ge2e.network import Array, Network, objective, window_features
from scripts.train.ge2e.noise import degraded
from scripts.train.ge2e.onnx_layers import teacher_weights, weights_of
from scripts.train.ge2e.speech import STEP, WINDOW, Recording, recordings
from scripts.train.schedule import follow, learning_rate
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.encoder.load import load_encoder
from streamauth.evaluation.conditions import EVALUATED, degrade
from streamauth.evaluation.metrics import eer, frr_at_far

SEED = 4
BATCH = 64
SHARES = {"libri": 0.2, "pseudo": 0.2, "made": 0.4, "keyword": 0.1, "synthetic": 0.1}
SHORTER_S, SHORTER_SHARE = (0.8, 1.0, 1.2, 1.4), 0.4
LEAD = 4_800
"""Samples before a window that are degraded with it, so that a room is already filled where it begins."""
JITTER = 1_600
SYNTHETIC = 600
OWN_TARGET = 0.5
AVERAGE = 0.998
CHECK_S = 300


class Batches:
    """Degraded windows and what the teacher says of the clean ones."""

    def __init__(self, heard: list[Recording], rng: np.random.Generator) -> None:
        self._rng = rng
        self._by_source = {name: [r for r in heard if r.source == name] for name in SHARES}
        self._others = [r.audio.astype(np.float32) for r in heard if r.source in ("libri", "pseudo")]
        shares = np.array([share if self._by_source[name] else 0 for name, share in SHARES.items()])
        self._shares = shares / shares.sum()

    def draw(self) -> tuple[Tensor, Tensor]:
        """Mels, shape (BATCH, frames, 40), and targets, shape (BATCH, dim)."""
        rng = self._rng
        short = rng.random() < SHORTER_SHARE
        size = int(rng.choice(SHORTER_S) * SAMPLE_RATE_HZ) if short else WINDOW
        windows, targets = np.empty((BATCH, size), np.float32), []
        for row in range(BATCH):
            pool = self._by_source[list(SHARES)[rng.choice(len(SHARES), p=self._shares)]]
            recording = pool[rng.integers(len(pool))]
            number = int(rng.integers(len(recording.targets)))
            start = number * STEP + int(rng.integers(WINDOW - size + 1)) + int(rng.integers(-JITTER, JITTER + 1))
            start = min(max(start, 0), recording.audio.size - size)
            lead = min(start, LEAD)
            audio = recording.audio[start - lead : start + size].astype(np.float32)
            window = degraded(audio, self._others, rng)[lead:]
            # a pause that a coarse quantization silenced
            windows[row] = window if np.square(window).mean() > 1e-10 else audio[lead:]
            targets.append(OWN_TARGET * recording.targets[number] + (1 - OWN_TARGET) * recording.centre)
        wanted = torch.nn.functional.normalize(torch.from_numpy(np.stack(targets)), dim=1)
        return window_features(torch.from_numpy(windows)), wanted


class HeldOut:
    """Windows of speakers that the student does not learn from, under every evaluated condition."""

    def __init__(self, pool: list[Recording], rng: np.random.Generator) -> None:
        people = [r for r in pool if r.held_out and len(r.targets) >= 6]
        others: list[Samples] = [r.audio.astype(np.float32) for r in pool if not r.held_out and r.source == "libri"]
        enrolled, tested, self._who, self._enrolled_who, self._condition = [], [], [], [], []
        self._speaker = np.array([person.speaker for person in people])
        for who, person in enumerate(people):
            cut = [person.audio[n * STEP :][:WINDOW].astype(np.float32) for n in range(0, len(person.targets), 2)]
            half = len(cut) // 2
            enrolled += cut[:half]
            self._enrolled_who += [who] * half
            for window in cut[half : half + 2]:
                for condition in EVALUATED:
                    tested.append(degrade(condition, window, rng, others))
                    self._who.append(who)
                    self._condition.append(condition)
        self._mels = window_features(torch.from_numpy(np.stack(enrolled + tested)))

    def measure(self, network: Network) -> tuple[float, str]:
        """What to choose by (mean of EER and FRR at FAR 1 %, pooled), and a line to read."""
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            embedded = torch.cat([network(part) for part in self._mels.split(BATCH)]).numpy()
        enrolled, tested = np.split(embedded, [len(self._enrolled_who)])
        people = np.array(sorted(set(self._enrolled_who)))
        prints = np.stack([enrolled[np.array(self._enrolled_who) == who].sum(axis=0) for who in people])
        scores = tested @ (prints / np.linalg.norm(prints, axis=1, keepdims=True)).T
        same = np.array(self._who)[:, None] == people
        # the same person at another speed is no fair trial
        other = self._speaker[self._who][:, None] != self._speaker[people]

        def rates(rows: NDArray[np.bool_]) -> tuple[float, float]:
            targets, nontargets = scores[rows][same[rows]], scores[rows][other[rows]]
            return 100 * eer(targets, nontargets), 100 * frr_at_far(targets, nontargets, 0.01)

        pooled = rates(np.ones(len(tested), bool))
        each = [f"{name} {rates(np.array(self._condition) == name)[0]:.1f}" for name in EVALUATED]
        return sum(pooled) / 2, f"EER {pooled[0]:.2f} FRR {pooled[1]:.1f} | {' '.join(each)}"


def train(network: Network, pool: list[Recording], held_out: HeldOut, options: argparse.Namespace) -> dict[str, Array]:
    """Train for so many minutes; the weights that are best on the held-out speakers."""
    heard = [r for r in pool if not r.held_out]
    batches = Batches(heard, np.random.default_rng(options.seed))
    bank = torch.from_numpy(np.stack([r.centre for r in heard if r.source != "keyword"]))
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.rate, betas=(0.9, 0.98), weight_decay=1e-3)
    average = Network(network.weights(), network.logarithms)
    best, found = held_out.measure(network)[0], network.weights()
    print(f"start: {held_out.measure(network)[1]}", flush=True)
    begin = checked = time.monotonic()
    step, losses = 0, []
    while (passed := (time.monotonic() - begin) / 60 / options.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(options.rate, passed)
        mels, wanted = batches.draw()
        with torch.autocast("cpu", torch.bfloat16):
            embeddings = network(mels)
        loss = objective(embeddings, wanted, bank, options.matrix, options.bank)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        losses.append(float(loss.detach()))
        follow(average, network, step, AVERAGE)
        if time.monotonic() - checked > CHECK_S:
            checked = time.monotonic()
            print(f"{step} steps, {100 * passed:.0f} %, loss {np.mean(losses[-200:]):.4f}", flush=True)
            for name, candidate in (("now", network), ("average", average)):
                mark, line = held_out.measure(candidate)
                print(f"  {name:8s} {line}", flush=True)
                if mark < best:
                    best, found = mark, candidate.weights()
                    keep(found, options)
    for name, candidate in (("last", network), ("average", average)):
        mark, line = held_out.measure(candidate)
        print(f"{step} steps, loss {np.mean(losses[-200:]):.4f}; {name}: {line}", flush=True)
        if mark < best:
            best, found = mark, candidate.weights()
    return found


def keep(weights: dict[str, Any], options: argparse.Namespace) -> None:
    """Write weights for export_encoder.py."""
    np.savez(options.work / f"{options.name}.npz", **weights)


def main() -> None:
    """Collect the speech where that was not done yet, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--matrix", type=float, default=4.0, help="weight of the similarity matrix")
    parser.add_argument("--bank", type=float, default=0.2, help="weight of the choice among the bank")
    parser.add_argument("--no-logarithms", action="store_true")
    parser.add_argument("--synthetic", type=Path, help="folder of WAV files of synthetic voices")
    parser.add_argument("--start", type=Path, metavar="FILE", help="an earlier run or an exported model to begin with")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--name", default="student")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)
    kept = options.work / "recordings.pickle"
    if not kept.exists():
        teacher = load_encoder("ge2e")
        kept.write_bytes(pickle.dumps(list(recordings(teacher.embed, options.synthetic, SYNTHETIC, options.seed))))
    pool: list[Recording] = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    print({name: sum(r.source == name and not r.held_out for r in pool) for name in SHARES}, "recordings", flush=True)
    network = Network(teacher_weights(), logarithms=not options.no_logarithms)
    if options.start:
        begun = weights_of(options.start) if options.start.suffix == ".onnx" else dict(np.load(options.start))
        network = Network(begun, logarithms=not options.no_logarithms)
    weights = train(network, pool, HeldOut(pool, np.random.default_rng(options.seed)), options)
    keep(weights, options)


if __name__ == "__main__":
    main()
