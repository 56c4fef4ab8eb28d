"""Are two takes of a word one recording? Told by their waveforms, and how sure that is.

    python -m scripts.measure.one_recording

Two utterances never have the same waveform, however alike they sound: the vocal cords, the air and the noise of the
room do not repeat themselves to a tenth of a millisecond. The same recording has it, also at another level, filtered
or through a codec; by a telephone, which takes the highest and the quietest parts away, often less than ``BOUND``,
which is chosen to prove. Each waveform is pre-emphasised and brought to one level every 20 ms, so that all parts count
alike, quiet ones too; then it is compared at every lag, with a whole word at one lag. The value is the highest
correlation, of either polarity, as the mean over the words of a phrase. Words that were made a little faster or slower
are compared at each speed of ``SPEEDS``, if asked for.

Printed is how the value lies for words of different people and different words of one person, which are certainly not
one recording, for two takes of a word, and for one take that was processed.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import soxr
from numpy.typing import NDArray

from scripts.measure.trials import AUDIO, utterance
from streamauth.core.audio.degradation import band_limited, coloured_noise, telephone, with_noise
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

BOUND = 0.65
"""Mean over the words of a phrase from which on two takes are one recording."""
SPEEDS = tuple(np.arange(0.97, 1.03001, 0.0005))
_LEVEL_SAMPLES = SAMPLE_RATE_HZ // 50
_QUIET = 1e-3
_LEAST_SHARE = 0.5
_PAIRS = 600


def flat(samples: Samples) -> NDArray[np.float64]:
    """A waveform, pre-emphasised, at one level throughout but for what is 30 dB below its loud parts."""
    wave = np.diff(samples.astype(np.float64), prepend=0.0)
    sums = np.cumsum(np.pad(wave * wave, _LEVEL_SAMPLES // 2))
    power = (sums[_LEVEL_SAMPLES:] - sums[:-_LEVEL_SAMPLES])[: wave.size] / _LEVEL_SAMPLES
    return np.asarray(wave[: power.size] / np.sqrt(power + np.percentile(power, 95) * _QUIET + 1e-12))


def at_one_lag(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The highest correlation of two flat waveforms, from 0 to 1, where at least half of the shorter one overlaps."""
    size = 1 << (one.size + other.size).bit_length()
    waves, powers, lengths = (
        (np.fft.rfft(first, size), np.conj(np.fft.rfft(second, size)))
        for first, second in ((one, other), (one**2, other**2), (np.ones(one.size), np.ones(other.size)))
    )
    of_one, of_other = np.fft.irfft(powers[0] * lengths[1], size), np.fft.irfft(lengths[0] * powers[1], size)
    enough = np.minimum(of_one, of_other) > _LEAST_SHARE * min((one**2).sum(), (other**2).sum())
    found = np.abs(np.fft.irfft(waves[0] * waves[1], size)) / np.sqrt(np.maximum(of_one * of_other, 1e-9))
    return float(np.max(found, where=enough, initial=0.0))


def sameness(one: Sequence[Samples], other: Sequence[Samples], speeds: Iterable[float] = (1.0,)) -> float:
    """Mean correlation of the words of two takes of a phrase, each at its best speed; see ``BOUND``."""
    return float(np.mean([_of_word(a, b, speeds) for a, b in zip(one, other, strict=True)]))


def _of_word(one: Samples, other: Samples, speeds: Iterable[float]) -> float:
    wave = flat(one)
    return max(at_one_lag(wave, flat(_at_speed(other, speed))) for speed in speeds)


def _at_speed(samples: Samples, speed: float) -> Samples:
    return samples if speed == 1.0 else soxr.resample(samples, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ)


def _row(label: str, values: Sequence[float]) -> str:
    marks = "  ".join(f"{value:.2f}" for value in np.percentile(values, (0, 1, 50, 99, 100)))
    return f"| {label} | {len(values)} | {marks} |"


def main() -> None:
    """Print the table: single words."""
    rng = np.random.default_rng(1)
    words: dict[str, list[list[Samples]]] = {}
    with (AUDIO / "people" / "gsc.tsv").open(encoding="utf-8") as table:
        found: dict[str, dict[str, list[tuple[str, float, float]]]] = defaultdict(lambda: defaultdict(list))
        for file, start, end, person, _, _, word in csv.reader(table, delimiter="\t"):
            if start[0].isdigit():
                found[person][word].append((file, float(start), float(end)))
    for person, said in sorted(found.items(), key=lambda item: hashlib.sha256(item[0].encode()).digest()):
        takes = [[utterance(*span) for span in spans[:3]] for spans in said.values() if len(spans) > 1]
        if len(takes) > 1:
            words[person] = takes
        if len(words) == _PAIRS // 4:
            break
    people = list(words.values())
    first = [takes[0][0] for takes in people]
    processed = {
        "quieter, from 20 ms on": lambda wave: wave[320:] * np.float32(0.3),
        "300 Hz to 6.5 kHz, noise 20 dB": lambda wave: with_noise(
            band_limited(wave, 300, 6500), coloured_noise(wave.size, 1.0, rng), 20
        ),
        "telephone": telephone,
    }
    print("| a pair of words | pairs | lowest, 1 %, middle, 99 %, highest |\n|---|---|---|")
    apart = [(first[at], first[at - step]) for step in (1, 2, 3, 5) for at in range(len(first))]
    print(_row("of different people", [_of_word(a, b, (1.0,)) for a, b in apart]), flush=True)
    other = [(one[0], two[0]) for takes in people for one, two in combinations(takes, 2)][:_PAIRS]
    print(_row("different words of one person", [_of_word(a, b, (1.0,)) for a, b in other]), flush=True)
    again = [pair for takes in people for one in takes for pair in combinations(one, 2)][:_PAIRS]
    print(_row("two takes of a word", [_of_word(a, b, (1.0,)) for a, b in again]), flush=True)
    for name, way in processed.items():
        print(_row(f"one take, {name}", [_of_word(wave, way(wave), (1.0,)) for wave in first]), flush=True)


if __name__ == "__main__":
    main()
