"""Makes the synthetic speech of the tests and of ``streamauth demo``: streamauth/demo_data/.

Needs Debian's flite (``apt-get install flite``), whose voices awb, rms, slt (CMU Arctic) and kal16 are free
to use and to share. Files whose sound would not change are left as they are, so a second run changes nothing.
"""

import io
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent / "streamauth" / "demo_data"
SAMPLE_RATE_HZ = 16_000
VOICES = ("awb", "rms", "slt", "kal16")

PHRASE = "please open the door and let me come in"
LONG_TEXT = (
    "The north wind and the sun were arguing about which of them was the stronger, when a traveller came "
    "along wrapped in a warm cloak. They agreed that the one who first made the traveller take his cloak "
    "off should be called stronger than the other. Then the north wind blew as hard as he could, but the "
    "more he blew, the more closely did the traveller fold his cloak around him, and at last the north "
    "wind gave up. Then the sun shone out warmly, and at once the traveller took off his cloak. And so "
    "the north wind had to say that the sun was the stronger of the two."
)
OTHER_LONG_TEXT = (
    "Please call a taxi for two people. We have to be at the railway station before nine o'clock, because "
    "our train to the coast leaves early."
)
# name, text, stretch of all durations: how one person's delivery differs from one time to the next
UTTERANCES = (
    ("door-1", PHRASE, 1.00),
    ("door-2", PHRASE, 1.09),
    ("door-3", PHRASE, 0.93),
    ("door-4", PHRASE, 1.04),
    ("door-half", "please open the door", 1.00),
    ("window", "please open the window and let me come in", 1.00),
    ("coffee", "i would like a cup of coffee with milk", 1.00),
    ("passport", "my voice is my passport verify me", 1.00),
    ("long-1", LONG_TEXT, 1.00),
    ("long-2", OTHER_LONG_TEXT, 1.03),
)
PAUSE_S = 0.6
NOISE_DBFS = -66.0


def synthesize(voice: str, text: str, stretch: float) -> NDArray[np.float64]:
    """Speech of one flite voice at 16 kHz, shape (samples,), in [-1, 1]."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        delivery = ["--setf", f"duration_stretch={stretch}"]
        subprocess.run(["flite", "-voice", voice, *delivery, "-t", text, "-o", str(path)], check=True)
        samples, rate_hz = soundfile.read(path, dtype="float64")
    return np.asarray(soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ))


def place_in_room(speech: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Speech between two pauses, over the faint noise that every real microphone has."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ))
    audio = np.concatenate([pause, speech, pause])
    noise = np.random.default_rng(seed).normal(size=len(audio)) * 10 ** (NOISE_DBFS / 20)
    return np.asarray(np.clip(audio + noise, -1, 1))


def encode(audio: NDArray[np.float64]) -> bytes:
    """OGG/Opus at about 28 kbit/s."""
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, SAMPLE_RATE_HZ, format="OGG", subtype="OPUS", compression_level=0.93)
    return buffer.getvalue()


def decode(encoded: bytes) -> NDArray[np.float32]:
    """Samples of an encoded file."""
    samples, _ = soundfile.read(io.BytesIO(encoded), dtype="float32")
    return np.asarray(samples, np.float32)


def main() -> None:
    """Make all files and the manifest."""
    lines = ["# Made by scripts/make_fixtures.py: synthetic speech, one entry per file."]
    for voice in VOICES:
        (FOLDER / voice).mkdir(parents=True, exist_ok=True)
        for seed, (name, text, stretch) in enumerate(UTTERANCES):
            path = FOLDER / voice / f"{name}.ogg"
            encoded = encode(place_in_room(synthesize(voice, text, stretch), seed))
            # each OGG stream gets a random serial number: only the sound tells whether a file has changed
            if not path.exists() or not np.array_equal(decode(encoded), decode(path.read_bytes())):
                path.write_bytes(encoded)
            lines += ["", "[[utterance]]"]
            entry = {"voice": voice, "name": name, "text": text}
            lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    (FOLDER / "manifest.toml").write_text("\n".join(lines) + "\n", "utf-8")
    total = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(f"{len(VOICES) * len(UTTERANCES)} files, {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
