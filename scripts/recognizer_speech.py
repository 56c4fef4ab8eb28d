"""The speech that the acoustic model is trained on: recordings of people with their words, and synthetic voices.

Every recording belongs to fold 0 or 1: each of the two measuring models is trained without one of them. LibriSpeech
and digits are parted by speaker, keywords by word, so that a fold's speakers and words are new to its model.
"""

import random
import re
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from _trials import AUDIO, LIBRISPEECH, load
from cmu_dictionary import dictionary
from numpy.typing import NDArray

from streamauth.core.phrase import DIGITS

TRANSCRIPTS = Path(__file__).with_name("librispeech-251.tsv")
DIGIT_FOLDS = {"george": 0, "jackson": 1, "nicolas": 1}
KEYWORD_FOLDS = {"computer": 0, "jarvis": 1, "alexa": 0}
SAMPLE_RATE_HZ = 16_000

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """One utterance.

    Attributes:
        name: Unique.
        source: Kind of speech: libri, keyword, digits, flite, espeak, festival.
        fold: 0 or 1; None for synthetic speech, which every model may hear.
        words: What is said.
        audio: Shape (samples,), float32 at 16 kHz.
        ends: For flite's voices each phone (None: silence) with its end in seconds, else empty.
    """

    name: str
    source: str
    fold: int | None
    words: tuple[str, ...]
    audio: Audio
    ends: tuple[tuple[str | None, float], ...] = ()


def fold_of(speaker: str) -> int:
    """Fold of a LibriSpeech speaker."""
    return zlib.crc32(speaker.encode()) % 2


def transcripts() -> dict[str, tuple[str, ...]]:
    """Words of the LibriSpeech clips by file name, those that were only guessed with a star before them.

    Clips that could not be made out are missing.
    """
    lines = (line.split("\t") for line in TRANSCRIPTS.read_text("utf-8").splitlines())
    return {name: tuple(text.split()) for name, text in lines if text}


def is_guessed(word: str) -> bool:
    """Whether a word of a transcript was only guessed."""
    return word.startswith("*")


def librispeech(*, guessed: bool = False) -> Iterator[Spoken]:
    """The clips whose words are known, or also those of which some are guessed."""
    for name, words in transcripts().items():
        if guessed or not any(map(is_guessed, words)):
            yield Spoken(name, "libri", fold_of(name.split("-")[0]), words, load(LIBRISPEECH / name))


def keywords() -> Iterator[Spoken]:
    """Single words by many people."""
    for word, fold in KEYWORD_FOLDS.items():
        for path in sorted((AUDIO / "keywords" / word).iterdir()):
            yield Spoken(f"{word}-{path.stem}", "keyword", fold, (word,), load(path))


def digits(
    count: int, seed: int, speakers: Sequence[str] = tuple(DIGIT_FOLDS), *, least: int = 1, most: int = 7
) -> Iterator[Spoken]:
    """Digits of one person joined to utterances of ``least`` to ``most``, with pauses between some of them."""
    dice = random.Random(seed)
    for number in range(count):
        speaker = speakers[number % len(speakers)]
        said = [dice.randrange(10) for _ in range(dice.randint(least, most))]
        parts = []
        for digit in said:
            clip = load(AUDIO / "digits" / speaker / f"{digit}_{speaker}_{dice.randrange(50)}.wav")
            parts.append(clip / max(1e-3, float(np.abs(clip).max())) * dice.uniform(0.3, 0.6))
            parts.append(np.zeros(dice.choice((0, 400, 1600, 4000)), np.float32))
        words = tuple(DIGITS[digit] for digit in said)
        yield Spoken(f"digits-{number}", "digits", DIGIT_FOLDS[speaker], words, np.concatenate(parts))


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
