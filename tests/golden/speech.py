"""Speech for the recordings: the committed synthetic clips, and what is put together from them."""

import io
import wave
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000
PHRASE = "please open the door and let me come in"
PROMPT = "coffee station"
PROMPT_DRAWS = (179, 925)
"""What a random source must draw so that the prompt of two words is PROMPT."""

Pcm = NDArray[np.int16]


@cache
def file(name: str) -> Path:
    """The file of a clip such as ``slt/door-1``, wherever the product keeps it."""
    found = [path for top in ("streamauth", "tests") for path in (ROOT / top).rglob(f"{name}.ogg")]
    if len(found) != 1:
        raise FileNotFoundError(f"{name}.ogg is there {len(found)} times")
    return found[0]


@cache
def clip(name: str) -> Pcm:
    """A clip, 16-bit mono at 16 kHz."""
    samples, rate_hz = soundfile.read(file(name), dtype="int16")
    assert rate_hz == RATE_HZ
    return np.asarray(samples, np.int16)


def pause(seconds: float) -> Pcm:
    """Faint noise, the same each time."""
    return (np.random.default_rng(3).normal(size=round(seconds * RATE_HZ)) * 8).astype(np.int16)


def join(*parts: Pcm) -> Pcm:
    """One after the other."""
    return np.concatenate(parts)


def spoken_prompt(voice: str, coffee_s: tuple[float, float], station_s: tuple[float, float]) -> Pcm:
    """PROMPT, cut out of two clips of a voice."""

    def cut(name: str, begin_s: float, end_s: float) -> Pcm:
        return clip(f"{voice}/{name}")[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]

    return join(pause(0.6), cut("coffee", *coffee_s), pause(0.1), cut("long-2", *station_s), pause(1.2))


def prompt_of_slt() -> Pcm:
    """PROMPT in the voice slt."""
    return spoken_prompt("slt", (1.86, 2.31), (4.56, 5.19))


def prompt_of_awb() -> Pcm:
    """PROMPT in the voice awb."""
    return spoken_prompt("awb", (1.9, 2.34), (4.53, 5.1))


def beginning(name: str, seconds: float) -> Pcm:
    """The first seconds of a clip."""
    return clip(name)[: round(seconds * RATE_HZ)]


def quiet(name: str) -> Pcm:
    """A clip 30 dB quieter."""
    return (clip(name) // 32).astype(np.int16)


def wav(samples: Pcm) -> bytes:
    """As a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def digests(*names: str) -> dict[str, str]:
    """What each clip is decoded to, so that another decoder is told from another product."""
    return {name: sha256(clip(name).astype("<i2").tobytes()).hexdigest()[:16] for name in names}
