"""Rooms, noises, lines and levels for a batch of stretches at once, in PyTorch, on whatever device they lie.

The same kinds and shares as ``ge2e.noise`` and ``pairs``, without the codecs, which run nowhere but on a processor.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from streamauth.core.ports import SAMPLE_RATE_HZ

CLEAN = 0.18
ROOM, NOISE, LINE, MICROPHONE, OVERDRIVEN, QUIET = 0.35, 0.72, 0.35, 0.2, 0.07, 0.05
"""How many of the others are put through each."""
MOST_TALKERS = 8
PARTIALS, NOTES = 8, 6
_MU = 255.0
_LINE_RMS = 10 ** (-26 / 20)
_RESPONSE_HZ = np.array([0, 100, 250, 500, 1000, 2000, 4000, 8000])
_TINY = 1e-9


class Sounds(NamedTuple):
    """What there is besides speech.

    Attributes:
        rooms: Impulse responses, shape (rooms, samples).
        noises: Recordings of noise, one after the other, shape (samples,).
    """

    rooms: Tensor
    noises: Tensor


class Chance:
    """Draws for the rows of a batch.

    Args:
        seed: Of the device's own generator.
        device: Where.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self._generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers between two."""
        return low + (high - low) * torch.rand(shape, generator=self._generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Gaussian numbers."""
        return torch.randn(shape, generator=self._generator, device=self.device)

    def below(self, bound: int, *shape: int) -> Tensor:
        """Whole numbers from 0."""
        return torch.randint(bound, shape, generator=self._generator, device=self.device)

    def happens(self, share: float, rows: int) -> Tensor:
        """Whether it happens to each row, shape (rows, 1)."""
        return self.uniform(0, 1, rows, 1) < share


def power(audio: Tensor) -> Tensor:
    """Mean square of each row, shape (rows, 1)."""
    return audio.square().mean(dim=1, keepdim=True)


def with_noise(speech: Tensor, noise: Tensor, snr_db: Tensor) -> Tensor:
    """Speech and noise at a ratio, shape (rows, 1), each."""
    gain = (power(speech) / (power(noise) + _TINY) / 10 ** (snr_db / 10)).sqrt()
    return speech + gain * noise


def in_rooms(speech: Tensor, responses: Tensor) -> Tensor:
    """Each row in a room of its own, as loud as before."""
    size = 1 << (speech.shape[1] + responses.shape[1] - 1).bit_length()
    heard = torch.fft.irfft(torch.fft.rfft(speech, size) * torch.fft.rfft(responses, size), size)[:, : speech.shape[1]]
    return heard * (power(speech) / (power(heard) + _TINY)).sqrt()


def coloured(rows: int, samples: int, chance: Chance) -> Tensor:
    """Gaussian noise whose power falls with frequency, each row by a slope of its own."""
    hertz = torch.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ, device=chance.device).clamp(min=20.0)
    slope = chance.uniform(-0.5, 2.2, rows, 1)
    return torch.fft.irfft(torch.fft.rfft(chance.normal(rows, samples)) * hertz ** (-slope / 2), samples)


def tones(rows: int, samples: int, chance: Chance) -> Tensor:
    """Hum, beeps and chords: a few partials that change some times."""
    root = 50 * 2 ** chance.uniform(0, 6, rows, 1, NOTES)
    order = 1 + chance.below(6, rows, PARTIALS, 1)
    held = torch.repeat_interleave(root * order, math.ceil(samples / NOTES), dim=2)[:, :, :samples]
    made = torch.zeros(rows, samples, device=chance.device)
    for partial in range(PARTIALS):
        phase = torch.cumsum(held[:, partial].double() / SAMPLE_RATE_HZ, dim=1) % 1
        loud = chance.uniform(0, 1, rows, 1) / order[:, partial]
        made = made + loud * torch.sin(2 * math.pi * phase.float())
    return made + 0.01 * chance.normal(rows, samples)


def babble(rows: int, others: Tensor, chance: Chance) -> Tensor:
    """Up to eight of the others at once, equally loud; others of shape (talkers, samples)."""
    equal = others / (power(others) + _TINY).sqrt()
    talkers = chance.below(len(others), rows, MOST_TALKERS)
    talk = torch.arange(MOST_TALKERS, device=chance.device) <= chance.below(MOST_TALKERS, rows, 1)
    who = torch.zeros(rows, len(others), device=chance.device).scatter_add(1, talkers, talk.float())
    return who @ equal


