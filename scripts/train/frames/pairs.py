"""Pairs of degraded stretches of one voice, made beside the training and kept in a ring that it draws from.

    python -m scripts.train.frames.pairs WORK [--seed N] [--pause S]     runs until it is stopped; 100 pairs a second

A stretch of 3.6 s: mostly voiced frames, sometimes with pauses; a fifth begin with somebody or something else, so that
the network learns to forget; a tenth hold a tone, music, hum or noise instead of speech for a while. Two stretches of a
person come from two sessions where there are two. Rooms of ``rooms/dirha-`` are for measuring only.
"""

import argparse
import pickle
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.measure.trials import AUDIO, load
from scripts.train.frames.voice import Voice
from scripts.train.ge2e.noise import degraded, some_noise, tones
from streamauth.core.audio.degradation import with_noise
from streamauth.core.audio.rooms import in_room, random_room
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.encoder.ge2e import HOP_SAMPLES, mel_spectra

SLOTS, FRAMES, BANDS = 7_000, 360, 40
SAMPLES = FRAMES * HOP_SAMPLES
STEP = 2 * HOP_SAMPLES
SHARES = {
    "libri": 0.40, "gsc": 0.25, "wuw2": 0.14, "alphanum": 0.06, "dsp20": 0.03, "pico-intent": 0.03, "keyword": 0.04,
    "precise": 0.03, "kathleen": 0.01, "digits": 0.01,
}  # fmt: skip
SEVERAL_CALLS = 0.6
"""Of the calls, how many are of people who called several times."""
LOG_FLOOR = 1e-8
_ROOMS = 200
_LONGEST_ROOM = 20_000
_INT16 = 32767

Array = NDArray[np.float32]


def open_ring(work: Path) -> tuple[NDArray[np.float16], NDArray[np.int32]]:
    """Log mel powers, shape (SLOTS, 2, FRAMES, BANDS), and (voice, voice, begin, begin) of each pair; -1: none yet."""
    files = work / "ring.npy", work / "ring_voices.npy"
    if not files[0].exists():
        np.lib.format.open_memmap(files[0], "w+", np.float16, (SLOTS, 2, FRAMES, BANDS)).flush()
        rows = np.lib.format.open_memmap(files[1], "w+", np.int32, (SLOTS, 4))
        rows[:] = -1
        rows.flush()
    return np.lib.format.open_memmap(files[0], "r+"), np.lib.format.open_memmap(files[1], "r+")


