"""Measures of speaker verification, from scores of target and non-target trials.

A trial is accepted where its score reaches the threshold. All functions take higher scores for same-speaker.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]


def error_rates(targets: ArrayLike, nontargets: ArrayLike) -> tuple[Scores, Scores, Scores]:
    """Miss and false-accept rate at every threshold that matters.

    Args:
        targets: Scores of same-speaker trials, shape (n,), n > 0.
        nontargets: Scores of different-speaker trials, shape (m,), m > 0.

    Returns:
        (thresholds, frr, far), each of shape (k,), thresholds rising; the last threshold accepts nothing.

    Raises:
        ValueError: A list is empty or has a value that is not finite.
    """
    target, nontarget = _checked(targets), _checked(nontargets)
    thresholds = np.append(np.unique(np.concatenate((target, nontarget))), np.inf)
    frr = np.searchsorted(np.sort(target), thresholds, side="left") / target.size
    far = 1.0 - np.searchsorted(np.sort(nontarget), thresholds, side="left") / nontarget.size
    return thresholds, frr, far


def eer(targets: ArrayLike, nontargets: ArrayLike) -> float:
    """Equal error rate, in [0, 1]: where miss and false-accept rate meet, linear between thresholds."""
    _, frr, far = error_rates(targets, nontargets)
    after = int(np.argmax(frr >= far))
    if after == 0 or frr[after] == far[after]:
        return float(frr[after])
    before = after - 1
    gap_before, gap_after = far[before] - frr[before], frr[after] - far[after]
    share = gap_before / (gap_before + gap_after)
    return float(frr[before] + share * (frr[after] - frr[before]))


def frr_at_far(targets: ArrayLike, nontargets: ArrayLike, far_limit: float) -> float:
    """Least miss rate, in [0, 1], among thresholds with a false-accept rate of at most ``far_limit``."""
    _, frr, far = error_rates(targets, nontargets)
    return float(frr[far <= far_limit].min())


def threshold_at_far(nontargets: ArrayLike, far: float) -> float:
    """Least score that at most a share ``far`` of the non-target trials reaches or passes."""
    nontarget = np.sort(_checked(nontargets))
    allowed = int(np.floor(far * nontarget.size + 1e-9))
    return float(np.nextafter(nontarget[nontarget.size - 1 - allowed], np.inf)) if allowed < nontarget.size else -np.inf


def min_dcf(targets: ArrayLike, nontargets: ArrayLike, prior: float) -> float:
    """Least normalized detection cost with unit costs (NIST SRE), for a target prior in (0, 1)."""
    _, frr, far = error_rates(targets, nontargets)
    return float((prior * frr + (1 - prior) * far).min() / min(prior, 1 - prior))


def act_dcf(target_llrs: ArrayLike, nontarget_llrs: ArrayLike, prior: float) -> float:
    """Normalized detection cost of natural-log LLRs with unit costs at the Bayes threshold, ``-logit(prior)``."""
    target, nontarget = _checked(target_llrs), _checked(nontarget_llrs)
    threshold = np.log((1 - prior) / prior)
    cost = prior * np.mean(target < threshold) + (1 - prior) * np.mean(nontarget >= threshold)
    return float(cost / min(prior, 1 - prior))


def det_points(targets: ArrayLike, nontargets: ArrayLike) -> tuple[Scores, Scores]:
    """The corners of the curve of false-accept over miss rate (DET, Martin et al., 1997).

    Returns:
        (far, frr), each of shape (k,), far falling and frr rising; straight runs are given by their two ends.
    """
    _, frr, far = error_rates(targets, nontargets)
    frr_moves, far_moves = np.diff(frr) != 0, np.diff(far) != 0
    inside = (frr_moves[:-1] == frr_moves[1:]) & (far_moves[:-1] == far_moves[1:]) & (frr_moves[1:] != far_moves[1:])
    kept = np.concatenate(([True], ~inside, [True]))
    return far[kept], frr[kept]


def pav(targets: ArrayLike, nontargets: ArrayLike) -> tuple[Scores, Scores, Scores]:
    """Best rising map of scores to LLRs on these very trials (pool adjacent violators; Brümmer and du Preez, 2006).

    Returns:
        (lowest score of the block, share of all targets in it, share of all non-targets in it) for each block of
        scores that get one LLR, by rising LLR, which is the logarithm of the ratio of the shares.
    """
    target, nontarget = _checked(targets), _checked(nontargets)
    scores = np.unique(np.concatenate((target, nontarget)))
    counts = [np.bincount(np.searchsorted(scores, part), minlength=scores.size) for part in (target, nontarget)]
    blocks: list[tuple[float, int, int]] = []
    for score, hits, others in zip(scores.tolist(), counts[0].tolist(), counts[1].tolist(), strict=True):
        # a block whose share of targets is not below that of the next is one with it
        while blocks and blocks[-1][1] * others >= hits * blocks[-1][2]:
            score, hits, others = blocks[-1][0], hits + blocks[-1][1], others + blocks[-1][2]
            blocks.pop()
        blocks.append((score, hits, others))
    first, hit, other = np.array(blocks, np.float64).T
    return first, hit / target.size, other / nontarget.size


def min_cllr(targets: ArrayLike, nontargets: ArrayLike) -> float:
    """Cllr in bits after the best rising map of scores to LLRs: what the order of the scores alone is worth."""
    _, target, nontarget = pav(targets, nontargets)
    # blocks with trials of one kind only have an infinite LLR and cost nothing
    target, nontarget = ((part[(target > 0) & (nontarget > 0)]) for part in (target, nontarget))
    cost = target @ np.log1p(nontarget / target) + nontarget @ np.log1p(target / nontarget)
    return float(cost / (2 * np.log(2)))


def cllr(target_llrs: ArrayLike, nontarget_llrs: ArrayLike) -> float:
    """Cost of natural-log LLRs in bits (Brümmer and du Preez, 2006): 0 is perfect, 1 is no information."""
    target, nontarget = _checked(target_llrs), _checked(nontarget_llrs)
    return float((np.logaddexp(0, -target).mean() + np.logaddexp(0, nontarget).mean()) / (2 * np.log(2)))


def wilson(errors: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of a rate, as if the trials were independent."""
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = errors / trials, z * z
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = z * np.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _checked(values: ArrayLike) -> Scores:
    array = np.asarray(values, np.float64).ravel()
    if not array.size or not np.isfinite(array).all():
        raise ValueError("scores must be finite and not empty")
    return array