def recorded(rows: int, samples: int, noises: Tensor, chance: Chance) -> Tensor:
    """A stretch of recorded noise for each row."""
    start = chance.below(max(1, len(noises) - samples), rows, 1)
    return noises[(start + torch.arange(samples, device=chance.device)) % len(noises)]


def some_noise(rows: int, others: Tensor, sounds: Sounds, chance: Chance) -> Tensor:
    """Babble, shaped or recorded noise or tones, a third of them swelling."""
    samples = others.shape[1]
    kind = chance.uniform(0, 1, rows, 1)
    noise = torch.where(kind < 0.45, babble(rows, others, chance), coloured(rows, samples, chance))
    noise = torch.where(kind > 0.7, recorded(rows, samples, sounds.noises, chance), noise)
    noise = torch.where(kind > 0.93, tones(rows, samples, chance), noise)
    knots = chance.uniform(0.05, 1.5, rows, 1, 8)
    swell = nn.functional.interpolate(knots, size=samples, mode="linear", align_corners=True)[:, 0]
    return torch.where(chance.happens(0.3, rows), noise * swell, noise)


def filtered(speech: Tensor, line: Tensor, microphone: Tensor, chance: Chance) -> Tensor:
    """Rows through a line (a band of its own, a third of them that of a telephone) and through a microphone."""
    rows, samples = speech.shape
    hertz = torch.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ, device=chance.device)
    telephone = chance.happens(0.4, rows)
    low = torch.where(telephone, 300.0, chance.uniform(0, 500, rows, 1))
    high = torch.where(telephone, 3400.0, chance.uniform(2600, 7800, rows, 1))
    passed = ((hertz - low) / 100 + 0.5).clamp(0, 1) * ((high - hertz) / 100 + 0.5).clamp(0, 1)
    gain = torch.where(line, passed, torch.ones_like(passed))
    knots = np.log1p(_RESPONSE_HZ)
    every = np.log1p(hertz.cpu().numpy())
    shares = np.stack([np.interp(every, knots, row) for row in np.eye(len(knots))])
    response_db = chance.normal(rows, len(knots)) * 5 @ torch.from_numpy(shares).float().to(chance.device)
    gain = torch.where(microphone, gain * 10 ** (response_db / 20), gain)
    heard = torch.fft.irfft(torch.fft.rfft(speech) * gain, samples)
    return torch.where(line & (telephone | chance.happens(0.3, rows)), mu_law(heard), heard)


def mu_law(speech: Tensor) -> Tensor:
    """Eight bits a sample, as on a telephone line."""
    scale = _LINE_RMS / (power(speech).sqrt() + _TINY)
    sent = (speech * scale).clamp(-1, 1)
    steps = torch.round(127 * sent.sign() * torch.log1p(_MU * sent.abs()) / math.log1p(_MU)) / 127
    return steps.sign() * torch.expm1(steps.abs() * math.log1p(_MU)) / _MU / scale


def degraded(speech: Tensor, others: Tensor, sounds: Sounds, chance: Chance) -> Tensor:
    """Speech as it may come from anywhere; some of it as it is.

    Args:
        speech: Shape (rows, samples).
        others: Speech for babble, shape (talkers, samples).
        sounds: Rooms and noises.
        chance: Source of chance.
    """
    rows = len(speech)
    touched = ~chance.happens(CLEAN, rows)
    audio = speech
    responses = sounds.rooms[chance.below(len(sounds.rooms), rows)]
    audio = torch.where(touched & chance.happens(ROOM, rows), in_rooms(audio, responses), audio)
    noisy = with_noise(audio, some_noise(rows, others, sounds, chance), chance.uniform(-1, 25, rows, 1))
    audio = torch.where(touched & chance.happens(NOISE, rows), noisy, audio)
    limit = audio.abs().amax(dim=1, keepdim=True) * 10 ** (-chance.uniform(4, 18, rows, 1) / 20)
    audio = torch.where(touched & chance.happens(OVERDRIVEN, rows), audio.clamp(-limit, limit), audio)
    line, microphone = (touched & chance.happens(share, rows) for share in (LINE, MICROPHONE))
    audio = filtered(audio, line, microphone, chance)
    step = (power(audio).sqrt() + _TINY) / 10 ** chance.uniform(0.5, 1.5, rows, 1)
    return torch.where(touched & chance.happens(QUIET, rows), torch.round(audio / step) * step, audio)
