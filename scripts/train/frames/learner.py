"""What the frame-wise encoder learns, and one step of it, on whatever device: the part that needs PyTorch alone."""

import math
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scripts.train.frames.network import Frames, Network, bandwidths, begun
from scripts.train.frames.shape import LOUDEST_LOGIT
from scripts.train.frames.voice import Voice
from scripts.train.schedule import follow, learning_rate

Array = NDArray[np.float32]

AVERAGE = 0.998
MARGIN, SHARPNESS = 0.25, 28.0
TEACHER, SPEAKERS, PARTNERS = 6.0, 0.5, 0.7
"""Weights of the three losses."""
WITHOUT_LABELS = {"pico-intent", "precise", "keyword"}
BELIEVED = {"gsc": 0.5, "wuw2": 0.0, "digits": 0.0, "precise": 0.7, "pico-intent": 0.7}
"""How much the teacher is believed: less where lines are narrow and words are short; 1 for the others."""
REPORTED = 50
"""Steps between two lines of progress."""
_FAR = -1e4


class Batch(NamedTuple):
    """Stretches, first all first ones of the pairs, then all second ones.

    Attributes:
        mels: Powers, shape (2 * pairs, steps, 80).
        whole: 1 for the steps of the voice, shape (2 * pairs, steps).
        part: 1 for a part of them.
        voices: Shape (2 * pairs,).
    """

    mels: Tensor
    whole: Tensor
    part: Tensor
    voices: Tensor


