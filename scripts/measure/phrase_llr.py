"""Error rates of the phrase check on recordings of people, and the fit of its likelihood ratio.

    python -m scripts.measure.phrase_llr [--models FOLDER0 [FOLDER1]] [--clips 60] [--fit]

FOLDER0 and FOLDER1 are model folders whose networks were trained without fold 0 and without fold 1 of
``recognizer_speech``; each recording is scored by the one that never heard its speaker (sentences, digits) or its
keyword. With FOLDER0 alone only fold 0 is tried. Without any the shipped model scores everything, which it heard in
training: better than the truth.

Three groups, each clean, with babble and pink noise at 10 dB, and at twice the tempo:

- keyword: one word by many people; against other keywords and running speech;
- sentence: pieces of four to seven words of LibriSpeech clips; against the same with one word replaced by any other,
  by one that sounds nearly alike (``near word``), dropped, added, two swapped, without two words at an end (``cut
  short``), with two more (``continued``), and against other sentences;
- digits: six digits of one person, recorded at 8 kHz; against one digit wrong and other digits.
"""

import argparse
import multiprocessing
import random
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from scripts.measure.phrase_trials import (
    CONDITIONS,
    Recording,
    digit_recordings,
    keyword_recordings,
    sentence_recordings,
    utterances,
)
from scripts.measure.trials import LIBRISPEECH, load
from scripts.train.vosk.speech import KEYWORD_FOLDS, fold_of, transcripts
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.evidence import UtteranceEvidence
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.llr import KNOTS, terms
from streamauth.engines.phrase.measures import Alignment
from streamauth.evaluation.metrics import eer, frr_at_far
from streamauth.settings import Settings

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "vosk-en"
WRONG, RIDGE = 3.0, 0.3
SURE, LEAST_SURE = (3, 5), 0.1
"""Measures (dropped, inserted outside) whose weight below the first knot is at least so much."""
_NEVER = -60.0


@dataclass(frozen=True)
class Trial:
    """One expectation of one utterance.

    Attributes:
        group: keyword, sentence, digits.
        condition: Of ``CONDITIONS``.
        kind: "right", or what is wrong with what is expected.
        half: Of the recordings, to fit on one and measure on the other.
        llr: Its likelihood ratio.
        measures: What it is made of; None where the utterance is too short.
    """

    group: str
    condition: str
    kind: str
    half: int
    llr: float
    measures: tuple[float, ...] | None = None


class Judge:
    """The likelihood ratio of the embedded model."""

    def __init__(self, models: Sequence[AcousticModel], sounds: Lexicon) -> None:
        self._models, self._sounds = models, sounds

    def __call__(self, recording: Recording) -> list[tuple[float, tuple[float, ...] | None]]:
        """Score and measures of each expectation."""
        evidences = [UtteranceEvidence(self._models[recording.fold], samples) for samples in recording.utterances]
        scores: list[tuple[float, tuple[float, ...] | None]] = []
        for _, words in recording.expected:
            expected = Expected.of(words, self._sounds)
            found = [alignment for e in evidences if (alignment := e.align(expected))]
            best: Alignment | None = max(found, key=lambda alignment: alignment.llr, default=None)
            scores.append((best.llr, best.measures) if best else (_NEVER, None))
        return scores


def fit(trials: Sequence[Trial]) -> NDArray[np.float64]:
    """Weights and bias of a logistic regression.

    Each group and condition weighs the same, and what is wrong ``WRONG`` times as much as what is right.
    """
    known = [trial for trial in trials if trial.measures is not None]
    inputs = np.array([[*terms(trial.measures or ()), 1.0] for trial in known])
    signs = np.array([1.0 if trial.kind == "right" else -1.0 for trial in known])
    groups = [(trial.group, trial.condition, trial.kind == "right") for trial in known]
    sizes = Counter(groups)
    shares = np.array([(1.0 if group[2] else WRONG) / sizes[group] for group in groups])
    shares *= len(known) / shares.sum()

    def cost(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        against = -signs * (inputs @ weights)
        penalty = RIDGE * np.r_[weights[:-1], 0.0]
        slope = inputs.T @ (-signs * shares / (1 + np.exp(-against))) + 2 * penalty
        return float(shares @ np.logaddexp(0, against) + weights @ penalty), slope

    measures = len(known[0].measures or ())
    bounds: list[tuple[float | None, None]] = [(0, None)] * inputs.shape[1]
    # the measures without knots, which say nothing for or against the words, and the bias
    for free in (*range(len(KNOTS), measures), -1):
        bounds[free] = (None, None)
    # a word that was not said, and other words around the phrase, must weigh by themselves
    for sure in SURE:
        bounds[measures + 2 * sure] = (LEAST_SURE, None)
    found = minimize(cost, np.zeros(len(bounds)), jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 5000})
    return np.asarray(found.x)


