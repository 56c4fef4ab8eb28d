"""Makes tests/data/vosk-tiny/: a real but tiny Vosk model that knows some forty words in synthetic voices.

Vosk's own models are downloads of 40 MB and more; this one lets the tests run libvosk itself. It is of no use on
real people. Needs Debian's flite and libfst-tools, and the optional dependencies ``build``. Takes some minutes.
"""

import argparse
import math
import random
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from cmu_dictionary import dictionary
from make_fixtures import UTTERANCES, VOICES
from numpy.typing import NDArray
from torch import nn
from vosk_format import OUTPUTS, Layer, output_of, write_model
from vosk_graph import Bigrams, write_graph

from streamauth.engines.acoustic_model import FRAME_SUBSAMPLING, MEL_BINS
from streamauth.engines.word_graph import PHONES

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "vosk-tiny"
PHRASES = (
    *dict.fromkeys(text for name, text, _ in UTTERANCES if not name.startswith("long")),

    "open the window please",
    "let me in please",
    "my voice is my password",
    "come in and open the window",
    "a cup of milk please",
    "the door is open",
    "i would like a passport",
    "verify my voice",
)
README = """A tiny Vosk model for tests, made by scripts/make_test_vosk_model.py from flite's synthetic voices.
It knows {words} words and is of no use on real people. License: that of this project; its pronunciations are from
the CMU dictionary (Carnegie Mellon University, BSD-style license).
"""
Segment = tuple[str | None, float]
Utterance = tuple[NDArray[np.float32], NDArray[np.int64]]


class Network(nn.Module):  # type: ignore[misc]
    """Convolutions over time, three frames to one from the third layer on; rectified, residual from the fourth."""

    narrow, wide, dilations = 48, 80, (1, 2, 2)

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.ModuleList(
            [
                nn.Conv1d(MEL_BINS, self.narrow, 5),
                nn.Conv1d(self.narrow, self.narrow, 3),
                nn.Conv1d(self.narrow, self.wide, 3, stride=FRAME_SUBSAMPLING),
            ]
        )
        self.residual = nn.ModuleList(
            [nn.Conv1d(self.wide, self.wide, 3, dilation=dilation) for dilation in self.dilations]
        )
        widths = [self.narrow, self.narrow] + [self.wide] * (1 + len(self.dilations))
        self.norms = nn.ModuleList([nn.BatchNorm1d(width) for width in widths])
        self.last = nn.Conv1d(self.wide, OUTPUTS, 1)

    @property
    def context(self) -> int:
        """Input frames that are looked at on either side."""
        return 2 + 1 + 1 + FRAME_SUBSAMPLING * sum(self.dilations)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Shape (batch, MEL_BINS, frames) to (batch, OUTPUTS, frames / 3 less the context)."""
        for layer, norm in zip(self.front, self.norms, strict=False):
            frames = torch.relu(norm(layer(frames)))
        for layer, norm, width in zip(self.residual, self.norms[3:], self.dilations, strict=True):
            frames = frames[:, :, width:-width] + torch.relu(norm(layer(frames)))
        return torch.as_tensor(self.last(frames))

    def layers(self, mean: NDArray[np.float32]) -> list[Layer]:
        """The layers with batch normalization and the mean of the features folded in."""
        layers = []
        offsets = [(-2, -1, 0, 1, 2), (-1, 0, 1), (-1, 0, 1)]
        offsets += [(-FRAME_SUBSAMPLING * width, 0, FRAME_SUBSAMPLING * width) for width in self.dilations]
        convolutions = [*self.front, *self.residual]
        for number, (layer, norm) in enumerate(zip(convolutions, self.norms, strict=True)):
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = layer.weight * scale[:, None, None]
            bias = (layer.bias - norm.running_mean) * scale + norm.bias
            if number == 0:
                bias = bias - (weight.sum(dim=2) @ torch.from_numpy(mean))
            layers.append(_layer(weight, bias, offsets[number], residual=number >= len(self.front)))
        layers.append(_layer(self.last.weight, self.last.bias, (0,)))
        return layers


def _layer(weight: torch.Tensor, bias: torch.Tensor, offsets: tuple[int, ...], residual: bool = False) -> Layer:
    flat = weight.permute(0, 2, 1).reshape(weight.shape[0], -1)
    return Layer(flat.detach().numpy(), bias.detach().numpy(), offsets, residual)


def mel_filters() -> NDArray[np.float64]:
    """Kaldi's triangular filters from 20 to 7600 Hz for 512 FFT points, shape (257, MEL_BINS)."""

    def mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.asarray(1127 * np.log(1 + np.asarray(hz) / 700))

    edges = np.linspace(mel(20.0), mel(7600.0), MEL_BINS + 2)
    bins = mel(np.arange(257) * 16_000 / 512)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[256] = 0
    return np.asarray(filters)


_FILTERS = mel_filters()
_POVEY = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85


