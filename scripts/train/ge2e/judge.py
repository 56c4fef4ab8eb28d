"""Error rates of students on people who are held out, by plain cosine of one voiceprint each, to choose among them.

    python -m scripts.train.ge2e.judge WORK [STUDENT.npz ...] [--mix A ...]

Readers of the part "fit": 6 s of a clip against 3 s of what follows, under nine conditions together and each alone.
Words: half of a person's single words against the other half. Callers who called several times and were left out of
the training (``further.judged_caller``): 10 s of a call against 10 s of another. What ships comes first. ``--mix`` also
judges the weights that lie so far between what ships and each student. In brackets: 95 % of the differences to what
ships when people are drawn again.
"""

import argparse
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.measure.people import MIXED, PROBE_S, sessions
from scripts.measure.trials import librispeech, voiced
from scripts.train.ge2e.further import WINDOW, Student, judged_caller
from scripts.train.ge2e.network import Array, window_features
from scripts.train.ge2e.onnx_layers import student_weights
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.evaluation.conditions import EVALUATED, degrade
from streamauth.evaluation.metrics import eer, frr_at_far
from streamauth.settings import Settings

SEED, DRAWN_AGAIN = 11, 300
HOP = 12_800
LEAST = 12_800
READER_S = 6, 3


class Piece(NamedTuple):
    """Something said.

    Attributes:
        group: readers, words or callers.
        condition: Of readers; else empty.
        person: Who.
        enrolls: Whether it enrolls (of callers, all do and all are tested).
        mels: Of its windows, shape (windows, frames, 40).
        level: Of each window, shape (windows,).
    """

    group: str
    condition: str
    person: str
    enrolls: bool
    mels: Tensor
    level: Array


