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
import math
import pickle
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from scripts.train.frames.network import Frames, Network, bandwidths, begun
from scripts.train.frames.pairs import LOG_FLOOR, open_ring
from scripts.train.frames.shape import BANDS, LOUDEST_LOGIT, PAIR
from scripts.train.frames.speech import Voice
from scripts.train.ge2e.onnx_layers import weights_of
from streamauth.catalog.registry import models_folder

Array = NDArray[np.float32]

SEED = 3
PAIRS = 48
STEPS = (80, 180)
"""Least and most steps of 20 ms in a batch."""
SHORT = (40, 90)
"""Likewise of the part that is also judged."""
AVERAGE = 0.998
WARM = 0.04
MARGIN, SHARPNESS = 0.25, 28.0
TEACHER, SPEAKERS, PARTNERS = 6.0, 0.5, 0.7
"""Weights of the three losses."""
WITHOUT_LABELS = {"pico-intent", "precise", "keyword"}
BELIEVED = {"gsc": 0.5, "wuw2": 0.2, "digits": 0.2, "precise": 0.7, "pico-intent": 0.7}
"""How much the teacher is believed: less where lines are narrow and words are short; 1 for the others."""
SAVE_S = 120.0


class Batch(NamedTuple):
    """Stretches, first all first ones of the pairs, then all second ones.

    Attributes:
        mels: Powers, shape (2 * PAIRS, steps, 80).
        whole: 1 for the steps of the voice, shape (2 * PAIRS, steps).
        part: 1 for a part of them.
        voices: Shape (2 * PAIRS,).
    """

    mels: Tensor
    whole: Tensor
    part: Tensor
    voices: Tensor


class Targets(nn.Module):  # type: ignore[misc]
    """What is to come out.

    Args:
        voices: All of them.
        centre: What the encoder takes off the teacher's embedding, shape (256,).
        whitening: What it multiplies the rest with, shape (256, 256).
    """

    def __init__(self, voices: list[Voice], centre: Array, whitening: Array) -> None:
        super().__init__()
        own = _unit((np.stack([voice.target for voice in voices]) - centre) @ whitening)
        people: dict[tuple[str, float], list[int]] = defaultdict(list)
        for number, voice in enumerate(voices):
            people[voice.person, voice.speed].append(number)
        wanted, labels = np.zeros_like(own), np.full(len(voices), -1)
        speakers: list[Array] = []
        for numbers in people.values():
            wanted[numbers] = _unit(own[numbers].mean(axis=0))
            if voices[numbers[0]].source not in WITHOUT_LABELS:
                labels[numbers] = len(speakers)
                speakers.append(wanted[numbers[0]])
        self.wanted = torch.from_numpy(wanted)
        self.labels = torch.from_numpy(labels)
        self.believed = torch.tensor([BELIEVED.get(voice.source, 1.0) for voice in voices])
        self.speakers = nn.Parameter(torch.from_numpy(np.stack(speakers)))
        self.scale = nn.Parameter(torch.tensor(math.log(20.0)))

    def losses(self, found: Tensor, voices: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor]:
        """Of teacher, speakers and partners, for embeddings, shape (2 * PAIRS, DIM)."""
        believed = self.believed[voices]
        teacher = (believed * (1 - (found * self.wanted[voices]).sum(dim=1))).sum() / believed.sum()
        labels = self.labels[voices]
        known = labels >= 0
        cosines = found[known] @ nn.functional.normalize(self.speakers, dim=1).T
        right = labels[known][:, None]
        angle = torch.acos(cosines.gather(1, right).clamp(-0.999, 0.999))
        pushed = cosines.scatter(1, right, torch.cos((angle + margin).clamp(max=math.pi)))
        speakers = nn.functional.cross_entropy(SHARPNESS * pushed, right[:, 0])
        first, second = found.chunk(2)
        likeness = first @ second.T * self.scale.exp()
        person = torch.where(known, labels, -1 - voices)[: len(first)]
        twice = (person[:, None] == person) & ~torch.eye(len(first), dtype=torch.bool)
        likeness = likeness.masked_fill(twice, -1e4)
        own = torch.arange(len(first))
        partners = (nn.functional.cross_entropy(likeness, own) + nn.functional.cross_entropy(likeness.T, own)) / 2
        return teacher, speakers, partners


