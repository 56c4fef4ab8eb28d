"""Error rates of the phrase check, both judges together, on people at real microphones; and the fit of the joint ratio.

    python -m scripts.measure.phrases [--count 40] [--groups sentence ...] [--conditions clean ...] [--save FILE]
    python -m scripts.measure.phrases --load FILE ... [--fit | --alone]

Each recording is cut by the product's voice activity detection, and each expectation of it is a trial. ``--fit`` fits
the weights of ``fusion`` on people who are not held out and prints them, with rates by five-fold cross-validation
over people and on those held out. Intervals are Wilson's, 95 %.
"""

import argparse
import json
import random
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from scripts.measure.phrase_people import GROUPS, PhrasePeople, Said
from scripts.measure.phrase_trials import in_condition, kept, loaded, trial_options, utterances
from streamauth.core.ports import LEAST_LLR, SAMPLE_RATE_HZ
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.evidence import UtteranceEvidence
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.whisper.fusion import BOUNDS, FILE, KINDS, PLACES, TERMS, features
from streamauth.engines.phrase.whisper.judge import PhraseJudge
from streamauth.evaluation.metrics import wilson
from streamauth.settings import Settings

MODELS = Path(__file__).resolve().parents[2] / "models"
PHRASE, JUDGE = MODELS / "vosk-en" / "phrase", MODELS / "whisper-tiny-en"
CONDITIONS = ("clean", "babble 10 dB", "pink 10 dB")
WRONG = {"sentence": 3.0, "digits": 2.0, "keyword": 6.0, "noise": 10.0}
"""What is wrong weighs so many times as much as what is right, in each group; nothing is fitted on others."""
RIDGE, FOLDS = 0.05, 5
"""Penalty of weights that are large, or differ between quiet and noise; folds of people."""
_BIAS_RIDGE = 0.02
_NAMES = (*TERMS, *KINDS) * len(PLACES)
_NEVER = -1e9
_OTHER_ALIGNMENT, _OTHER_LEAD = -5.0, -8.0
"""Evidence, in nats, below which other words were said than a transcript has."""


@dataclass(frozen=True)
class Trial:
    """One expectation of one recording.

    Attributes:
        group: As of ``Said``; likewise ``source`` and ``person``.
        source: Set of recordings.
        person: Who spoke.
        held_out: Whether nothing may be fitted on it.
        condition: Of ``CONDITIONS``.
        kind: "right", or what is wrong with what is expected.
        words: The words.
        measures: Of ``fusion.Evidence``, without bounds; those of no speech at all where none was found.
        heard: What Whisper heard.
    """

    group: str
    source: str
    person: str
    held_out: bool
    condition: str
    kind: str
    words: str
    measures: dict[str, float]
    heard: str


class Costs:
    """Processor time of a decision, in seconds, by part."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self.decisions = 0

    def report(self) -> str:
        """Mean of each part."""
        return ", ".join(f"{part} {spent_s / max(1, self.decisions):.3f} s" for part, spent_s in self.spent_s.items())


def collect(
    groups: Sequence[str], conditions: Sequence[str], count: int, seed: int, costs: Costs, folder: Path
) -> Iterator[Trial]:
    """All trials."""
    model, lexicon = AcousticModel(PHRASE), Lexicon(PHRASE)
    judge = PhraseJudge(lambda: folder, lexicon)
    for condition in conditions:
        dice = random.Random(seed)
        for group in groups:
            if group == "noise" and condition != conditions[0]:
                continue
            for said in PhrasePeople(model, lexicon, seed).draw(group, count):
                yield from _trials(said, condition, dice, model, lexicon, judge, costs)


def _trials(
    said: Said,
    condition: str,
    dice: random.Random,
    model: AcousticModel,
    lexicon: Lexicon,
    judge: PhraseJudge,
    costs: Costs,
) -> Iterator[Trial]:
    # what voice activity keeps out of the judges they have to hold off themselves, too
    found = [said.audio] if said.group == "noise" else list(utterances(in_condition(said.audio, condition, dice)))
    samples = np.concatenate(found) if found else np.zeros(0, np.float32)
    heard = samples.size >= SAMPLE_RATE_HZ // 10
    begin = time.process_time()
    opinion = judge.opinion(samples)
    alignment = UtteranceEvidence(model, samples) if heard else None
    for number, (kind, words) in enumerate(said.expected):
        aligned = alignment.align(Expected.of(words, lexicon)) if alignment is not None else None
        middle = time.process_time()
        if aligned is None:
            measures = {name: least for name, (least, _) in BOUNDS.items()} | {"noise": opinion.noise}
        else:
            measures = opinion.evidence(words, aligned.llr, _NEVER).raw() | {"noise": opinion.noise}
        text = " ".join(opinion.words) if heard else ""
        # the first expectation bears the cost of hearing, as a session's only one does
        if number == 0 and kind == "right":
            costs.spent_s["alignment"] += middle - begin
            costs.spent_s["Whisper"] += time.process_time() - middle
            costs.decisions += 1
        yield Trial(
            said.group, said.source, said.person, said.held_out, condition, kind, " ".join(words), measures, text
        )


def llrs(trials: Sequence[Trial], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Likelihood ratios by given weights, in the order of ``features``."""
    return np.maximum(_inputs(trials) @ weights, LEAST_LLR)


def _inputs(trials: Sequence[Trial]) -> NDArray[np.float64]:
    rows = []
    for trial in trials:
        rows.append(features(trial.measures, trial.measures["noise"], trial.words.split()))
    return np.array(rows)


