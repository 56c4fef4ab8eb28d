"""From outcomes to figures: error rates, costs and times, with confidence intervals.

A trial without a score (nobody enrolled, or too little speech in the test) is never dropped: it is one that is never
accepted, with a score below all others. In Cllr and minCllr, which ask what a number is worth and not what is done,
it counts as an LLR of 0, no evidence.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.events import Verdict
from streamauth.evaluation.metrics import Scores, act_dcf, cllr, eer, frr_at_far, min_cllr, min_dcf, wilson
from streamauth.evaluation.run import Evaluation
from streamauth.evaluation.trial_runner import Scoring
from streamauth.evaluation.trials import Kind

COST_PRIOR = 0.01
"""Prior of a target for which actDCF is given."""

_LEVEL = (2.5, 97.5)
_REPLICATES = 200
_MOST_RESAMPLED = 4_000_000  # trials in all replicates: a few seconds
_SEED = 11
INTERVALS = (
    "95 %: bootstrap over enrollments and tested recordings at once; for rates not narrower than Wilson's interval"
)


@dataclass(frozen=True)
class Arrays:
    """The outcomes of all trials, by column, each of shape (trials,).

    Attributes:
        target: Whether it is to be accepted.
        scores: Scores, those of failed trials below all others.
        evidence: The same with failed trials at 0 in full scoring.
        scored: Whether there is a score.
        accepted: Whether the live session accepted.
        undecided: Whether it decided neither way.
        speech_s: Net speech until the decision, NaN where there was no session.
    """

    target: NDArray[np.bool_]
    scores: Scores
    evidence: Scores
    scored: NDArray[np.bool_]
    accepted: NDArray[np.bool_]
    undecided: NDArray[np.bool_]
    speech_s: Scores

    @classmethod
    def of(cls, evaluation: Evaluation) -> "Arrays":
        """Those of an evaluation."""
        outcomes = evaluation.outcomes
        scores = np.array([np.nan if o.score is None else o.score for o in outcomes], np.float64)
        scored = np.isfinite(scores)
        lowest = float(scores[scored].min()) - 1.0 if scored.any() else 0.0
        none = 0.0 if evaluation.scoring is Scoring.FULL else lowest
        verdicts = np.array([o.verdict or Verdict.UNDECIDED for o in outcomes])
        return cls(
            np.array([trial.kind.target for trial in evaluation.trials.trials]),
            np.where(scored, scores, lowest),
            np.where(scored, scores, none),
            scored,
            verdicts == Verdict.ACCEPT,
            verdicts == Verdict.UNDECIDED,
            np.array([np.nan if o.speech_s is None else o.speech_s for o in outcomes], np.float64),
        )

    def pair(self, values: Scores, which: NDArray[np.int64] | None = None) -> tuple[Scores, Scores]:
        """The values of targets and of non-targets, of all trials or those with these numbers."""
        target = self.target if which is None else self.target[which]
        chosen = values if which is None else values[which]
        return chosen[target], chosen[~target]


Figure = Callable[[Arrays, NDArray[np.int64]], float]


def _score(measure: Callable[..., float], *more: float) -> Figure:
    return lambda arrays, which: measure(*arrays.pair(arrays.scores, which), *more)


_RATES: dict[str, tuple[Figure, bool]] = {
    # with whether it is a rate of the targets
    "eer": (_score(eer), True),
    "frr_at_far_01": (_score(frr_at_far, 0.01), True),
    "frr_at_far_001": (_score(frr_at_far, 0.001), True),
}
_COSTS: dict[str, Figure] = {"mindcf_01": _score(min_dcf, 0.01), "mindcf_05": _score(min_dcf, 0.05)}
_OF_LLRS: dict[str, Figure] = {
    "actdcf": _score(act_dcf, COST_PRIOR),
    "cllr": lambda arrays, which: cllr(*arrays.pair(arrays.evidence, which)),
}
_DECISIONS: dict[str, tuple[Figure, bool]] = {
    "far": (lambda arrays, which: float(np.mean(arrays.accepted[which][~arrays.target[which]])), False),
    "frr": (lambda arrays, which: float(np.mean(~arrays.accepted[which][arrays.target[which]])), True),
}


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """Everything that ``--json`` prints."""
    presented, evaluation = evaluation.of(attacks=True), evaluation.of(attacks=False)
    arrays = Arrays.of(evaluation)
    full = evaluation.scoring is Scoring.FULL
    everything = np.arange(arrays.target.size)
    measured: dict[str, Figure] = {name: figure for name, (figure, _) in _RATES.items()} | _COSTS
    if full:
        measured |= _OF_LLRS
    values: dict[str, float | None] = {name: figure(arrays, everything) for name, figure in measured.items()}
    resampled = _resampled(evaluation)
    spread: dict[str, list[float]] = {}
    for name, figure in measured.items():
        rate_of = None if name not in _RATES else arrays.target == _RATES[name][1]
        spread[name] = _interval(figure, arrays, resampled, rate_of)
    decision = None
    if full:
        decision = _decision(arrays, everything)
        for name, (figure, of_targets) in _DECISIONS.items():
            spread[f"decision.{name}"] = _interval(figure, arrays, resampled, arrays.target == of_targets)
    trials = evaluation.trials
    return {
        "scoring": str(evaluation.scoring),
        "encoder": evaluation.encoder_id,
        "n_target": int(arrays.target.sum()),
        "n_nontarget": int((~arrays.target).sum()),
        "n_files": len(trials.files),
        "n_failed_enrol": len(evaluation.failed_enrollments),
        "n_failed_test": len(evaluation.failed_tests),
        "n_failed_trials_target": int((arrays.target & ~arrays.scored).sum()),
        "n_failed_trials_nontarget": int((~arrays.target & ~arrays.scored).sum()),
        "n_same_file": trials.same_file,
        **_rounded({name: values.get(name) for name in (*_RATES, *_COSTS, *_OF_LLRS)}),
        "min_cllr": round(min_cllr(*arrays.pair(arrays.evidence)), 6),
        "operating_point": _operating_point(evaluation, arrays),
        "decision": decision,
        "by_class": _by_class(evaluation, arrays) if trials.text_dependent else None,
        "by_group": _by_group(evaluation) if full else {},
        "iapar": _iapar(presented) if full else {},
        "intervals": {"method": INTERVALS, **{name: [round(end, 6) for end in ends] for name, ends in spread.items()}},
        "failed_enrol": [[str(file) for file in claimed.files] for claimed in evaluation.failed_enrollments],
        "failed_test": [str(file) for file in evaluation.failed_tests],
    }


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 6) for name, value in values.items()}


def _decision(arrays: Arrays, everything: NDArray[np.int64]) -> dict[str, float | None]:
    target, nontarget = arrays.target, ~arrays.target

    def median(which: NDArray[np.bool_]) -> float | None:
        heard = arrays.speech_s[which & np.isfinite(arrays.speech_s)]
        return float(np.median(heard)) if heard.size else None

    return _rounded(
        {
            **{name: figure(arrays, everything) for name, (figure, _) in _DECISIONS.items()},
            "undecided": float(np.mean(arrays.undecided)),
            "undecided_target": float(np.mean(arrays.undecided[target])),
            "undecided_nontarget": float(np.mean(arrays.undecided[nontarget])),
            "median_speech_s_target": median(target),
            "median_speech_s_nontarget": median(nontarget),
        }
    )


def _operating_point(evaluation: Evaluation, arrays: Arrays) -> dict[str, float | None] | None:
    """What the threshold of the settings does to the score over all speech."""
    if evaluation.threshold is None:
        return None
    targets, nontargets = arrays.pair(arrays.scores)
    return _rounded(
        {
            "target_far": evaluation.target_far,
            "threshold": evaluation.threshold,
            "far": float(np.mean(nontargets >= evaluation.threshold)),
            "frr": float(np.mean(targets < evaluation.threshold)),
        }
    )


def _by_class(evaluation: Evaluation, arrays: Arrays) -> dict[str, dict[str, float | None]]:
    """Of each kind of non-target how many were accepted live, and its own EER against the targets."""
    kinds = np.array([trial.kind for trial in evaluation.trials.trials])
    full = evaluation.scoring is Scoring.FULL
    classes = {}
    for kind in (Kind.TARGET_WRONG, Kind.IMPOSTOR_CORRECT, Kind.IMPOSTOR_WRONG):
        chosen = kinds == kind
        if count := int(chosen.sum()):
            classes[str(kind)] = {
                "n": count,
                **_rounded(
                    {
                        "far": float(np.mean(arrays.accepted[chosen])) if full else None,
                        "eer": eer(arrays.scores[arrays.target], arrays.scores[chosen]),
                    }
                ),
            }
    return classes


def _by_group(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """The live error rates of each group of claimed people, with Wilson's intervals."""
    groups = sorted({trial.group for trial in evaluation.trials.trials if trial.group})
    pairs = list(zip(evaluation.trials.trials, evaluation.outcomes, strict=True))

    def rates(group: str) -> dict[str, Any]:
        mine = [
            (trial.kind.target, outcome.verdict == Verdict.ACCEPT) for trial, outcome in pairs if trial.group == group
        ]
        missed = [not accepted for target, accepted in mine if target]
        let_in = [accepted for target, accepted in mine if not target]
        return {"frr": _share(missed), "far": _share(let_in)}

    return {group: rates(group) for group in groups}