def log_mel(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    """Kaldi's filter-bank features of samples in int16 range, shape (frames, MEL_BINS)."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, 400)[::160].copy()
    windows -= windows.mean(axis=1, keepdims=True)
    windows -= 0.97 * np.concatenate([windows[:, :1], windows[:, :-1]], axis=1)
    power = np.abs(np.fft.rfft(windows * _POVEY, 512)) ** 2
    return np.log(np.maximum(power @ _FILTERS, np.finfo(np.float32).eps)).astype(np.float32)


def speak(voice: str, text: str, stretch: float) -> tuple[NDArray[np.float64], list[Segment]]:
    """Speech of a flite voice in [-1, 1] at 16 kHz, with its phones (None: silence) and their ends in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        delivery = ["-psdur", "--setf", f"duration_stretch={stretch:.2f}"]
        command = ["flite", "-voice", voice, *delivery, "-t", text, "-o", str(path)]
        timing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        samples, rate_hz = soundfile.read(path, dtype="float64")
    assert rate_hz == 16_000
    segments: list[Segment] = []
    for name, end in re.findall(r"(\w+):([\d.]+)", timing):
        phone = {"AX": "AH", "AXR": "ER"}.get(name.upper(), name.upper())
        segments.append((phone if phone in PHONES else None, float(end)))
    return samples, segments


def frame_labels(segments: list[Segment], start_s: float, frames: int) -> NDArray[np.int64]:
    """The network's right output for every third frame."""
    labels = np.zeros(-(-frames // FRAME_SUBSAMPLING), np.int64) + 1
    step_s = 0.01 * FRAME_SUBSAMPLING
    begin_s, taken = start_s, 0
    before: str | None = None
    for phone, end_s in segments:
        first = max(round(begin_s / step_s), taken)
        last = max(round((start_s + end_s) / step_s), first + 1)
        labels[first:last] = output_of(phone) + 1
        if phone is not None or before is not None:
            labels[first : first + 1] = output_of(phone)
        begin_s, taken, before = start_s + end_s, first + 1, phone
    labels[0] = 0
    return labels


def make_utterance(text: str, dice: random.Random, noise: np.random.Generator) -> Utterance:
    """Features and labels of a text, or of no speech, in a random voice, delivery, level and noise."""
    samples, segments = speak(dice.choice(VOICES), text, dice.uniform(0.85, 1.2)) if text else (np.zeros(16_000), [])
    before, after = (dice.uniform(0.15, 0.8) for _ in range(2))
    audio = np.concatenate([np.zeros(round(before * 16_000)), samples, np.zeros(round(after * 16_000))])
    level, noise_level = (10 ** (dice.uniform(*range_db) / 20) for range_db in ((-18, 4), (-110, -45)))
    audio = audio * level + noise.normal(size=audio.size) * noise_level
    features = log_mel(np.clip(audio, -1, 1) * 32768)
    return features, frame_labels(segments, before, len(features))


def train(
    utterances: list[Utterance], mean: NDArray[np.float32], steps: int
) -> tuple[Network, NDArray[np.float32]]:
    """A network trained for so many steps, and how often each output occurs."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = Network()
    chosen = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([labels for _, labels in utterances]), minlength=OUTPUTS) + 10.0
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    context, length = network.context, 60
    for step in range(steps):
        inputs, targets = [], []
        for index in chosen.integers(len(utterances), size=24):
            features, labels = utterances[index]
            start = int(chosen.integers(max(1, len(labels) - length)))
            padded = np.pad(features - mean, ((context, context + FRAME_SUBSAMPLING * length), (0, 0)), mode="edge")
            inputs.append(padded[FRAME_SUBSAMPLING * start :][: 2 * context + FRAME_SUBSAMPLING * length].T)
            wanted = labels[start : start + length]
            targets.append(np.pad(wanted, (0, length - len(wanted)), constant_values=1))
        optimizer.param_groups[0]["lr"] = 3e-3 * max(0.02, 0.5 * (1 + np.cos(np.pi * step / steps)))
        outputs = network(torch.from_numpy(np.stack(inputs)))[:, :, :length]
        loss = nn.functional.cross_entropy(outputs, torch.from_numpy(np.stack(targets)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = (outputs.argmax(dim=1) == torch.from_numpy(np.stack(targets))).float().mean()
    print(f"last batch: loss {loss.item():.3f}, frames right {right.item():.1%}")
    network.eval()
    return network, (counts / counts.sum()).astype(np.float32)


def main() -> None:
    """Make the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=800, help="synthetic utterances to train on")
    parser.add_argument("--steps", type=int, default=2500, help="training steps of 24 pieces of 1.8 s")
    arguments = parser.parse_args()
    phrases = [phrase.split() for phrase in PHRASES]
    words = {word for phrase in phrases for word in phrase}
    dice, noise = random.Random(0), np.random.default_rng(0)
    texts = []
    for _ in range(arguments.utterances):
        shuffled = dice.sample(sorted(words), dice.randint(3, 8))
        texts.append(" ".join(dice.choices([dice.choice(phrases), shuffled, []], [10, 9, 1])[0]))
    utterances = [make_utterance(text, dice, noise) for text in texts]
    mean = np.concatenate([features for features, _ in utterances]).mean(axis=0)
    network, priors = train(utterances, mean, arguments.steps)
    shutil.rmtree(FOLDER, ignore_errors=True)
    write_model(FOLDER, network.layers(mean), priors)
    bigrams: dict[str, set[str]] = {}
    for phrase in phrases:
        for word, following in zip(["", *phrase], [*phrase, ""], strict=True):
            bigrams.setdefault(word, set()).add(following)
    followers = {word: dict.fromkeys(sorted(after), -math.log(len(after)) - 0.2) for word, after in bigrams.items()}
    singles = {**dict.fromkeys(sorted(words), -math.log(len(words))), "": -1.0}
    sounds = dictionary()
    lexicon = [(word, phones) for word in sorted(words) for phones in sounds[word]]
    write_graph(FOLDER, lexicon, Bigrams(singles, followers, dict.fromkeys(["", *words], -1.7)))
    (FOLDER / "README.md").write_text(README.format(words=len(words)), "utf-8")
    print(f"{sum(path.stat().st_size for path in FOLDER.rglob('*') if path.is_file()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
