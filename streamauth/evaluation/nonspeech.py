"""Sounds that are no speech, made from formulas: what telephones, rooms and machines bring before anybody speaks.

One home, so that tests and ``scripts/measure/nonspeech.py`` mean the same by ``dtmf``. All take a length in seconds and
a generator, and give float32 at 16 kHz with a peak of 0.1 to 0.5.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.degradation import coloured_noise
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

Random = np.random.Generator
Made = NDArray[np.float64]
Maker = Callable[[float, Random], Samples]

_KEYS = [(low, high) for low in (697, 770, 852, 941) for high in (1209, 1336, 1477, 1633)]
_SCALE = 261.63 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)


def _times(seconds: float) -> Made:
    return np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ


def _tones(seconds: float, *hertz: float, phase: Random | None = None) -> Made:
    t = _times(seconds)
    phases = np.zeros(len(hertz)) if phase is None else phase.uniform(0, 2 * np.pi, len(hertz))
    waves = [np.sin(2 * np.pi * f * t + p) for f, p in zip(hertz, phases, strict=True)]
    return np.asarray(np.sum(waves, axis=0) / len(hertz))


def _ramped(sound: Made, ramp_s: float = 0.005) -> Made:
    size = min(round(ramp_s * SAMPLE_RATE_HZ), sound.size // 2)
    sound[:size] *= np.linspace(0, 1, size)
    sound[sound.size - size :] *= np.linspace(1, 0, size)
    return sound


def _cadence(seconds: float, on_s: float, off_s: float, *hertz: float) -> Made:
    period = np.concatenate([_ramped(_tones(on_s, *hertz)), np.zeros(round(off_s * SAMPLE_RATE_HZ))])
    size = round(seconds * SAMPLE_RATE_HZ)
    return np.tile(period, size // period.size + 1)[:size]


def _scaled(sound: Made, rng: Random) -> Samples:
    top = float(np.abs(sound).max()) or 1.0
    return np.asarray(sound / top * rng.uniform(0.1, 0.5), np.float32)


def _filled(seconds: float, pieces: Callable[[], Made]) -> Made:
    size, made = round(seconds * SAMPLE_RATE_HZ), [np.zeros(0)]
    while sum(piece.size for piece in made) < size:
        made.append(pieces())
    return np.concatenate(made)[:size]


def _silence(seconds: float) -> Made:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ))


def dtmf(seconds: float, rng: Random) -> Samples:
    """Keypad digits (ITU-T Q.23), 0.07 to 0.25 s each."""

    def key() -> Made:
        low, high = _KEYS[rng.integers(len(_KEYS))]
        return np.concatenate([_ramped(_tones(rng.uniform(0.07, 0.25), low, high)), _silence(rng.uniform(0.04, 0.15))])

    return _scaled(_filled(seconds, key), rng)


def beeps(seconds: float, rng: Random) -> Samples:
    """Single tones of an answering machine or an appliance."""

    def beep() -> Made:
        tone = _ramped(_tones(rng.uniform(0.08, 1.2), rng.uniform(300, 3000)))
        return np.concatenate([tone, _silence(rng.uniform(0.05, 0.6))])

    return _scaled(_filled(seconds, beep), rng)


def sweep(seconds: float, rng: Random) -> Samples:
    """A sine that rises from 200 to 3,500 Hz."""
    t = _times(seconds)
    rate = np.log(3500 / 200) / seconds
    return _scaled(np.sin(2 * np.pi * 200 * (np.exp(rate * t) - 1) / rate), rng)


def siren(seconds: float, rng: Random) -> Samples:
    """A tone that wails between two pitches."""
    pitch = rng.uniform(500, 900) * (1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.25, 3) * _times(seconds)))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    return _scaled(np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase), rng)


def hum(seconds: float, rng: Random) -> Samples:
    """Mains and its harmonics."""
    base = rng.choice([50.0, 60.0])
    return _scaled(np.sum([_tones(seconds, base * k, phase=rng) / k for k in range(1, 15)], axis=0), rng)


def square(seconds: float, rng: Random) -> Samples:
    """Buzzes of a square wave, 0.2 to 1 s each."""

    def buzz() -> Made:
        wave = np.sign(_tones(rng.uniform(0.2, 1.0), rng.uniform(90, 900)))
        return np.concatenate([_ramped(wave), _silence(rng.uniform(0.05, 0.4))])

    return _scaled(_filled(seconds, buzz), rng)


def chords(seconds: float, rng: Random) -> Samples:
    """Music on hold: chords of plucked harmonics."""

    def chord() -> Made:
        length = rng.uniform(0.2, 0.8)
        fading = np.exp(-3 * _times(length) / length)
        notes = rng.choice(_SCALE, 3, replace=False)
        voices = [_tones(length, note * k, phase=rng) / k for note in notes for k in range(1, 6)]
        return _ramped(np.sum(voices, axis=0) * fading)

    return _scaled(_filled(seconds, chord), rng)


def melody(seconds: float, rng: Random) -> Samples:
    """A ring tone: single notes with harmonics."""

    def note() -> Made:
        length, pitch = rng.uniform(0.08, 0.35), rng.choice(_SCALE) * rng.choice([1, 2])
        return _ramped(np.sum([_tones(length, pitch * k) / k**1.5 for k in range(1, 7)], axis=0))

    return _scaled(_filled(seconds, note), rng)


def clicks(seconds: float, rng: Random) -> Samples:
    """Clicks of a keyboard or a bad contact."""

    def click() -> Made:
        burst = rng.standard_normal(round(rng.uniform(0.002, 0.015) * SAMPLE_RATE_HZ))
        return np.concatenate([burst * np.exp(-4 * np.linspace(0, 1, burst.size)), _silence(rng.uniform(0.03, 0.4))])

    return _scaled(_filled(seconds, click), rng)


def knocks(seconds: float, rng: Random) -> Samples:
    """Knocks at a door: damped resonances."""

    def knock() -> Made:
        t = _times(rng.uniform(0.1, 0.2))
        sound = [np.sin(2 * np.pi * f * t) for f in rng.uniform(80, 600, 4)]
        return np.concatenate(
            [np.sum(sound, axis=0) * np.exp(-t * rng.uniform(30, 80)), _silence(rng.uniform(0.1, 0.4))]
        )

    return _scaled(_filled(seconds, knock), rng)


def _coloured(slope: float) -> Maker:
    return lambda seconds, rng: _scaled(
        np.asarray(coloured_noise(round(seconds * SAMPLE_RATE_HZ), slope, rng), np.float64), rng
    )


def wind(seconds: float, rng: Random) -> Samples:
    """Wind in a microphone: low noise in gusts."""
    size = round(seconds * SAMPLE_RATE_HZ)
    gusts = np.interp(
        _times(seconds), np.linspace(0, seconds, round(seconds * 3) + 2), rng.uniform(0.1, 1, round(seconds * 3) + 2)
    )
    return _scaled(np.asarray(coloured_noise(size, 2.5, rng), np.float64) * gusts, rng)


def breath(seconds: float, rng: Random) -> Samples:
    """Breathing into the microphone: noise of the vocal tract, in and out."""

    def once() -> Made:
        length = rng.uniform(0.5, 1.2)
        noise = np.asarray(coloured_noise(round(length * SAMPLE_RATE_HZ), rng.uniform(0.2, 1.2), rng), np.float64)
        return np.concatenate([noise * np.hanning(noise.size), _silence(rng.uniform(0.1, 0.5))])

    return _scaled(_filled(seconds, once), rng)


def engine(seconds: float, rng: Random) -> Samples:
    """A motor: pulses at a rate that drifts, with noise."""
    t = _times(seconds)
    rate = rng.uniform(25, 90) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * t))
    phase = 2 * np.pi * np.cumsum(rate) / SAMPLE_RATE_HZ
    pulses = np.sum([np.sin(k * phase + rng.uniform(0, 6)) / k**0.7 for k in range(1, 30)], axis=0)
    return _scaled(pulses + 0.5 * rng.standard_normal(t.size), rng)


NON_SPEECH: dict[str, Maker] = {
    "dtmf": dtmf,
    "ring-eu": lambda seconds, rng: _scaled(_cadence(seconds, 1.0, 4.0, 425), rng),
    "ring-us": lambda seconds, rng: _scaled(_cadence(seconds, 2.0, 4.0, 440, 480), rng),
    "ring-uk": lambda seconds, rng: _scaled(_cadence(seconds, 0.4, 0.2, 400, 450), rng),
    "busy": lambda seconds, rng: _scaled(_cadence(seconds, 0.48, 0.48, 425), rng),
    "dial-tone": lambda seconds, rng: _scaled(_tones(seconds, 350, 440), rng),
    "beeps": beeps,
    "sweep": sweep,
    "siren": siren,
    "hum": hum,
    "square": square,
    "chords": chords,
    "melody": melody,
    "clicks": clicks,
    "knocks": knocks,
    "white": _coloured(0.0),
    "pink": _coloured(1.0),
    "brown": _coloured(2.0),
    "wind": wind,
    "breath": breath,
    "engine": engine,
}
"""Each kind by name."""
