"""Scores to log-likelihood ratios, and the bounds that follow from a target error rate.

Data path: embedding -> similarity (``voiceprint``) -> normalized by the cohort (``scoring``) -> **LLR** -> decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.quality import Quality
from streamauth.core.ports import Embedding

Thresholds = tuple[tuple[float, float], ...]
"""(false-accept rate, LLR that non-target trials of the fitting set exceed at that rate) pairs, by falling rate."""

_LEAST_SCALE = 1e-3


def cosine(a: Embedding, b: Embedding) -> float:
    """Cosine of two unit-length embeddings, in [-1, 1]."""
    return float(np.clip(np.dot(a, b), -1.0, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Other people's embeddings, which tell how high a score is that anybody would get.

    Adaptive symmetric normalization (AS-norm; P. Matejka et al., "Analysis of score normalization in multilingual
    speaker recognition", Interspeech 2017): a score is counted in standard deviations from the mean of the highest
    scores that either side has with the cohort.

    Attributes:
        embeddings: One row a person, unit length, shape (people, dim).
        top: How many of the highest scores count, after the very highest: that may be the speaker's own, where they
            are one of the cohort, and would make a good score look like nothing. 0: scores stay as they are.
    """

    embeddings: NDArray[np.float32]
    top: int

    def statistics(self, scores: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(mean, standard deviation), shape (voices,), of the highest of scores with the cohort, (voices, people)."""
        scores = np.asarray(scores, np.float64)
        top = min(self.top + 1, scores.shape[1])
        highest = np.sort(np.partition(scores, -top, axis=1)[:, -top:], axis=1)
        if top > 2:
            highest = highest[:, :-1]
        return highest.mean(axis=1), np.maximum(highest.std(axis=1), 1e-3)


def side_information(speech_s: float, quality: Quality) -> tuple[float, float, float]:
    """What is measured of a probe beside its score: ln of net speech in s, SNR and high band in units of 10 dB."""
    return log(max(speech_s, 1e-3)), quality.snr_db / 10, quality.high_band_db / 10


def terms(side: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the weights of a calibration belong to, shape (..., 7), from side information, shape (..., 3)."""
    length, snr, band = np.moveaxis(side, -1, 0)
    columns = (np.ones_like(length), length, snr, band, length * snr, snr * snr, band * band)
    return np.stack(columns, axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Maps a normalized score to a natural-log likelihood ratio, for one encoder.

    Logistic regression (N. Brümmer and J. du Preez, "Application-independent evaluation of speaker detection", 2006)
    with side information (M. I. Mandasari et al., "Quality measure functions for calibration of speaker recognition
    systems in various duration conditions", 2013): ``llr = (scale · t)·score + offset · t`` with the ``terms`` t.

    Attributes:
        encoder_id: The encoder that it was fitted for; it is never applied to another.
        scale: Weights of the terms for the score.
        offset: Weights of the terms alone.
        ranges: (least, most) of each kind of side information in the fitting set; outside, the nearest counts.
        thresholds: For a decision that looks once, at the end of a phrase.
        rolling: For a decision that looks again with each window, over the whole attempt.
        reject_llr: LLR under which true speakers of the fitting set hardly ever fall, at any look.
        change_llr: Evidence of another voice, summed up as ``change`` does, that a true speaker brings about once an
            hour at most.
        target_spread: Standard deviation of the LLRs of true speakers in quiet.
        cohort: Stands for impostors in forecasts and, if its ``top`` is not 0, normalizes the scores; None if unknown.
        search: For a search among many: (share of the false-accept rate that each candidate gets, how far the threshold
            lies over that of the least measured rate), by falling share; empty where it was not found out.
    """

    encoder_id: str
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    ranges: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    thresholds: Thresholds
    rolling: Thresholds
    reject_llr: float
    change_llr: float
    target_spread: float = 4.0
    cohort: Cohort | None = None
    search: Thresholds = ()

    @property
    def normalizer(self) -> Cohort | None:
        """The cohort, if it normalizes the scores; None for an encoder whose bare cosine is calibrated."""
        return self.cohort if self.cohort is not None and self.cohort.top else None

    def llrs(self, scores: NDArray[np.float64], speech_s: float, quality: Quality) -> NDArray[np.float64]:
        """LLRs of normalized scores of one probe.

        Args:
            scores: Shape (n,).
            speech_s: Net speech behind them, in seconds.
            quality: Of the audio it was found in.
        """
        return self.llrs_beside(scores, np.array(side_information(speech_s, quality)))

    def llrs_beside(self, scores: NDArray[np.float64], side: NDArray[np.float64]) -> NDArray[np.float64]:
        """LLRs of normalized scores, shape (n,), from ``side_information``: of all, shape (3,), or each, (n, 3)."""
        low, high = np.transpose(self.ranges)
        weights = terms(np.clip(side, low, high))
        # where the fit went wrong, a higher score must still never be worth less
        scale = np.maximum(_LEAST_SCALE, weights @ np.asarray(self.scale))
        return np.asarray(scale * scores + weights @ np.asarray(self.offset))

    def threshold(self, target_far: float, *, rolling: bool = False) -> float:
        """The LLR to reach for a false-accept rate of at most ``target_far``, in (0, 1).

        Between the measured rates the threshold is interpolated over ``ln(rate)``. Below the least measured rate
        it rises as between the last two, and by the ratio of the rates at least: a well calibrated LLR is exceeded by
        at most exp(-LLR) of non-targets, however often one looks (J. Ville, 1939), but some people resemble each other.

        Args:
            target_far: The rate.
            rolling: Whether it is looked at again and again, until it is reached.
        """
        return _interpolated(self.rolling if rolling else self.thresholds, target_far)

    def search_threshold(self, target_far: float, candidates: int, *, rolling: bool = False) -> float:
        """The LLR to reach for a false-accept rate of the whole search among candidates of at most ``target_far``.

        Each candidate has a share of the rate (Bonferroni), so the threshold is one of rates far under the measured
        ones. Where ``search`` tells how thresholds rise there, they follow it. Else they rise as those of ``threshold``
        do, more steeply than unrelated people are ever alike: a cosine has an end.

        Args:
            target_far: The rate of the whole search, in (0, 1).
            candidates: At least 1.
            rolling: As for ``threshold``.
        """
        if not self.search or candidates == 1:
            return self.threshold(target_far / candidates, rolling=rolling)
        highest = self.thresholds[-1][1]
        measured = self.thresholds + tuple((share, highest + rise) for share, rise in self.search)
        alone, each = (_interpolated(measured, rate, least_slope=0.0) for rate in (target_far, target_far / candidates))
        return self.threshold(target_far, rolling=rolling) + each - alone


def _interpolated(thresholds: Sequence[tuple[float, float]], target_far: float, least_slope: float = 1.0) -> float:
    rates = [log(rate) for rate, _ in reversed(thresholds)]
    llrs = [llr for _, llr in reversed(thresholds)]
    wanted = log(target_far)
    slope = (llrs[0] - llrs[1]) / (rates[1] - rates[0]) if len(rates) > 1 else 1.0
    return float(np.interp(wanted, rates, llrs)) + max(least_slope, slope) * max(0.0, rates[0] - wanted)
