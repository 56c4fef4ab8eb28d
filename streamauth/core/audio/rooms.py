"""Impulse responses of rooms that do not exist: Allen and Berkley's image sources, then Polack's decaying noise.

The walls of a shoebox mirror the source (Allen and Berkley, *Image method for efficiently simulating small-room
acoustics*, 1979); these reflections are added one by one for the first 30 ms. Later they are too dense to tell apart,
and Gaussian noise with the decay and the mean power of the same room stands for them (Polack, 1988). That is a
hundred times cheaper than image sources to the end, needs no library, and is the same on every machine.
"""

from __future__ import annotations  # numpy.random is imported when something is drawn, not when its name stands here

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

_SOUND_M_PER_S = 343.0
_EARLY_S = 0.03
# 60 dB in nepers of power
_DECAY = 6 * np.log(10)


def random_room(rng: np.random.Generator) -> Samples:
    """The response of an office- to hall-sized room at a random place, 0.3 to 3 m from the mouth.

    Returns:
        Shape (samples,), float32 at 16 kHz; sample 0 is the direct sound, so that nothing is delayed.
    """
    size = rng.uniform((3.0, 2.5, 2.3), (10.0, 8.0, 4.0))
    source = rng.uniform(0.1, 0.9, 3) * size
    direction = rng.standard_normal(3)
    distance_m = rng.uniform(0.3, 3.0)
    microphone = np.clip(source + distance_m * direction / np.linalg.norm(direction), 0.05 * size, 0.95 * size)
    return room_response(size, source, microphone, float(rng.uniform(0.2, 0.8)), rng)


def room_response(
    size: NDArray[np.floating],
    source: NDArray[np.floating],
    microphone: NDArray[np.floating],
    reverberation_s: float,
    rng: np.random.Generator,
) -> Samples:
    """The response of a shoebox room.

    Args:
        size: Width, depth and height in m.
        source: Where the mouth is, in m from one corner.
        microphone: Where the microphone is.
        reverberation_s: Time to fall by 60 dB.
        rng: For the late reflections.

    Returns:
        As ``random_room``.
    """
    volume = float(np.prod(size))
    surface = 2 * float(size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    # Eyring's formula for what one reflection leaves of the pressure
    kept = np.exp(-_DECAY * 4 * volume / (_SOUND_M_PER_S * surface * reverberation_s) / 2)
    reach = np.ceil((_EARLY_S * _SOUND_M_PER_S) / (2 * size)).astype(int) + 1
    lattice = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1).reshape(-1, 1, 3)
    mirrored = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(1, -1, 3)
    images = 2 * lattice * size + (1 - 2 * mirrored) * source
    reflections = np.abs(2 * lattice - mirrored).sum(-1)
    distance_m = np.maximum(np.linalg.norm(images - microphone, axis=-1), 0.1)
    direct_m = max(float(np.linalg.norm(source - microphone)), 0.1)
    at = np.round((distance_m - direct_m) / _SOUND_M_PER_S * SAMPLE_RATE_HZ).astype(int)
    early = (distance_m < _EARLY_S * _SOUND_M_PER_S) | (at == 0)

    seconds = direct_m / _SOUND_M_PER_S + np.arange(int(reverberation_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    power = _SOUND_M_PER_S / (4 * np.pi * volume * SAMPLE_RATE_HZ) * np.exp(-_DECAY * seconds / reverberation_s)
    response = np.sqrt(power) * rng.standard_normal(seconds.size)
    response[seconds < _EARLY_S] = 0
    np.add.at(response, at[early], (kept**reflections / (4 * np.pi * distance_m))[early])
    return np.asarray(response, np.float32)


def in_room(speech: Samples, response: Samples) -> Samples:
    """Speech as heard in a room: same length, same root mean square, the tail cut at the end."""
    size = 1 << (speech.size + response.size - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(response, size), size)[: speech.size]
    level = np.sqrt(np.mean(np.square(speech, dtype=np.float64)) / (np.mean(np.square(heard)) + 1e-20))
    return np.asarray(heard * level, np.float32)
