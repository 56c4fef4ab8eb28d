"""Fits the calibration of an encoder: from normalized scores and the measures beside them to LLRs and bounds.

Shared by ``scripts/measure/calibrate.py``, which makes the shipped calibrations, and ``streamauth calibrate``, which
makes one from the user's own recordings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Voiceprint
from streamauth.core.voice.calibration import Calibration, Cohort, side_information, terms
from streamauth.core.voice.scoring import Gallery
from streamauth.core.voice.speaker_change import SpeakerChangeDetector
from streamauth.evaluation.metrics import threshold_at_far
from streamauth.evaluation.replay import Look

RATES = (0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)
RIDGE = 1e-5
PAIRS = 10
"""Pairs of people that a rate must stand for to be measured: trials of the same two are hardly independent."""
LOST = 0.005
"""Share of true attempts that the early reject may cost."""
FALSE_ALARMS_PER_HOUR = 0.5
_IDENTITY = (1.0, *(0.0,) * 6)

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Person:
    """Recordings of one person, heard.

    Attributes:
        voiceprint: From the recordings that enroll.
        probes: By condition, what each other recording brought, window by window; none for one who is only claimed.
    """

    voiceprint: Voiceprint
    probes: Mapping[str, Sequence[Sequence[Look]]]


@dataclass(frozen=True, eq=False)
class Trials:
    """Every look of every probe at every person, in parallel arrays of shape (trials,).

    Attributes:
        score: Normalized.
        side: Side information, shape (trials, 3).
        same: Whether the probe is the person.
        attempt: Number of the (probe, person) pair; the looks of one follow each other.
        condition: Number of the condition.
        newest: Normalized score of the newest window alone.
        newest_speech_s: Its net speech, in seconds.
        pairs: How many pairs of one who was tried and one who was claimed there are.
    """

    score: Values
    side: Values
    same: NDArray[np.bool_]
    attempt: NDArray[np.int64]
    condition: NDArray[np.int64]
    newest: Values
    newest_speech_s: Values
    pairs: int

    def llr(self, calibration: Calibration) -> Values:
        """LLRs of all looks."""
        return calibration.llrs_beside(self.score, self.side)

    def newest_llr(self, calibration: Calibration) -> Values:
        """LLRs of the newest windows alone."""
        side = self.side.copy()
        side[:, 0] = np.log(self.newest_speech_s)
        return calibration.llrs_beside(self.newest, side)


def uncalibrated(encoder_id: str, cohort: Cohort | None = None) -> Calibration:
    """A stand-in whose LLR is the normalized score, for hearing recordings before there is a calibration."""
    any_value = (-1e3, 1e3)
    nothing = ((0.5, 0.0),)
    return Calibration(
        encoder_id, _IDENTITY, (0.0,) * 7, (any_value, any_value, any_value), nothing, nothing, -inf, inf, 1.0, cohort
    )


def trials_of(people: Sequence[Person], cohort: Cohort | None) -> Trials:
    """All trials among people, each compared with all."""
    gallery = Gallery([person.voiceprint for person in people], uncalibrated("", cohort))
    names = dict.fromkeys(name for person in people for name in person.probes)
    conditions = {name: number for number, name in enumerate(names)}
    count = len(people)
    rows: list[Values] = []
    for index, person in enumerate(people):
        same = np.arange(count) == index
        for name, probes in person.probes.items():
            for looks in probes:
                begun = len(rows) and rows[-1][5].max() + 1
                for look in looks:
                    side = side_information(look.voice.speech_s, look.quality)
                    scores = [one.llr for one in gallery.compare(look.voice, look.quality)]
                    newest = [one.llr for one in gallery.compare(look.newest, look.quality)]
                    fixed = np.repeat([[*side]], count, axis=0).T
                    known = (np.full(count, conditions[name]), np.full(count, look.newest.speech_s))
                    rows.append(np.array([scores, *fixed, same, begun + np.arange(count), known[0], newest, known[1]]))
    table = np.concatenate(rows, axis=1)
    order = np.argsort(table[5], kind="stable")
    score, length, snr, band, same_, attempt, condition, newest_, newest_s = table[:, order]
    return Trials(
        score,
        np.stack((length, snr, band), axis=1),
        same_ > 0,
        attempt.astype(np.int64),
        condition.astype(np.int64),
        newest_,
        newest_s,
        count * sum(bool(person.probes) for person in people),
    )


def crossed(
    people: Sequence[Person], cohort: Cohort | None, encoder_id: str, first_look_s: float
) -> list[tuple[Trials, Calibration]]:
    """Trials of each half of the people, with the calibration that was fitted to the other; arguments as ``fit``'s."""
    halves = [trials_of(half, cohort) for half in (people[::2], people[1::2])]
    return [
        (tried, fit(known, cohort, encoder_id, first_look_s)) for known, tried in zip(halves, halves[::-1], strict=True)
    ]