class Targets(nn.Module):  # type: ignore[misc]
    """What is to come out. Speakers and partners of other data sets are no negatives: their channel would tell them.

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
        sources = sorted({voice.source for voice in voices})
        of_set: list[int] = []
        for numbers in people.values():
            wanted[numbers] = _unit(own[numbers].mean(axis=0))
            if voices[numbers[0]].source not in WITHOUT_LABELS:
                labels[numbers] = len(speakers)
                speakers.append(wanted[numbers[0]])
                of_set.append(sources.index(voices[numbers[0]].source))
        known = {
            "wanted": torch.from_numpy(wanted),
            "labels": torch.from_numpy(labels),
            "believed": torch.tensor([BELIEVED.get(voice.source, 1.0) for voice in voices]),
            "source": torch.tensor([sources.index(voice.source) for voice in voices]),
            "of_set": torch.tensor(of_set),
        }
        for name, value in known.items():
            self.register_buffer(name, value, persistent=False)
        self.speakers = nn.Parameter(torch.from_numpy(np.stack(speakers)))
        self.scale = nn.Parameter(torch.tensor(math.log(20.0)))

    def losses(self, found: Tensor, voices: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor]:
        """Losses of teacher, speakers and partners, for embeddings, shape (2 * pairs, DIM)."""
        believed = self.believed[voices]
        teacher = (believed * (1 - (found * self.wanted[voices]).sum(dim=1))).sum() / believed.sum().clamp(min=1)
        labels = self.labels[voices]
        known = labels >= 0
        cosines = found[known] @ nn.functional.normalize(self.speakers, dim=1).T
        right = labels[known][:, None]
        angle = torch.acos(cosines.gather(1, right).clamp(-0.999, 0.999))
        pushed = cosines.scatter(1, right, torch.cos((angle + margin).clamp(max=math.pi)))
        source = self.source[voices]
        pushed = (SHARPNESS * pushed).masked_fill(source[known][:, None] != self.of_set, _FAR)
        speakers = nn.functional.cross_entropy(pushed, right[:, 0])
        first, second = found.chunk(2)
        likeness = first @ second.T * self.scale.exp()
        own = torch.arange(len(first), device=found.device)
        person = torch.where(known, labels, -1 - voices)[: len(first)]
        no_negative = (person[:, None] == person) | (source[: len(first), None] != source[: len(first)])
        likeness = likeness.masked_fill(no_negative & (own[:, None] != own), _FAR)
        partners = (nn.functional.cross_entropy(likeness, own) + nn.functional.cross_entropy(likeness.T, own)) / 2
        return teacher, speakers, partners


def _unit(vectors: NDArray[np.floating]) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def frames_of(network: Network, mels: Tensor, bfloat16: bool) -> Frames:
    """Frames of streams that begin; the features in 32 bits, the layers in fewer where asked."""
    state = network.begin(len(mels))
    seen, age, _ = network.views(mels, state.sums)
    with torch.autocast(mels.device.type, torch.bfloat16, enabled=bfloat16):
        hidden, _ = network.lstm(seen)
    hidden = hidden.float()
    logits = network.attention(torch.cat((hidden, age.expand(len(mels), -1, -1)), dim=2))
    return Frames(hidden, torch.exp(LOUDEST_LOGIT * torch.tanh(logits / LOUDEST_LOGIT)))


class Learner:
    """The network, a running average of its weights, and the optimizer.

    Args:
        voices: All of them.
        given: LSTM and projection of the window encoder, by PyTorch's names, and its ``centre`` and ``whitening``.
        device: Where.
        rate: The highest learning rate.
        bfloat16: Run the LSTM layers in it.
    """

    def __init__(
        self, voices: list[Voice], given: dict[str, Array], device: torch.device, rate: float, bfloat16: bool = False
    ) -> None:
        network = {name: value for name, value in given.items() if name not in ("centre", "whitening")}
        self.network, self.average = (
            begun(bandwidths(), network, given["centre"], given["whitening"]).to(device) for _ in range(2)
        )
        self.targets = Targets(voices, given["centre"], given["whitening"]).to(device)
        self._parameters = [*self.network.parameters(), *self.targets.parameters()]
        self._optimizer = torch.optim.AdamW(self._parameters, lr=rate, betas=(0.9, 0.98), weight_decay=1e-3)
        self._rate, self._bfloat16, self._device = rate, bfloat16, device
        self._history: list[Tensor] = []
        self._begin = time.monotonic()
        self.steps = 0

    def start(self, *checkpoints: Path) -> None:
        """Go on from what ``save`` wrote, all in one file or in several."""
        kept: dict[str, dict[str, Tensor]] = {}
        for checkpoint in checkpoints:
            kept |= torch.load(checkpoint, map_location=self._device, weights_only=True)
        self.network.load_state_dict(kept["net"])
        self.average.load_state_dict(kept["ema"])
        self.targets.load_state_dict(kept["targets"])

    def step(self, batch: Batch, passed: float) -> None:
        """Learn from a batch, so far (0 to 1) through the training."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._rate, passed)
        grown = min(1.0, 2 * passed)
        frames = frames_of(self.network, batch.mels, self._bfloat16)
        whole, part = (
            torch.stack(self.targets.losses(self.network.embed(frames, inside), batch.voices, grown * MARGIN))
            for inside in (batch.whole, batch.part)
        )
        losses = (whole + part) / 2
        loss = TEACHER * losses[0] + (0.1 + 0.9 * grown) * SPEAKERS * losses[1] + PARTNERS * losses[2]
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, 2.0)
        self._optimizer.step()
        self.steps += 1
        follow(self.average, self.network, self.steps, AVERAGE)
        self._history.append(losses.detach())
        if self.steps % REPORTED == 0:
            mean = torch.stack(self._history[-REPORTED:]).mean(dim=0).cpu().numpy()
            seconds = time.monotonic() - self._begin
            print(f"{self.steps} steps, {seconds:.0f} s, {100 * passed:.0f} %, losses {np.round(mean, 3)}", flush=True)

    def save(self, path: Path, parts: tuple[str, ...] = ("net", "ema", "targets")) -> None:
        """Write a checkpoint, or parts of it, whole or not at all: ``export`` needs the average, "ema", alone."""
        modules = {"net": self.network, "ema": self.average, "targets": self.targets}
        new = path.with_suffix(".new")
        torch.save({name: modules[name].state_dict() for name in parts}, new)
        new.replace(path)
