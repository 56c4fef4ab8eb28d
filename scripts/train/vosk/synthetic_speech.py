"""Made-up utterances by flite, espeak-ng and festival, which the acoustic model is trained on beside recordings."""

import random
import re
import subprocess
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr

from scripts.train.vosk.cmu_dictionary import dictionary
from scripts.train.vosk.speech import KEYWORD_FOLDS, SAMPLE_RATE_HZ, Spoken, transcripts
from streamauth.core.phrase.words import DIGITS


def synthetic(count: int, seed: int, cache: Path) -> Iterator[Spoken]:
    """Made-up utterances by flite, espeak-ng and festival; kept in ``cache`` for the next time."""
    dice, spelled = random.Random(seed), dictionary()
    known = sorted(word for word in spelled if re.fullmatch("[a-z]{2,12}", word) and word not in KEYWORD_FOLDS)
    running = [word for words in transcripts().values() for word in words if word in spelled]
    running = [word for word in running if word not in KEYWORD_FOLDS]
    common = sorted(set(running))
    jobs = []
    for number in range(count):
        length = dice.randint(1, 9)
        start = dice.randrange(len(running) - length)
        kinds = (
            running[start : start + length],
            dice.choices(common, k=length),
            dice.choices(known, k=length),
            dice.choices(DIGITS, k=length),
        )
        words = tuple(dice.choices(kinds, (45, 25, 24, 6))[0])
        source = dice.choices(("flite", "espeak", "festival"), (66, 22, 12))[0]
        jobs.append((f"{seed}-{number}", source, words, dice.getrandbits(32)))
    cache.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda job: _speak(job, cache), jobs)


def _speak(job: tuple[str, str, tuple[str, ...], int], cache: Path) -> Spoken:
    name, source, words, seed = job
    dice = random.Random(seed)
    text = " ".join(words)
    # what is kept must never be taken for other words
    kept = cache / f"{name}-{zlib.crc32(text.encode()):08x}"
    path, timing = kept.with_suffix(".wav"), kept.with_suffix(".txt")
    if source == "flite":
        voice, mean = dice.choice((("awb", 130), ("rms", 105), ("slt", 170), ("kal16", 105)))
        settings = {"duration_stretch": dice.uniform(0.6, 1.35), "int_f0_target_mean": mean * dice.uniform(0.8, 1.3)}
        options = [part for key, value in settings.items() for part in ("--setf", f"{key}={value:.2f}")]
        command = ["flite", "-voice", voice, *options, "-psdur", "-t", text, "-o", str(path)]
    elif source == "espeak":
        accent = dice.choice(("en-us", "en-us", "en-gb", "en-gb-scotland", "en-029", "en-gb-x-rp"))
        variant = dice.choice([*(f"m{n}" for n in range(1, 8)), *(f"f{n}" for n in range(1, 5)), "klatt2", "croak"])
        manner = ["-s", str(dice.randint(120, 210)), "-p", str(dice.randint(25, 75))]
        command = ["espeak-ng", "-v", f"{accent}+{variant}", *manner, "-w", str(path), text]
    else:
        voice = dice.choice(("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"))
        stretch = f"(Parameter.set 'Duration_Stretch {dice.uniform(0.8, 1.3):.2f})"
        command = ["text2wave", "-eval", f"(begin (voice_{voice}) {stretch})", "-o", str(path)]
    if not timing.exists():
        done = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
        timing.write_text(done.stdout if source == "flite" else "", "utf-8")
    samples, rate_hz = soundfile.read(path, dtype="float32")
    audio = np.asarray(soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ), np.float32)
    ends = []
    for phone, end in re.findall(r"(\w+):([\d.]+)", timing.read_text("utf-8")):
        phone = {"AX": "AH", "AXR": "ER"}.get(phone.upper(), phone.upper())
        ends.append((None if phone == "PAU" else phone, float(end)))
    return Spoken(name, source, None, words, audio, tuple(ends))