class Pairs:
    """Draws pairs.

    Args:
        work: Folder of ``speech``.
        rng: Source of chance.
        aside: People (set and name) who are left out.
    """

    def __init__(self, work: Path, rng: np.random.Generator, aside: frozenset[str] = frozenset()) -> None:
        self._rng = rng
        self.voices: list[Voice] = pickle.loads((work / "voices.pickle").read_bytes())  # noqa: S301 - our own
        self._speech = np.memmap(work / "speech.raw", np.int16, "r")
        people: dict[str, dict[tuple[str, float], list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, voice in enumerate(self.voices):
            if voice.person in aside:
                continue
            people[voice.source][voice.person, voice.speed].append(number)
        self._people = {source: list(found.values()) for source, found in people.items()}
        self._callers = [numbers for numbers in self._people["wuw2"] if len(numbers) > 1]
        self._shares = np.array([SHARES[source] for source in self._people])
        self._shares /= self._shares.sum()
        self._others = [n for n, v in enumerate(self.voices) if v.source in ("libri", "gsc", "alphanum")]
        self._noises = [load(path) for path in sorted((AUDIO / "noise").iterdir())]
        self._rooms = [random_room(rng) for _ in range(_ROOMS)]
        self._real_rooms = []
        for path in sorted((AUDIO / "rooms").iterdir()):
            if not path.name.startswith("dirha-"):
                response = load(path)
                direct = int(np.abs(response).argmax())
                self._real_rooms.append(response[direct:][:_LONGEST_ROOM])

    def draw(self) -> tuple[Array, NDArray[np.int32]]:
        """Log mel powers of two stretches, shape (2, FRAMES, BANDS), and (voice, voice, begin, begin)."""
        chosen = self._chosen()
        rows = [self._row(number, half) for number, half in chosen]
        begins = [begin for _, begin in rows]
        numbers = [number for number, _ in chosen]
        return np.stack([mels for mels, _ in rows]), np.array([*numbers, *begins], np.int32)

    def windows(self, samples: int, lead: int) -> tuple[Samples, NDArray[np.int64]]:
        """Two degraded windows of a person, shape (2, samples), and their voices.

        Args:
            samples: Length of a window.
            lead: Samples before it that are degraded with it, so that a room is already filled where it begins.
        """
        chosen = self._chosen()
        rows = [self._window(number, half, samples, lead) for number, half in chosen]
        return np.stack(rows), np.array([number for number, _ in chosen])

    def clean(self, number: int, samples: int) -> Samples:
        """The first and the last window of a voice as it is, shape (2, samples)."""
        speech = self._audio(self.voices[number].voiced)
        speech = np.resize(speech, max(samples, speech.size))
        return np.stack((speech[:samples], speech[-samples:]))

    def _window(self, number: int, half: int | None, samples: int, lead: int) -> Samples:
        voice = self.voices[number]
        speech = self._audio(voice.whole if self._rng.random() < 0.15 else voice.voiced)
        if half is not None and speech.size > 1.5 * samples:
            speech = np.array_split(speech, 2)[half]
        row = self._cut(speech, lead + samples)
        heard = self._heard(row)[lead:]
        # a pause that a coarse quantization silenced
        return heard if np.square(heard).mean() > 1e-10 else row[lead:] + np.float32(1e-5)

    def _chosen(self) -> list[tuple[int, int | None]]:
        """Two voices of a person: of two sessions, or the two halves of one."""
        rng = self._rng
        source = list(self._people)[rng.choice(len(self._shares), p=self._shares)]
        pool = self._people[source]
        if source == "wuw2" and rng.random() < SEVERAL_CALLS:
            pool = self._callers
        numbers = pool[rng.integers(len(pool))]
        if len(numbers) > 1:
            return [(int(number), None) for number in rng.choice(numbers, 2, replace=False)]
        return [(numbers[0], 0), (numbers[0], 1)]

    def _row(self, number: int, half: int | None) -> tuple[Array, int]:
        rng = self._rng
        voice = self.voices[number]
        speech = self._audio(voice.whole if rng.random() < 0.25 else voice.voiced)
        begin = int(rng.uniform(0.3, 1.3) * SAMPLE_RATE_HZ) // STEP * STEP if rng.random() < 0.22 else 0
        if half is not None and speech.size > 1.5 * (SAMPLES - begin):
            speech = np.array_split(speech, 2)[half]
        row = self._cut(speech, SAMPLES - begin)
        if begin:
            other = self._noise(begin) if rng.random() < 0.25 else self._cut(self._other(), begin)
            row = np.concatenate((self._as_loud(other, row, 8), row))
        if rng.random() < 0.1:
            size = int(rng.uniform(0.2, 0.8) * SAMPLE_RATE_HZ)
            at = begin + int(rng.integers(SAMPLES - begin - size))
            sound = tones(size, rng) if rng.random() < 0.6 else self._noise(size)
            row = row.copy()
            row[at : at + size] = self._as_loud(sound, row, 6)
        row = self._heard(row)
        if np.square(row).mean() < 1e-10:  # a pause that a coarse quantization silenced
            return self._row(number, half)
        row = row * np.float32(10 ** (rng.uniform(-38, -14) / 20) / row.std())
        logs: Array = np.log(mel_spectra(row[None])[0, :FRAMES] + np.float32(LOG_FLOOR)).astype(np.float32)
        return logs, begin // STEP

    def _heard(self, row: Samples) -> Samples:
        """In real rooms and noises for a part, with all that ``ge2e.noise`` does for the others."""
        rng = self._rng
        if rng.random() < 0.5:
            return degraded(row, [self._other() for _ in range(8)], rng)
        if rng.random() < 0.4:
            rooms = self._real_rooms if rng.random() < 0.3 else self._rooms
            row = in_room(row, rooms[rng.integers(len(rooms))])
        if rng.random() < 0.8:
            row = with_noise(row, self._noise(row.size), float(rng.uniform(0, 25)))
        return row

    def _noise(self, samples: int) -> Samples:
        if self._rng.random() < 0.5:
            return self._cut(self._noises[self._rng.integers(len(self._noises))], samples)
        return some_noise(samples, [self._other() for _ in range(8)], self._rng)

    def _other(self) -> Samples:
        return self._audio(self.voices[self._others[self._rng.integers(len(self._others))]].voiced)

    def _audio(self, stretch: tuple[int, int]) -> Samples:
        return np.asarray(self._speech[slice(*stretch)] / np.float32(_INT16), np.float32)

    def _cut(self, speech: Samples, samples: int) -> Samples:
        start = int(self._rng.integers(max(1, speech.size - samples + 1)))
        return np.resize(speech[start:], samples)

    def _as_loud(self, sound: Samples, speech: Samples, spread_db: float) -> Samples:
        gain = speech.std() / (sound.std() + 1e-6) * 10 ** (self._rng.uniform(-spread_db, spread_db) / 20)
        return np.asarray(gain * sound, np.float32)


def fill(work: Path, seed: int, pause_s: float, more: Callable[[], bool] = lambda: True) -> None:
    """Put pairs into the ring, one slot after the other, over and over."""
    ring, rows = open_ring(work)
    pairs = Pairs(work, np.random.default_rng(seed))
    slot = 0
    while more():
        mels, row = pairs.draw()
        rows[slot] = -1
        ring[slot] = mels
        rows[slot] = row
        slot = (slot + 1) % SLOTS
        time.sleep(pause_s)


def main() -> None:
    """Fill until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.03, help="seconds to wait after each pair")
    options = parser.parse_args()
    fill(options.work, options.seed, options.pause)


if __name__ == "__main__":
    main()
