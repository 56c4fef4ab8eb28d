"""The named degradations that speech is put through wherever error rates are fitted or measured.

One home, so that calibration, evaluation and ``streamauth calibrate`` mean the same by ``babble-10``. All take and
give audio at 16 kHz and keep its length; all chance comes from the generator that they are given, so that the same
seed gives the same audio on every machine. Names joined by ``+`` are applied from left to right.

A signal-to-noise ratio is that of the mean squares over the *whole clip*, pauses included: it needs no detector, and
within the speech itself the ratio is some 1 to 2 dB higher.
"""

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO

import numpy as np
import soundfile
import soxr

from streamauth.core.audio.degradation import LINE_HZ, as_long, coloured_noise, rms, telephone, with_noise
from streamauth.core.audio.rooms import in_room, random_room
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

TALKERS = 6
_INT16 = 32768


Condition = Callable[[Samples, np.random.Generator, Sequence[Samples]], Samples]
"""(speech, source of chance, other speech for babble) to degraded speech of the same length."""


def degrade(name: str, speech: Samples, rng: np.random.Generator, babble: Sequence[Samples] = ()) -> Samples:
    """Speech under a condition.

    Args:
        name: A name of ``CONDITIONS``, or several joined by ``+``.
        speech: Shape (samples,), float32 at 16 kHz, at least one sample.
        rng: Source of all chance.
        babble: Speech of others, each like ``speech``; ``TALKERS`` of them, drawn anew each time, talk at once. Only
            the babble conditions need it.

    Returns:
        Shape (samples,), float32, within -1 and 1: what would be louder is scaled down as a whole.

    Raises:
        ValueError: No such condition, no speech, speech that is not finite, or no babble where it is needed.
    """
    if speech.ndim != 1 or not speech.size or not np.isfinite(speech).all():
        raise ValueError("speech must be one channel of finite samples")
    for part in name.split("+"):
        if part not in CONDITIONS:
            raise ValueError(f"there is no condition of that name; there are: {', '.join(CONDITIONS)}")
        speech = CONDITIONS[part](speech, rng, babble)
    return np.asarray(speech / max(1.0, float(np.abs(speech).max())), np.float32)


def talkers(samples: int, others: Sequence[Samples], count: int, rng: np.random.Generator) -> Samples:
    """Up to ``count`` others talking at once, equally loud, each from a random point and repeated where too short.

    Raises:
        ValueError: There are no others.
    """
    if not others:
        raise ValueError("babble needs speech of others")
    total = np.zeros(samples)
    for index in rng.choice(len(others), min(count, len(others)), replace=False):
        talk = np.resize(np.roll(others[index], -int(rng.integers(others[index].size))), samples)
        total += talk / (np.sqrt(np.mean(np.square(talk, dtype=np.float64))) + 1e-6)
    return np.asarray(total, np.float32)


def coded(speech: Samples, container: str, codec: str, rate_hz: int, compression: float | None = None) -> Samples:
    """Speech encoded and decoded by libsndfile in memory.

    Args:
        speech: Shape (samples,).
        container: Name of libsndfile's format.
        codec: Name of its subtype.
        rate_hz: What the codec runs at.
        compression: 0 for the most, 1 for the fewest bits; None for codecs that have no choice.
    """
    memory = BytesIO()
    narrow = speech if rate_hz == SAMPLE_RATE_HZ else soxr.resample(speech, SAMPLE_RATE_HZ, rate_hz)
    # lossy codecs overshoot
    loudest = max(1.0, float(np.abs(narrow).max()) / 0.9)
    more = {} if compression is None else {"compression_level": compression}
    soundfile.write(memory, narrow / loudest, rate_hz, format=container, subtype=codec, **more)
    memory.seek(0)
    heard, heard_hz = soundfile.read(memory, dtype="float32")
    wide = heard if heard_hz == SAMPLE_RATE_HZ else soxr.resample(heard, heard_hz, SAMPLE_RATE_HZ)
    return as_long(wide * np.float32(loudest), speech.size)


def _at_rms(speech: Samples, level_dbfs: float) -> Samples:
    return np.asarray(speech * (10 ** (level_dbfs / 20) / (rms(speech) + 1e-9)), np.float32)


def _babble(snr_db: float, speech: Samples, rng: np.random.Generator, others: Sequence[Samples]) -> Samples:
    return with_noise(speech, talkers(speech.size, others, TALKERS, rng), snr_db)


def _coloured(slope: float, snr_db: float, speech: Samples, rng: np.random.Generator, _: Sequence[Samples]) -> Samples:
    return with_noise(speech, coloured_noise(speech.size, slope, rng), snr_db)


def _noises() -> dict[str, Condition]:
    found: dict[str, Condition] = {}
    for snr_db in (20, 10, 5):
        found[f"babble-{snr_db}"] = partial(_babble, snr_db)
        found[f"pink-{snr_db}"] = partial(_coloured, 1.0, snr_db)
        found[f"white-{snr_db}"] = partial(_coloured, 0.0, snr_db)
    return dict(sorted(found.items(), key=lambda item: (item[0].split("-")[0], -int(item[0].split("-")[1]))))


CONDITIONS: dict[str, Condition] = {
    "clean": lambda speech, rng, others: speech,
    **_noises(),
    "reverb": lambda speech, rng, others: in_room(speech, random_room(rng)),
    "telephone": lambda speech, rng, others: telephone(speech),
    # full rate, GSM 06.10
    "gsm": lambda speech, rng, others: coded(speech, "WAV", "GSM610", LINE_HZ),
    # at some 10 kbit/s
    "opus": lambda speech, rng, others: coded(speech, "OGG", "OPUS", SAMPLE_RATE_HZ, 0.98),
    # at some 20 kbit/s
    "mp3": lambda speech, rng, others: coded(speech, "MP3", "MPEG_LAYER_III", SAMPLE_RATE_HZ, 0.98),
    # at -55 dBFS, in 16 bits
    "quiet": lambda speech, rng, others: np.asarray(np.round(_at_rms(speech, -55) * _INT16) / _INT16, np.float32),
    # overdriven: at -8 dBFS, cut at full scale
    "clipped": lambda speech, rng, others: np.clip(_at_rms(speech, -8), -1, 1),
}
"""Every condition by name."""

EVALUATED = (
    "clean", "babble-20", "babble-10", "babble-5", "pink-20", "pink-10", "pink-5", "reverb", "telephone",
)  # fmt: skip
"""The conditions over which error rates are pooled and promised."""
