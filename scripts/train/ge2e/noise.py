"""The rooms, noises, lines and levels that the training windows of a student are put into.

Wider than the named conditions that it is measured under (``streamauth.evaluation.conditions``, whose parts are used
here): any number of talkers, any slope, swelling noise, tones, microphones, band limits and codecs, and all of them
together.
"""

from collections.abc import Sequence

import numpy as np

from streamauth.core.audio.degradation import LINE_HZ, band_limited, coloured_noise, mu_law, telephone, with_noise
from streamauth.core.audio.rooms import in_room, random_room
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.evaluation.conditions import coded, talkers

CLEAN = 0.18


def degraded(speech: Samples, others: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Speech as it may come from anywhere; as it is in ``CLEAN`` of the cases.

    Args:
        speech: Shape (samples,), at 16 kHz.
        others: Speech for babble.
        rng: Source of chance.
    """
    if rng.random() < CLEAN:
        return speech
    done = 0
    audio = speech
    # until something was done to it
    while not done:
        room, noise, line, microphone, overdriven, quiet = rng.random(6) < (0.35, 0.72, 0.35, 0.2, 0.07, 0.05)
        done = int(room) + int(noise) + int(line) + int(microphone) + int(overdriven) + int(quiet)
    if room:
        audio = in_room(audio, random_room(rng))
    if noise:
        audio = with_noise(audio, some_noise(audio.size, others, rng), float(rng.uniform(-1, 25)))
    if microphone:
        audio = _microphone(audio, rng)
    if overdriven:
        limit = np.abs(audio).max() * 10 ** (-rng.uniform(4, 18) / 20)
        audio = np.clip(audio, -limit, limit)
    if line:
        audio = _line(audio, rng)
    if quiet:
        step = (audio.std() + 1e-9) / 10 ** (rng.uniform(0.5, 1.5))
        audio = np.asarray(np.round(audio / step) * step, np.float32)
    return audio


def some_noise(samples: int, others: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Babble, shaped, swelling or tonal noise, or two of them."""
    kind = rng.random()
    if kind < 0.45:
        noise = talkers(samples, others, int(rng.integers(1, 9)), rng)
    elif kind < 0.8:
        noise = coloured_noise(samples, float(rng.uniform(-0.5, 2.2)), rng)
    elif kind < 0.9:
        noise = tones(samples, rng)
    else:
        noise = talkers(samples, others, int(rng.integers(2, 9)), rng)
        noise = with_noise(noise, coloured_noise(samples, float(rng.uniform(0, 2)), rng), float(rng.uniform(-6, 6)))
    if rng.random() < 0.3:
        knots = int(rng.integers(3, 14))
        swell = np.interp(np.linspace(0, 1, samples), np.linspace(0, 1, knots), rng.uniform(0.05, 1.5, knots))
        noise = np.asarray(noise * swell, np.float32)
    return noise


def tones(samples: int, rng: np.random.Generator) -> Samples:
    """Hum, beeps, or chords of a few notes with harmonics."""
    times = np.arange(samples) / SAMPLE_RATE_HZ
    made = np.zeros(samples)
    note = max(1, samples // int(rng.integers(1, 9)))
    for start in range(0, samples, note):
        part = times[start : start + note]
        for _ in range(rng.integers(1, 5)):
            root = rng.choice((50.0, 60.0, 110 * 2 ** (rng.integers(0, 48) / 12), rng.uniform(80, 3000)))
            for order in range(1, int(rng.integers(2, 7))):
                made[start : start + note] += np.sin(2 * np.pi * root * order * part + rng.uniform(0, 6)) / order
    return np.asarray(made + 0.01 * rng.standard_normal(samples), np.float32)


def _microphone(audio: Samples, rng: np.random.Generator) -> Samples:
    """A smooth random response, some decibels up and down."""
    hertz = np.fft.rfftfreq(audio.size, 1 / SAMPLE_RATE_HZ)
    knots = np.array([0, 100, 250, 500, 1000, 2000, 4000, 8000])
    gain_db = np.interp(np.log1p(hertz), np.log1p(knots), rng.normal(0, 5, knots.size))
    return np.asarray(np.fft.irfft(np.fft.rfft(audio) * 10 ** (gain_db / 20), audio.size), np.float32)


def _line(audio: Samples, rng: np.random.Generator) -> Samples:
    kind = rng.random()
    if kind < 0.3:
        return telephone(audio)
    if kind < 0.6:
        audio = band_limited(audio, float(rng.uniform(0, 500)), float(rng.uniform(2600, 7800)))
        return mu_law(audio) if rng.random() < 0.3 else audio
    if kind < 0.7:
        return band_limited(audio, -100, LINE_HZ / 2)
    if kind < 0.85:
        return coded(audio, "WAV", "GSM610", LINE_HZ)
    # a few only: it takes ten times as long as all else
    if kind < 0.88:
        return coded(audio, "OGG", "OPUS", SAMPLE_RATE_HZ if rng.random() < 0.5 else LINE_HZ, rng.uniform(0.95, 1.0))
    return coded(audio, "MP3", "MPEG_LAYER_III", SAMPLE_RATE_HZ, float(rng.uniform(0.9, 0.98)))
