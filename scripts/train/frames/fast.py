"""Trains the frame-wise encoder on a GPU: speech lies on the device, and is degraded there, batch by batch.

    python -m scripts.train.frames.pack WORK PACK                            before, where the audio is
    python -m scripts.train.frames.fast PACK OUT [--minutes M] [--pairs N]   write OUT/frames-1.pt to 4, 7 MB each
    python -m scripts.train.frames.export OUT/frames-4.pt models/NAME.onnx   where ONNX Runtime is

Needs PyTorch, NumPy and soundfile, and of this repository only what needs no more than these. The losses are those of
``train``; what is heard is that of ``pairs``, drawn anew for each batch. With ``--device cpu`` it runs everywhere.
"""

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.train.frames.degrade import Chance, Sounds, degraded, power, recorded, tones
from scripts.train.frames.learner import Batch, Learner
from scripts.train.frames.shape import BANDS, PAIR
from scripts.train.frames.voice import Voice
from streamauth.engines.encoder.ge2e import FRAME_SAMPLES, HOP_SAMPLES, mel_filters

SEED = 9
STEPS = 180
SHORT = (40, 90)
"""Least and most steps of 20 ms of the part that is also judged."""
CHECKPOINTS = 4
LAST, REST = f"frames-{CHECKPOINTS}.pt", "rest.pt"
SHARES = {
    "libri": 0.40, "gsc": 0.25, "wuw2": 0.14, "alphanum": 0.06, "dsp20": 0.03, "pico-intent": 0.03, "keyword": 0.04,
    "precise": 0.03, "kathleen": 0.01, "digits": 0.01,
}  # fmt: skip
SEVERAL_CALLS = 0.6
"""Of the calls, how many are of people who called several times."""
INTRUDED, SOUNDED = 0.22, 0.1
"""How many begin with somebody else, and how many hold a sound for a while."""
BABBLERS = 128
_INT16 = 32767
_SAMPLES = STEPS * PAIR * HOP_SAMPLES + FRAME_SAMPLES - HOP_SAMPLES