def is_mislabelled(trial: Trial) -> bool:
    """Whether a telephone call's sentence was plainly written down as something else than was said.

    Volunteers wrote them down, and left out words at the beginning and the end. Nothing is fitted on those; in the
    error rates they count as missed.
    """
    said = trial.kind == "right" and trial.group == "sentence" and trial.source == "wuw2"
    return said and (trial.measures["alignment"] < _OTHER_ALIGNMENT or trial.measures["lead"] < _OTHER_LEAD)


def fit(trials: Sequence[Trial]) -> NDArray[np.float64]:
    """Weights as for ``llrs``, all but the biases not negative. Each group and condition weighs the same."""
    chosen = [trial for trial in trials if not trial.kind.startswith("small") and not is_mislabelled(trial)]
    chosen = [trial for trial in chosen if trial.group in WRONG]
    inputs = _inputs(chosen)
    biases = np.array([name in KINDS for name in _NAMES])
    signs = np.array([1.0 if trial.kind == "right" else -1.0 for trial in chosen])
    classes = [(trial.group, trial.condition, trial.kind == "right") for trial in chosen]
    sizes = Counter(classes)
    weights_of = {one: 1.0 if one[2] else WRONG[one[0]] for one in sizes}
    shares = np.array([weights_of[one] / sizes[one] for one in classes])
    shares *= len(chosen) / shares.sum()

    def cost(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        against = -signs * (inputs @ weights)
        quiet, noisy = weights.reshape(2, -1)
        apart = np.concatenate([quiet - noisy, noisy - quiet])
        penalty = RIDGE * (weights + apart) * np.where(biases, _BIAS_RIDGE, 1.0)
        slope = inputs.T @ (-signs * shares / (1 + np.exp(-against))) + 2 * penalty
        return float(shares @ np.logaddexp(0, against) + weights @ penalty), slope

    bounds: list[tuple[float | None, None]] = [(None, None) if bias else (0.0, None) for bias in biases]
    return np.asarray(minimize(cost, np.zeros(len(bounds)), jac=True, bounds=bounds, method="L-BFGS-B").x)


def cross_validated(trials: Sequence[Trial]) -> NDArray[np.float64]:
    """The likelihood ratio of each trial by weights that were fitted on other people."""
    folds = np.array([zlib.crc32(f"{trial.source}/{trial.person}".encode()) % FOLDS for trial in trials])
    found = np.empty(len(trials))
    for fold in range(FOLDS):
        mine = np.flatnonzero(folds == fold)
        weights = fit([trial for trial, other in zip(trials, folds, strict=True) if other != fold])
        found[mine] = llrs([trials[int(index)] for index in mine], weights)
    return found


def report(trials: Sequence[Trial], scores: NDArray[np.float64], threshold: float) -> None:
    """Print the error rates: by group, condition and kind, and of right phrases by set."""
    rows: dict[tuple[str, str, str], list[bool]] = {}
    for trial, score in zip(trials, scores, strict=True):
        right = trial.kind == "right"
        wrong = bool(score < threshold) if right else bool(score >= threshold)
        name = f"missed: {trial.source}" if right else f"taken: {trial.kind}"
        rows.setdefault((trial.group, trial.condition, name), []).append(wrong)
        if right:
            rows.setdefault((trial.group, trial.condition, "missed"), []).append(wrong)
    print("| | condition | | | 95 % | of |\n|---|---|---|---|---|---|")
    for (group, condition, name), errors in sorted(rows.items()):
        low, high = wilson(sum(errors), len(errors))
        share = sum(errors) / len(errors)
        print(f"| {group} | {condition} | {name} | {share:.1%} | {low:.1%} to {high:.1%} | {len(errors)} |")


def main() -> None:
    """Collect or load, fit or judge, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[trial_options(CONDITIONS, len(CONDITIONS))],
    )
    parser.add_argument("--count", type=int, default=40, help="recordings of each set")
    parser.add_argument("--groups", nargs="+", default=list(GROUPS), choices=GROUPS)
    parser.add_argument("--fit", action="store_true", help="fit weights and print them, with their rates")
    parser.add_argument("--judge", type=Path, default=JUDGE, help="folder of Whisper, such as one in 32 bits")
    parser.add_argument("--alone", action="store_true", help="rates of the alignment alone")
    arguments = parser.parse_args()
    if arguments.load:
        trials = loaded(Trial, arguments.load)
    else:
        costs = Costs()
        drawn = arguments.groups, arguments.conditions, arguments.count, arguments.seed
        trials = kept(collect(*drawn, costs, arguments.judge), arguments.save)
        print(f"Processor time of a decision: {costs.report()}\n")
    threshold = Settings().phrase.min_llr
    if arguments.alone:
        report(trials, np.array([trial.measures["alignment"] for trial in trials]), threshold)
    elif not arguments.fit:
        content = json.loads((JUDGE / FILE).read_text("utf-8"))["weights"]
        weights = np.array([content[place][name] for place in PLACES for name in (*TERMS, *KINDS)])
        report(trials, llrs(trials, weights), threshold)
    if arguments.alone or not arguments.fit:
        return
    known = [trial for trial in trials if not trial.held_out]
    weights = fit(known)
    fitted = [round(float(weight), 3) for weight in weights]
    size = len(TERMS) + len(KINDS)
    parts = (fitted[:size], fitted[size:])
    named = {place: dict(zip((*TERMS, *KINDS), part, strict=True)) for place, part in zip(PLACES, parts, strict=True)}
    print(json.dumps({"weights": named}))
    print(f"\n{len(known)} trials by five-fold cross-validation over people")
    report(known, cross_validated(known), threshold)
    unseen = [trial for trial in trials if trial.held_out]
    if unseen:
        print(f"\n{len(unseen)} trials of people who are held out")
        report(unseen, llrs(unseen, weights), threshold)


if __name__ == "__main__":
    main()
