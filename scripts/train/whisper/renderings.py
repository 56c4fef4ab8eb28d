"""The projection of renderings, and how well a person's own renderings tell what was said.

    python -m scripts.train.whisper.renderings [--count 200] [--features FILE] [--fit]

Recordings of people who said the same word or sentence several times. ``--fit`` writes ``renderings.npz``: linear
discriminant analysis of what the encoder makes of 40 ms, between the phones that the phrase model finds there, on
people who are not held out. Then each of some recordings is compared with up to three others of the same words by the
same person, and with those of other words by that person, where Whisper's encoder was not tuned on them.
``--features`` keeps what the encoder gave in a file of numpy.
"""

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from scripts.measure.heldout import PEOPLE, is_held_out, tuned_on
from scripts.measure.phrase_trials import in_condition, utterances
from streamauth.core.ports import SAMPLE_RATE_HZ, Rendering, Samples
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.alignment import FRAME_S, any_phones
from streamauth.engines.phrase.whisper.fusion import Fusion
from streamauth.engines.phrase.whisper.model import WhisperModel
from streamauth.engines.phrase.whisper.renderings import DIMENSIONS, FILE, Projection, difference, encoded
from streamauth.evaluation.metrics import wilson

MODELS = Path(__file__).resolve().parents[3] / "models"
JUDGE, PHRASE = MODELS / "whisper-tiny-en", MODELS / "vosk-en" / "phrase"
SETS = {"kathleen": 2, "dsp20": 2, "wuw2": 2, "gsc": 3}
"""Sets of recordings, and how often somebody must have said the same words."""
CONDITIONS = ("clean", "babble 10 dB", "pink 10 dB")
OWN, MOST_PEOPLE = 3, 60
RIDGE = 1e-2


@dataclass(frozen=True)
class Taken:
    """One recording in one condition: ``values`` of shape (frames, 384), ``phones`` of shape (frames,)."""

    source: str
    person: str
    name: str
    text: str
    condition: str
    values: NDArray[np.float16]
    phones: NDArray[np.int8]


def collect(seed: int, count: int, *, phones: bool) -> Iterator[Taken]:
    """Recordings of so many phrases of each set, in several conditions, with their phones where they are wanted."""
    model, dice = WhisperModel(JUDGE), random.Random(seed)
    acoustics = AcousticModel(PHRASE) if phones else None
    for source, least in SETS.items():
        said: defaultdict[tuple[str, str], list[tuple[str, str, float, float]]] = defaultdict(list)
        for row in (PEOPLE / f"{source}.tsv").read_text("utf-8").splitlines():
            file, start, end, person, _, name, text = row.split("\t")
            said[person, text.lower()].append((file, name, float(start), float(end)))
        people = sorted({person for person, _ in said})
        chosen = set(dice.sample(people, min(MOST_PEOPLE, len(people))))
        phrases = sorted(one for one, takes in said.items() if one[0] in chosen and len(takes) >= least)
        dice.shuffle(phrases)
        # all of one person, then of the next
        order = {person: place for place, (person, _) in enumerate(phrases)}
        for person, text in sorted(phrases, key=lambda one: order[one[0]])[:count]:
            takes = dice.sample(said[person, text], len(said[person, text]))[: OWN + 1]
            for number, (file, name, start_s, end_s) in enumerate(takes):
                for condition in CONDITIONS if number == len(takes) - 1 else CONDITIONS[:1]:
                    heard = in_condition(_read(PEOPLE / file, start_s, end_s), condition, dice)
                    found = _encode(heard, model, acoustics)
                    if found is not None:
                        yield Taken(
                            source if text.isascii() else f"{source}, Mandarin", person, name, text, condition, *found
                        )


def _read(path: Path, start_s: float, end_s: float) -> Samples:
    with soundfile.SoundFile(path) as file:
        file.seek(int(start_s * file.samplerate))
        audio = file.read(int((end_s - start_s) * file.samplerate), dtype="float32")
        return np.asarray(soxr.resample(audio, file.samplerate, SAMPLE_RATE_HZ), np.float32)


def _encode(
    audio: Samples, model: WhisperModel, phones: AcousticModel | None
) -> tuple[NDArray[np.float16], NDArray[np.int8]] | None:
    found = list(utterances(audio))
    samples = np.concatenate(found)[: 12 * SAMPLE_RATE_HZ] if found else np.zeros(0, np.float32)
    if samples.size < SAMPLE_RATE_HZ // 4:
        return None
    values = encoded(model.hear(samples), samples.size)
    if phones is None:
        return values.astype(np.float16), np.zeros(len(values), np.int8)
    likely = any_phones(phones.scores(samples), phones.bigram)[1].mean(axis=0).argmax(axis=-1)
    at = ((np.arange(len(values)) + 0.5) * 0.04 / FRAME_S).astype(int)
    return values.astype(np.float16), likely[np.minimum(at, len(likely) - 1)].astype(np.int8)