class Pack:
    """What ``pack`` wrote, on a device.

    Args:
        folder: Where.
        device: Where to.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        with np.load(folder / "voices.npz") as stored:
            kept = dict(stored)
        self.voices = [
            Voice(str(person), str(source), str(session), float(speed), (0, 0), (0, 0), target.astype(np.float32))
            for person, source, session, speed, target in zip(
                *(kept[name] for name in ("person", "source", "session", "speed", "target")), strict=True
            )
        ]
        self.begin, self.length, self.speed = (
            torch.from_numpy(kept[name]).to(device) for name in ("begin", "length", "speed")
        )
        with np.load(folder / "weights.npz") as stored:
            self.weights = {name: stored[name].astype(np.float32) for name in stored.files}

        def decoded(path: Path) -> NDArray[np.int16]:
            return np.asarray(soundfile.read(path, dtype="int16")[0])

        with ThreadPoolExecutor() as workers:
            blocks = list(workers.map(decoded, sorted(folder.glob("speech-*.ogg"))))
        whole = [np.resize(block, n) for block, n in zip(blocks, kept["block_samples"], strict=True)]
        self.speech = torch.from_numpy(np.concatenate(whole)).to(device)
        noises = torch.from_numpy(decoded(folder / "noise.ogg")).to(device).float() / _INT16
        self.sounds = Sounds(torch.from_numpy(kept["rooms"]).to(device).float(), noises)


class Draws:
    """Draws batches of pairs.

    Args:
        pack: The speech.
        pairs: In a batch.
        device: Where.
        seed: Of all chance.
    """

    def __init__(self, pack: Pack, pairs: int, device: torch.device, seed: int) -> None:
        self._pack, self._pairs, self._device = pack, pairs, device
        self._rng, self._chance = np.random.default_rng(seed), Chance(seed, device)
        people: dict[str, dict[tuple[str, float], list[int]]] = {}
        for number, voice in enumerate(pack.voices):
            people.setdefault(voice.source, {}).setdefault((voice.person, voice.speed), []).append(number)
        self._people = {source: list(found.values()) for source, found in people.items()}
        self._callers = [numbers for numbers in self._people.get("wuw2", []) if len(numbers) > 1]
        shares = np.array([SHARES[source] for source in self._people])
        self._shares = shares / shares.sum()
        babblers = [n for n, voice in enumerate(pack.voices) if voice.source in ("libri", "gsc", "alphanum")]
        self._babblers = torch.tensor(babblers, device=device)
        filters = torch.from_numpy(mel_filters().T.copy())
        self._filters = filters.to(device)
        self._hann = torch.from_numpy(np.hanning(FRAME_SAMPLES + 1)[:-1].astype(np.float32)).to(device)

    def _chosen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Two voices of each pair, shape (2, pairs), and which half of them: 0 the first, 1 the second, 2 either."""
        rng = self._rng
        voices, halves = np.empty((2, self._pairs), np.int64), np.empty((2, self._pairs), np.int64)
        sources = rng.choice(len(self._shares), self._pairs, p=self._shares)
        pools = list(self._people.items())
        for pair, source in enumerate(sources):
            name, pool = pools[source]
            if name == "wuw2" and self._callers and rng.random() < SEVERAL_CALLS:
                pool = self._callers
            numbers = pool[rng.integers(len(pool))]
            if len(numbers) > 1:
                first = int(rng.integers(len(numbers)))
                second = (first + 1 + int(rng.integers(len(numbers) - 1))) % len(numbers)
                voices[:, pair], halves[:, pair] = (numbers[first], numbers[second]), 2
            else:
                voices[:, pair], halves[:, pair] = numbers[0], (0, 1)
        return voices, halves

    def _cut(self, voices: Tensor, halves: Tensor) -> Tensor:
        """A stretch of each voice at its speed, repeated where it is short, shape (rows, samples)."""
        rows = len(voices)
        begin, length, speed = (
            values[voices][:, None] for values in (self._pack.begin, self._pack.length, self._pack.speed)
        )
        needed = _SAMPLES * speed
        half = halves[:, None]
        split = (half < 2) & (length > 1.5 * needed)
        begin = torch.where(split & (half == 1), begin + length // 2, begin)
        length = torch.where(split, length // 2, length)
        start = torch.floor(self._chance.uniform(0, 1, rows, 1) * (length - needed).clamp(min=0)).double()
        at = (start + torch.arange(_SAMPLES, device=self._device) * speed) % (length - 1)
        low = at.long()
        share = (at - low).float()
        low = low + begin
        return ((1 - share) * self._pack.speech[low] + share * self._pack.speech[low + 1]) / _INT16

    def draw(self) -> Batch:
        """A batch."""
        chance, rng = self._chance, self._rng
        chosen, halves = (torch.from_numpy(found.ravel()).to(self._device) for found in self._chosen())
        rows = len(chosen)
        speech = self._cut(chosen, halves)
        babblers = self._babblers[chance.below(len(self._babblers), min(rows, BABBLERS))]
        others = self._cut(babblers, torch.full_like(babblers, 2))
        time_ = torch.arange(_SAMPLES, device=self._device)

        # somebody or something else first
        begins = torch.where(chance.happens(INTRUDED, rows), chance.uniform(0.3, 1.3, rows, 1) * 50, 0.0).long()
        loud = chance.uniform(-8, 8, rows, 1)
        before = others[chance.below(len(others), rows)]
        sound = recorded(rows, _SAMPLES, self._pack.sounds.noises, chance)
        before = torch.where(chance.happens(0.25, rows), sound, before)
        before = before * (power(speech) / (power(before) + 1e-9) * 10 ** (loud / 10)).sqrt()
        row = torch.where(time_ < begins * PAIR * HOP_SAMPLES, before, speech)

        # a sound instead of speech for a while
        sounded = chance.happens(SOUNDED, rows)
        sound = torch.where(chance.happens(0.6, rows), tones(rows, _SAMPLES, chance), sound)
        sound = sound * (power(speech) / (power(sound) + 1e-9)).sqrt()
        start = chance.uniform(0, 1, rows, 1) * _SAMPLES * 0.7
        inside = (time_ > start) & (time_ < start + chance.uniform(0.2, 0.8, rows, 1) * 16_000)
        row = torch.where(sounded & inside, sound, row)

        row = degraded(row, others, self._pack.sounds, chance)
        row = row * 10 ** (chance.uniform(-38, -14, rows, 1) / 20) / (power(row).sqrt() + 1e-9)
        steps = int(rng.integers(80, STEPS + 1))
        return Batch(self._mels(row, steps), *self._parts(begins, steps), chosen)

    def _mels(self, rows: Tensor, steps: int) -> Tensor:
        """Mel powers, shape (rows, steps, PAIR * BANDS), as ``ge2e.frame_spectra``."""
        frames = rows.unfold(1, FRAME_SAMPLES, HOP_SAMPLES)[:, : steps * PAIR]
        spectra = torch.fft.rfft(frames * self._hann)
        return ((spectra.real.square() + spectra.imag.square()) @ self._filters).reshape(len(rows), steps, PAIR * BANDS)

    def _parts(self, begins: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """1 for the steps of each voice, and 1 for a part of them; both shape (rows, steps)."""
        chance, rows = self._chance, len(begins)
        begins = begins.clamp(max=steps - SHORT[0])
        step = torch.arange(steps, device=self._device)
        room = steps - begins
        size = (SHORT[0] + chance.uniform(0, 1, rows, 1) * (room.clamp(max=SHORT[1]) - SHORT[0])).long()
        start = (
            begins + torch.where(chance.happens(0.5, rows), 0.0, chance.uniform(0, 1, rows, 1) * (room - size)).long()
        )
        return (step >= begins).float(), ((step >= start) & (step < start + size)).float()


def shares(minutes: float) -> Iterator[float]:
    """How much of the time is over, until it is."""
    begin = time.monotonic()
    while (passed := (time.monotonic() - begin) / 60 / minutes) < 1:
        yield passed


def main() -> None:
    """Train for so many minutes; keep a checkpoint after each part of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--pairs", type=int, default=384)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--start", type=Path, metavar="OUT", help="go on from the end of an earlier run")
    parser.add_argument("--bfloat16", action="store_true", help="LSTM layers in it; else TF32 where there is that")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_float32_matmul_precision("high")
    begin = time.monotonic()
    device = torch.device(options.device)
    pack = Pack(options.pack, device)
    draws = Draws(pack, options.pairs, device, SEED)
    learner = Learner(pack.voices, pack.weights, device, options.rate, options.bfloat16)
    if options.start:
        learner.start(options.start / LAST, options.start / REST)
    print(f"{len(pack.voices)} voices on {device} after {time.monotonic() - begin:.0f} s", flush=True)
    kept: list[Any] = []
    for passed in shares(options.minutes):
        learner.step(draws.draw(), passed)
        if passed * CHECKPOINTS > len(kept) + 1:
            kept.append(options.out / f"frames-{len(kept) + 1}.pt")
            learner.save(kept[-1], ("ema",))
    learner.save(options.out / LAST, ("ema",))
    learner.save(options.out / REST, ("net", "targets"))
    print(f"{learner.steps} steps of {options.pairs} pairs", flush=True)


if __name__ == "__main__":
    main()