def piece(group: str, condition: str, person: str, enrolls: bool, speech: Samples) -> Piece | None:
    """A piece of voiced speech; none if it is too short."""
    if speech.size < LEAST:
        return None
    speech = np.resize(speech, max(WINDOW, speech.size))
    starts = np.linspace(0, speech.size - WINDOW, 1 + (speech.size - WINDOW + HOP // 2) // HOP).astype(int)
    windows = np.stack([speech[at : at + WINDOW] for at in starts])
    windows = windows + np.float32(1e-6)
    level = np.sqrt(np.square(windows).mean(axis=1))
    return Piece(group, condition, person, enrolls, window_features(torch.from_numpy(windows)), level)


def pieces() -> Iterator[Piece | None]:
    """All of them."""
    detector = WebrtcDetector(Settings().speech.aggressiveness)
    rng = np.random.default_rng(SEED)
    clips = list(librispeech(9.0, "fit"))
    others = [clip for _, clip in clips]
    first, second = (seconds * SAMPLE_RATE_HZ for seconds in READER_S)
    for person, clip in clips:
        yield piece("readers", "", person, True, voiced(clip[:first], detector))
        for condition in EVALUATED:
            rest = degrade(condition, clip[first:], rng, others)
            for start in range(0, min(rest.size, 2 * second) - second + 1, second):
                yield piece("readers", condition, person, False, voiced(rest[start : start + second], detector))
    for person, parts in sessions("gsc", True):
        halves = np.array_split(np.concatenate(parts), 2)
        for number, half in enumerate(halves):
            yield piece("words", "", person, number == 0, voiced(half, detector))
    for held_out in (False, True):
        for person, calls in sessions("wuw2", held_out):
            if judged_caller(person) and person not in MIXED and (held_out or len(calls) > 1):
                for call in calls:
                    yield piece("callers", "", person, True, voiced(call, detector)[: PROBE_S * SAMPLE_RATE_HZ])


class Scores(NamedTuple):
    """Trials of a group: cosines and, for each, the two people and the condition."""

    cosine: Array
    one: NDArray[np.str_]
    other: NDArray[np.str_]
    condition: NDArray[np.str_]

    def rates(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice = slice(None)) -> tuple[float, float]:
        """EER and FRR at FAR 1 %, in percent."""
        same = self.one[rows] == self.other[rows]
        target, strange = self.cosine[rows][same], self.cosine[rows][~same]
        return 100 * eer(target, strange), 100 * frr_at_far(target, strange, 0.01)


def scores(everything: list[Piece], weights: dict[str, Array]) -> dict[str, Scores]:
    """By group."""
    student = Student(weights)
    with torch.no_grad():
        found = torch.cat([student(part) for part in torch.cat([one.mels for one in everything]).split(64)]).numpy()
    prints = []
    for part, one in zip(
        np.split(found, np.cumsum([len(one.mels) for one in everything])[:-1]), everything, strict=True
    ):
        total = (one.level[:, None] * part).sum(axis=0)
        prints.append(total / np.linalg.norm(total))
    by_group = {}
    for group in ("readers", "words", "callers"):
        numbers = [n for n, one in enumerate(everything) if one.group == group]
        if group == "callers":
            trials = [(a, b) for k, a in enumerate(numbers) for b in numbers[k + 1 :]]
        else:
            enrolled = [n for n in numbers if everything[n].enrolls]
            trials = [(a, b) for b in numbers if not everything[b].enrolls for a in enrolled]
        left, right = np.array(trials).T
        voices = np.stack(prints)
        who = np.array([one.person for one in everything])
        condition = np.array([one.condition for one in everything])[right]
        by_group[group] = Scores((voices[left] * voices[right]).sum(axis=1), who[left], who[right], condition)
    return by_group


def drawn_again(group: Scores, before: Scores) -> str:
    """Where 95 % of the differences of EER and FRR lie, when people are drawn again."""
    rng = np.random.default_rng(SEED)
    people = np.unique(np.concatenate((group.one, group.other)))
    one, other = np.searchsorted(people, group.one), np.searchsorted(people, group.other)
    differences = []
    for _ in range(DRAWN_AGAIN):
        often = np.bincount(rng.integers(len(people), size=len(people)), minlength=len(people))
        times = np.where(one == other, often[one], often[one] * often[other])
        rows = np.repeat(np.arange(len(one)), times)
        if np.any(group.one[rows] == group.other[rows]):
            differences.append(np.subtract(group.rates(rows), before.rates(rows)))
    low, high = np.quantile(differences, (0.025, 0.975), axis=0)
    return f"[{low[0]:+.2f} {high[0]:+.2f}; {low[1]:+.1f} {high[1]:+.1f}]"


def line(name: str, found: dict[str, Scores], before: dict[str, Scores]) -> str:
    """What to read of a student."""
    cells = []
    for group, of_group in found.items():
        rates = of_group.rates()
        spread = "" if found is before else " " + drawn_again(of_group, before[group])
        cells.append(f"{group} {rates[0]:.2f} / {rates[1]:.1f}{spread}")
    readers = found["readers"]
    each = [f"{name} {readers.rates(readers.condition == name)[0]:.1f}" for name in EVALUATED]
    return f"{name}: {' | '.join(cells)}\n    {' '.join(each)}"


def main() -> None:
    """Judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("students", type=Path, nargs="*")
    parser.add_argument("--mix", type=float, nargs="*", default=[1.0])
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = options.work / "judge.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps([one for one in pieces() if one is not None]))
    everything: list[Piece] = pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    begun = student_weights()
    known = options.work / "judge_shipped.pickle"
    if not known.exists():
        known.write_bytes(pickle.dumps(scores(everything, begun)))
    before: dict[str, Scores] = pickle.loads(known.read_bytes())  # noqa: S301 - likewise
    for group, of_group in before.items():
        same = int(np.sum(of_group.one == of_group.other))
        print(f"{group}: {len(np.unique(of_group.one))} people, {same} / {len(of_group.one) - same} trials")
    print(line("shipped", before, before), flush=True)
    for path in options.students:
        with np.load(path) as stored:
            student = dict(stored)
        for share in options.mix:
            mixed = {name: np.float32(1 - share) * begun[name] + np.float32(share) * student[name] for name in begun}
            print(line(f"{path.stem} x {share:g}", scores(everything, mixed), before), flush=True)


if __name__ == "__main__":
    main()