def fit(trials: Trials, cohort: Cohort | None, encoder_id: str, first_look_s: float) -> Calibration:
    """The calibration of an encoder.

    Args:
        trials: Of two people at least.
        cohort: Other people, who normalized their scores.
        encoder_id: The encoder that all embeddings are of.
        first_look_s: Net speech before a decision that more speech may follow, in seconds.
    """
    ranges = tuple((float(low), float(high)) for low, high in zip(trials.side.min(0), trials.side.max(0), strict=True))
    scale, offset = _regression(trials)
    assert len(ranges) == 3  # noqa: S101 - for the type checker
    calibration = replace(uncalibrated(encoder_id, cohort), scale=scale, offset=offset, ranges=ranges, reject_llr=-inf)
    llr = trials.llr(calibration)
    rates = [rate for rate in RATES if rate * trials.pairs >= PAIRS] or list(RATES[:1])
    # a rate that stands for n pairs is known to a part of 1/sqrt(n): the promise is to hold for other people, too
    safe = {rate: rate * (1 - min(0.5, (rate * trials.pairs) ** -0.5)) for rate in rates}
    calibration = replace(calibration, thresholds=_thresholds(llr[~trials.same], safe))
    begins = _begins(trials.attempt)
    # the end of the speech decides, however little there was
    ready = trials.side[:, 0] >= np.log(first_look_s) - 1e-6
    ready[np.r_[begins[1:], len(llr)] - 1] = True
    highest = np.maximum.reduceat(np.where(ready, llr, -inf), begins)
    rolling = _thresholds(highest[~trials.same[begins]], safe)
    # the first condition is speech as it is
    quiet = llr[trials.same & (trials.condition == 0) & (trials.side[:, 0] > np.log(2))]
    calibration = replace(calibration, rolling=rolling, target_spread=float(np.std(quiet)))
    bound = calibration.threshold(0.01, rolling=True)
    calibration = replace(calibration, reject_llr=_early_reject(trials, np.where(ready, llr, 0.0), bound))
    return replace(calibration, change_llr=change_bound(trials, calibration))


def change_bound(trials: Trials, calibration: Calibration) -> float:
    """The sum of evidence for another voice that the true speaker reaches so many times an hour.

    The highest sums of separate stretches of speech fall off exponentially, from which the bound is extrapolated where
    there is less speech than hours are asked for.
    """
    mine = trials.same
    llr, speech_s = trials.newest_llr(calibration)[mine], trials.newest_speech_s[mine]
    begins = np.r_[True, np.diff(trials.attempt[mine]) != 0]
    since = np.exp(trials.side[mine, 0])
    fresh_s = np.where(begins, 0.0, np.diff(since, prepend=since[0])).clip(0, None)
    peaks, watch = [0.0], SpeakerChangeDetector(inf, inf)
    for value, fresh, begin in zip(llr, fresh_s / speech_s, begins, strict=True):
        if begin:
            peaks.append(0.0)
            watch = SpeakerChangeDetector(inf, inf)
        watch.add(float(value), float(fresh))
        peaks[-1] = max(peaks[-1], watch.evidence)
    highest = np.sort(peaks)[::-1]
    hours = float(fresh_s.sum()) / 3600
    allowed = FALSE_ALARMS_PER_HOUR * hours
    tail = highest[: max(8, len(highest) // 20)]
    mean_excess = max(0.2, float(np.mean(tail - tail[-1])))
    return float(tail[-1] + mean_excess * np.log(max(1.0, len(tail) / max(allowed, 1e-9))))


def _regression(trials: Trials) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Logistic regression by Newton's method; same and different speakers weigh equally."""
    weights = terms(trials.side)
    features = np.concatenate((weights * trials.score[:, None], weights), axis=1)
    level = np.abs(features).max(axis=0) + 1e-12
    features = features / level
    same = trials.same.astype(np.float64)
    share = np.where(trials.same, 0.5 / same.sum(), 0.5 / (1 - same).sum())
    theta = np.zeros(features.shape[1])
    for _ in range(100):
        probability = 1 / (1 + np.exp(-np.clip(features @ theta, -500, 500)))
        gradient = features.T @ (share * (probability - same)) + RIDGE * theta
        curvature = share * probability * (1 - probability)
        hessian = (features * curvature[:, None]).T @ features + RIDGE * np.eye(len(theta))
        step = np.linalg.solve(hessian, gradient)
        theta = theta - step
        if np.abs(step).max() < 1e-8:
            break
    scale, offset = (theta / level).reshape(2, -1).tolist()
    return tuple(scale), tuple(offset)


def _thresholds(nontargets: Values, safe: Mapping[float, float]) -> tuple[tuple[float, float], ...]:
    return tuple((rate, threshold_at_far(nontargets, less)) for rate, less in safe.items())


def _begins(attempt: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each attempt begins."""
    return np.flatnonzero(np.r_[True, np.diff(attempt) != 0])


def _early_reject(trials: Trials, llr: Values, accept_llr: float) -> float:
    """The highest LLR that, as a bound, loses hardly any true attempt that would be accepted later."""
    mine = trials.same
    lowest = []
    for attempt in np.split(llr[mine], _begins(trials.attempt[mine])[1:]):
        reached = np.flatnonzero(attempt >= accept_llr)
        if reached.size:
            lowest.append(attempt[: reached[0]].min(initial=0.0))
    return float(np.quantile(lowest, LOST)) if lowest else -inf