def fitted(taken: Sequence[Taken]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean, shape (384,), and directions, shape (384, DIMENSIONS)."""
    known = [
        one for one in taken if one.condition == CONDITIONS[0] and not is_held_out(one.source.split(",")[0], one.person)
    ]
    values = np.concatenate([one.values for one in known]).astype(np.float64)
    phones = np.concatenate([one.phones for one in known])
    mean = values.mean(axis=0)
    within, between = np.zeros((mean.size,) * 2), np.zeros((mean.size,) * 2)
    for phone in np.unique(phones):
        those = values[phones == phone]
        away = those.mean(axis=0) - mean
        within += np.cov(those.T, bias=True) * len(those) / len(values)
        between += np.outer(away, away) * len(those) / len(values)
    within += RIDGE * np.trace(within) / mean.size * np.eye(mean.size)
    spread, axes = np.linalg.eigh(within)
    white = axes / np.sqrt(spread)
    directions = white @ np.linalg.eigh(white.T @ between @ white)[1]
    return mean.astype(np.float32), directions[:, ::-1][:, :DIMENSIONS].astype(np.float32)


def report(taken: Sequence[Taken], seed: int, count: int) -> None:
    """Print how own renderings tell the same words from others of the same person."""
    projection, fusion, dice = Projection(JUDGE), Fusion.read(JUDGE), random.Random(seed)
    takes: defaultdict[tuple[str, str, str], dict[str, list[tuple[str, Rendering]]]] = defaultdict(dict)
    for one in taken:
        if tuned_on(one.source.split(",")[0], one.person, one.name):
            continue
        by_condition = takes[one.source, one.person, one.text]
        by_condition.setdefault(one.condition, []).append((one.name, projection.project(one.values)))
    print("| set | condition | missed | 95 % | of | another word taken | 95 % | of | each comparison |")
    print("|---|---|---|---|---|---|---|---|---|")
    for source in dict.fromkeys(one.source for one in taken):
        phrases = [one for one in takes if one[0] == source]
        phrases = dice.sample(phrases, min(count, len(phrases)))
        for condition in CONDITIONS:
            llrs: dict[bool, list[float]] = {True: [], False: []}
            begin, compared = time.process_time(), 0
            for phrase in phrases:
                others = [one for one in takes if one[:2] == phrase[:2] and one[2] != phrase[2]]
                for each in (phrase, *dice.sample(others, min(3, len(others)))):
                    for name, rendering in takes[each].get(condition, [])[:1]:
                        own = [one for known, one in takes[phrase].get(CONDITIONS[0], []) if known != name][:OWN]
                        compared += len(own)
                        llr = fusion.own_llr([difference(rendering, one) for one in own])
                        if llr is not None:
                            llrs[each == phrase].append(llr)
            cells = []
            for right, values in llrs.items():
                errors = sum((value < 0) == right for value in values)
                low, high = wilson(errors, len(values)) if values else (0.0, 1.0)
                cells.append(f"{errors / max(1, len(values)):.1%} | {low:.1%} to {high:.1%} | {len(values)}")
            spent_ms = 1000 * (time.process_time() - begin) / max(1, compared)
            print(f"| {source} | {condition} | {' | '.join(cells)} | {spent_ms:.1f} ms |")


def main() -> None:
    """Collect or load, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, help="file of what the encoder gave: made, or read if it is there")
    parser.add_argument("--fit", action="store_true", help="write the projection")
    parser.add_argument("--count", type=int, default=200, help="phrases of each set")
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.features is not None and arguments.features.exists():
        with np.load(arguments.features, allow_pickle=True) as content:
            taken = [Taken(*row) for row in content["taken"]]
    else:
        taken = list(collect(arguments.seed, arguments.count, phones=arguments.fit))
        if arguments.features is not None:
            rows = np.empty((len(taken), 7), object)
            for index, one in enumerate(taken):
                rows[index] = (one.source, one.person, one.name, one.text, one.condition, one.values, one.phones)
            np.savez(arguments.features, taken=rows)
    if arguments.fit:
        mean, directions = fitted(taken)
        np.savez(JUDGE / FILE, mean=mean, projection=directions)
    report(taken, arguments.seed, arguments.count)


if __name__ == "__main__":
    main()