def _iapar(presented: Evaluation) -> dict[str, dict[str, Any]]:
    """How often a recording that is presented was accepted live, by condition (IAPAR, ISO/IEC 30107-3)."""
    pairs = list(zip(presented.trials.trials, presented.outcomes, strict=True))
    conditions = sorted({trial.attack for trial, _ in pairs})
    return {
        condition: _share([o.verdict == Verdict.ACCEPT for trial, o in pairs if trial.attack == condition])
        for condition in conditions
    }


def _share(happened: Sequence[bool]) -> dict[str, Any]:
    count = len(happened)
    low, high = wilson(sum(happened), count) if count else (0.0, 1.0)
    rate = round(sum(happened) / count, 6) if count else None
    return {"n": count, "rate": rate, "interval": [round(low, 6), round(high, 6)]}


def _resampled(evaluation: Evaluation) -> list[NDArray[np.int64]]:
    """Numbers of trials in each replicate: enrollments and tests are drawn anew, both with replacement."""
    trials = evaluation.trials.trials
    claimed = _numbered([trial.claimed for trial in trials])
    tests = _numbered([trial.test for trial in trials])
    target = np.array([trial.kind.target for trial in trials])
    rng = np.random.default_rng(_SEED)
    numbers = np.arange(len(trials))
    replicates = []
    for _ in range(max(20, min(_REPLICATES, _MOST_RESAMPLED // len(trials)))):
        often = _draw(claimed, rng) * _draw(tests, rng)
        # a replicate without any target or non-target has no error rates
        if often[target].any() and often[~target].any():
            replicates.append(np.repeat(numbers, often))
    return replicates


def _numbered(parts: Sequence[Hashable]) -> NDArray[np.int64]:
    known = {part: number for number, part in enumerate(dict.fromkeys(parts))}
    return np.array([known[part] for part in parts])


def _draw(owners: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    size = int(owners.max()) + 1
    return np.bincount(rng.integers(size, size=size), minlength=size)[owners]


def _interval(
    figure: Figure, arrays: Arrays, resampled: list[NDArray[np.int64]], rate_of: NDArray[np.bool_] | None
) -> list[float]:
    value = figure(arrays, np.arange(arrays.target.size))
    low, high = np.percentile([figure(arrays, which) for which in resampled] or [value], _LEVEL)
    if rate_of is not None:
        trials = int(rate_of.sum())
        # of no errors at all a bootstrap makes no errors either
        narrow = wilson(round(value * trials), trials)
        low, high = min(low, narrow[0]), max(high, narrow[1])
    return [float(low), float(high)]