def _unit(vectors: NDArray[np.floating]) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


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
    begins = np.minimum(rows[slots][:, 2:].T.ravel(), steps - SHORT[0])
    whole, part = np.zeros((2, 2 * PAIRS, steps), np.float32)
    for row, begin in enumerate(begins):
        whole[row, begin:] = 1
        room = steps - int(begin)
        size = int(rng.integers(SHORT[0], min(SHORT[1], room) + 1))
        start = int(begin) + (0 if rng.random() < 0.5 else int(rng.integers(room - size + 1)))
        part[row, start : start + size] = 1
    voices = torch.from_numpy(rows[slots][:, :2].T.ravel().astype(np.int64))
    return Batch(powers, torch.from_numpy(whole), torch.from_numpy(part), voices)


def frames_of(network: Network, mels: Tensor) -> Frames:
    """Frames of streams that begin; the features in 32 bits, the layers in bfloat16."""
    state = network.begin(len(mels))
    seen, age, _ = network.views(mels, state.sums)
    with torch.autocast("cpu", torch.bfloat16):
        hidden, _ = network.lstm(seen)
    hidden = hidden.float()
    logits = network.attention(torch.cat((hidden, age.expand(len(mels), -1, -1)), dim=2))
    return Frames(hidden, torch.exp(LOUDEST_LOGIT * torch.tanh(logits / LOUDEST_LOGIT)))


def first_network() -> tuple[Network, Array, Array]:
    """The network as it begins, and centre and whitening of the encoder that it comes from."""
    path = models_folder() / "ge2e-noise.onnx"
    kept = {one.name.removesuffix("_half"): numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    centre, whitening = (kept[name].astype(np.float32) for name in ("centre", "whitening"))
    return begun(bandwidths(), weights_of(path), centre, whitening), centre, whitening


def train(work: Path, minutes: float, rate: float, start: Path | None) -> None:
    """Train for so many minutes, and keep what comes out."""
    rng = np.random.default_rng(SEED)
    voices: list[Voice] = pickle.loads((work / "voices.pickle").read_bytes())  # noqa: S301 - our own
    network, centre, whitening = first_network()
    average, _, _ = first_network()
    targets = Targets(voices, centre, whitening)
    if start is not None:
        kept = torch.load(start, map_location="cpu", weights_only=True)
        network.load_state_dict(kept["net"])
        average.load_state_dict(kept["ema"])
        targets.load_state_dict(kept["targets"])
    parameters = [*network.parameters(), *targets.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=1e-3)
    begin = saved = time.monotonic()
    step = 0
    history: list[tuple[float, ...]] = []
    while (passed := (time.monotonic() - begin) / 60 / minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, passed / WARM + 0.01) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * passed)))
        grown = min(1.0, 2 * passed)
        batch = draw(work, rng)
        frames = frames_of(network, batch.mels)
        whole, part = (
            torch.stack(targets.losses(network.embed(frames, inside), batch.voices, grown * MARGIN))
            for inside in (batch.whole, batch.part)
        )
        losses = (whole + part) / 2
        loss = TEACHER * losses[0] + (0.1 + 0.9 * grown) * SPEAKERS * losses[1] + PARTNERS * losses[2]
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            decay = min(AVERAGE, (1 + step) / (10 + step))
            for mean, value in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)
        history.append(tuple(losses.tolist()))
        if step % 50 == 0:
            print(
                f"{step} steps, {100 * passed:.0f} %, losses {np.round(np.mean(history[-50:], axis=0), 3)}", flush=True
            )
        if time.monotonic() - saved > SAVE_S:
            saved = time.monotonic()
            _save(work, network, average, targets)
    _save(work, network, average, targets)


def _save(work: Path, network: Network, average: Network, targets: Targets) -> None:
    kept = {"net": network.state_dict(), "ema": average.state_dict(), "targets": targets.state_dict()}
    torch.save(kept, work / "frames.new")
    (work / "frames.new").replace(work / "frames.pt")


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=300.0)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, metavar="CHECKPOINT")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    train(options.work, options.minutes, options.rate, options.start)


if __name__ == "__main__":
    main()