def report(trials: Sequence[Trial], threshold: float) -> None:
    """Print the error rates."""
    head = f"{'group':<9}{'condition':<14}{'right':>6}{'wrong':>6}{'EER':>8}{'FRR@1%':>8}{'missed':>8}"
    print(head, " taken if wrong, by kind")
    for group in dict.fromkeys(trial.group for trial in trials):
        for condition in CONDITIONS:
            chosen = [t for t in trials if t.group == group and t.condition == condition]
            if not chosen:
                continue
            right = np.array([t.llr for t in chosen if t.kind == "right"])
            wrong = np.array([t.llr for t in chosen if t.kind != "right"])
            kinds = dict.fromkeys(t.kind for t in chosen if t.kind != "right")
            taken = {k: np.mean([t.llr >= threshold for t in chosen if t.kind == k]) for k in kinds}
            print(
                f"{group:<9}{condition:<14}{right.size:>6}{wrong.size:>6}{eer(right, wrong):>8.1%}"
                f"{frr_at_far(right, wrong, 0.01):>8.1%}{np.mean(right < threshold):>8.1%}  "
                + ", ".join(f"{kind} {share:.1%}" for kind, share in taken.items())
            )


def collect(clips: int, folders: Sequence[Path]) -> list[Trial]:
    """All trials, two conditions at a time."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(partial(trials_in, clips, folders), CONDITIONS, chunksize=1)
    heard_s, spent_s = (sum(each) for each in zip(*(times for _, times in found), strict=True))
    print(f"{spent_s / heard_s:.3f} CPU s per s of audio, with some ten expectations each")
    return [trial for trials, _ in found for trial in trials]


def trials_in(clips: int, folders: Sequence[Path], condition: str) -> tuple[list[Trial], tuple[float, float]]:
    """The trials of one condition, with the seconds of audio and of processor time that they took."""
    models = [AcousticModel(folder / "phrase") for folder in folders]
    sounds = Lexicon(SHIPPED / "phrase")
    judge, trials = Judge(models, sounds), []
    heard_s = spent_s = 0.0
    dice = random.Random(5)
    for recording in (
        *keyword_recordings(clips, condition, dice),
        *sentence_recordings(2 * clips, condition, dice, models, sounds),
        *digit_recordings(clips, condition, dice),
    ):
        if recording.fold >= len(models):
            continue
        heard_s += sum(samples.size for samples in recording.utterances) / SAMPLE_RATE_HZ
        begin = time.process_time()
        scores = judge(recording)
        spent_s += time.process_time() - begin
        for (kind, _), (llr, measures) in zip(recording.expected, scores, strict=True):
            trials.append(Trial(recording.group, condition, kind, half_of(recording), llr, measures))
    return trials, (heard_s, spent_s)


def half_of(recording: Recording) -> int:
    """0 or 1; the same for a recording under all conditions."""
    return zlib.crc32(recording.name.encode()) % 2


def false_alarms(models: Sequence[AcousticModel], sounds: Lexicon, threshold: float) -> None:
    """Print how often running speech is taken for a phrase: all LibriSpeech clips, joined."""
    known, hours = transcripts(), 0.0
    phrases = [*((word,) for word in KEYWORD_FOLDS), ("open", "the", "door"), ("four", "seven", "one", "nine")]
    alarms = dict.fromkeys(phrases, 0)
    for path in sorted(LIBRISPEECH.glob("*.flac")):
        fold = fold_of(path.name.split("-")[0]) if path.name in known else 0
        if fold >= len(models):
            continue
        audio = load(path)
        hours += audio.size / SAMPLE_RATE_HZ / 3600
        for samples in utterances(audio):
            evidence = UtteranceEvidence(models[fold], samples)
            for phrase in phrases:
                found = evidence.align(Expected.of(phrase, sounds))
                alarms[phrase] += found is not None and found.llr >= threshold
    print(f"\nfalse alarms in {hours:.2f} h of running speech:", {" ".join(p): count for p, count in alarms.items()})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, nargs="+", help="folders trained without fold 0 and without fold 1")
    parser.add_argument("--clips", type=int, default=60, help="size of the groups")
    parser.add_argument("--fit", action="store_true", help="print weights fitted on all trials, and their rates")
    arguments = parser.parse_args()
    folders = arguments.models or (SHIPPED, SHIPPED)
    threshold = Settings().phrase.min_llr
    models = [AcousticModel(folder / "phrase") for folder in folders]
    false_alarms(models, Lexicon(SHIPPED / "phrase"), threshold)
    trials = collect(arguments.clips, folders)
    report(trials, threshold)
    if arguments.fit:
        print_fit(trials, threshold)


def print_fit(trials: Sequence[Trial], threshold: float) -> None:
    """Weights fitted on each half and reported on the other, then on all."""
    refitted = []
    for half in (0, 1):
        weights = fit([trial for trial in trials if trial.half != half])
        for trial in trials:
            if trial.half == half:
                llr = float(np.dot([*terms(trial.measures), 1.0], weights)) if trial.measures else _NEVER
                refitted.append(replace(trial, llr=llr))
    print("\nfitted on one half, measured on the other")
    report(refitted, threshold)
    print("weights and bias, fitted on both:", fit(trials).round(4).tolist())


if __name__ == "__main__":
    main()
