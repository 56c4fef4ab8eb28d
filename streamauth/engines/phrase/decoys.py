"""Compares an expected phrase with decoys made from it: a word left out, replaced or added.

Most decoys are not words but any phones at all, so that every wrong word is among them, also one that no dictionary
has; others are given, such as words that sound alike. All of them come out of one forward and one backward pass over
the phrase, one pass over any phones that may begin after any of its words, and one over the given ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamauth.engines.phrase.alignment import SILENCE, AlignmentGraph, Scores, logarithm, scaled

_NOTHING = -1e9
"""Stands for the logarithm of nothing where minus infinity would make what is no number."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Other sounds in the place of some words in a row.

    Attributes:
        first: The first of the words.
        after: The word behind the last, or the number of words.
        phones: Their numbers, one at least; pauses may be among them.
    """

    first: int
    after: int
    phones: tuple[int, ...]


@dataclass(frozen=True)
class Decoys:
    """Log probabilities of the phrase less those of the decoys, in nats: negative where a decoy explains more.

    Not to be used where ``said`` is minus infinity.

    Attributes:
        said: Log probability of the phrase itself, shape (...).
        replaced: For each word, with any phones in its place, shape (..., words). At most some nats above 0, as the
            word itself is among them.
        dropped: For each word, without it, shape (..., words); plus infinity for a phrase of one word.
        inserted: With any phones before each word and after the last, shape (..., words + 1).
        alternatives: With each of the given alternatives, shape (..., alternatives).
    """

    said: Scores
    replaced: Scores
    dropped: Scores
    inserted: Scores
    alternatives: Scores


def decoys(graph: AlignmentGraph, scores: Scores, bigram: Scores, alternatives: Sequence[Alternative] = ()) -> Decoys:
    """Compare a phrase with its decoys.

    Args:
        graph: The phrase; made without ``partly`` and with the first word as the only start.
        scores: Of the utterance.
        bigram: Log probability of each phone after each other.
        alternatives: Further decoys.
    """
    forward, backward = graph.forward(scores, bigram), graph.backward(scores, bigram)
    said = np.asarray(_log_sum(forward[..., -1, graph.last]))
    words = len(graph.targets) - 1
    into = np.stack([_into(graph, joint, forward, bigram) for joint in range(words + 1)], axis=-2)
    out = np.stack([_out_of(graph, joint, scores, backward, bigram) for joint in range(words + 1)], axis=-2)
    inserted, replaced = _any_phones_between(into, out, scores, bigram)
    dropped = np.full((*said.shape, words), -np.inf)
    for word in range(words if words > 1 else 0):
        dropped[..., word] = _skipping(graph, word, forward, out[..., word + 1, :])
    given = _instead(alternatives, into, out, scores, bigram)
    with np.errstate(invalid="ignore"):
        return Decoys(said, *(said[..., None] - others for others in (replaced, dropped, inserted, given)))


def _into(graph: AlignmentGraph, joint: int, forward: Scores, bigram: Scores) -> Scores:
    """Log sum of the ways to begin each phone in each frame behind a joint, shape (..., frames, phones)."""
    sources = graph.sources[joint]
    values = np.full((*forward.shape[:-1], len(bigram)), -np.inf)
    if joint == 0:
        values[..., 0, :] = bigram[SILENCE]
    values[..., 1:, :] = _log_product(forward[..., :-1, sources], np.exp(bigram[graph.phones[sources]]))
    return values


def _out_of(graph: AlignmentGraph, joint: int, scores: Scores, backward: Scores, bigram: Scores) -> Scores:
    """Log sum of the ways on from each phone, where the phrase goes on behind a joint in each frame.

    Shape (..., frames + 1, phones); the last row stands for an utterance that ends there.
    """
    targets = graph.targets[joint]
    phones = graph.phones[targets]
    going_on = scores[..., 2 * phones] + backward[..., targets]
    ending = np.full((*scores.shape[:-2], 1, len(bigram)), 0.0 if joint == len(graph.targets) - 1 else -np.inf)
    return np.concatenate([_log_product(going_on, np.exp(bigram[:, phones].T)), ending], axis=-2)


def _skipping(graph: AlignmentGraph, word: int, forward: Scores, out: Scores) -> Scores:
    sources = graph.sources[word]
    paths = forward[..., sources] + out[..., 1:, graph.phones[sources]]
    at_once = out[..., 0, SILENCE] if word == 0 else -np.inf
    return np.logaddexp(_log_sum(paths, 2), at_once)


def _any_phones_between(into: Scores, out: Scores, scores: Scores, bigram: Scores) -> tuple[Scores, Scores]:
    """Log sums of the phrase with any phones, one at least, that begin behind each joint.

    Likelihoods are worked on as such, each frame's relative to its highest, which is much faster than their logarithms.

    Returns:
        Where the phrase then goes on behind the same joint, shape (..., joints), and behind the next one, shape
        (..., joints - 1).
    """
    into = into.copy()
    into[..., SILENCE] = -np.inf  # a pause alone is no other word
    begun, begun_level = _relative(np.moveaxis(into, -3, 0))
    pairs, level = _relative(np.moveaxis(scores, -2, 0)[..., None, :])
    enter, stay = pairs[..., ::2], pairs[..., 1::2]
    chances = np.exp(bigram)
    values, levels = np.empty(begun.shape), np.empty(begun_level.shape)
    value, reached = np.zeros(begun.shape[1:]), np.full(begun_level.shape[1:], _NOTHING)
    for frame in range(len(begun)):
        top = np.maximum(reached, begun_level[frame])
        value = value * np.exp(reached - top)
        arriving = value @ chances + begun[frame] * np.exp(begun_level[frame] - top)
        value, scale = scaled(arriving * enter[frame] + value * stay[frame])
        values[frame], levels[frame] = value, top + np.log(scale) + level[frame]
        reached = levels[frame]
    paths = logarithm(values) + levels
    # the joints before the frames
    paths, out = np.moveaxis(paths, 0, -2), np.swapaxes(out[..., 1:, :, :], -2, -3)
    return _log_sum(paths + out, 2), _log_sum(paths[..., :-1, :, :] + out[..., 1:, :, :], 2)


def _relative(values: Scores) -> tuple[Scores, Scores]:
    """Likelihoods relative to the highest along the last axis, and its logarithm, which is never infinite."""
    level = np.maximum(values.max(axis=-1, keepdims=True), _NOTHING)
    return np.exp(values - level), level


def _instead(alternatives: Sequence[Alternative], into: Scores, out: Scores, scores: Scores, bigram: Scores) -> Scores:
    """Log sums of the phrase with each alternative, shape (..., alternatives)."""
    if not alternatives:
        return np.empty((*scores.shape[:-2], 0))
    # a pause may follow within the phrase, as it may behind each of its words; the end has its own
    pauses = [(SILENCE,) if one.after < out.shape[-2] - 1 else () for one in alternatives]
    chains = [(*one.phones, *pause) for one, pause in zip(alternatives, pauses, strict=True)]
    phones = np.array([phone for chain in chains for phone in chain], np.int64)
    begin = np.cumsum([0, *map(len, chains)])[:-1].astype(np.int64)
    exits = [
        range(first + len(one.phones) - 1, first + len(chain))
        for first, one, chain in zip(begin, alternatives, chains, strict=True)
    ]
    ends = np.array([state for each in exits for state in each], np.int64)
    left = np.repeat(np.array([one.after for one in alternatives], np.int64), list(map(len, exits)))
    enter, stay = (np.moveaxis(scores[..., 2 * phones + later], -2, 0) for later in (0, 1))
    begun = np.moveaxis(into[..., [one.first for one in alternatives], phones[begin]], -2, 0)
    chance = bigram[np.roll(phones, 1), phones]
    values = np.empty(enter.shape)
    value = np.full(enter.shape[1:], -np.inf)
    for frame in range(len(enter)):
        arriving = np.roll(value, 1, axis=-1) + chance
        arriving[..., begin] = begun[frame]
        values[frame] = value = np.logaddexp(arriving + enter[frame], value + stay[frame])
    leaving = np.moveaxis(values[..., ends], 0, -2) + out[..., 1:, left, phones[ends]]
    sums = _log_sum(np.moveaxis(leaving, -2, -1))
    return np.stack([_log_sum(part) for part in np.split(sums, np.cumsum(list(map(len, exits)))[:-1], axis=-1)], -1)


def _log_product(left: Scores, right: Scores) -> Scores:
    """Log of the product of a matrix given by its logarithm, (..., m, k), with another, (k, n): (..., m, n)."""
    tops = left.max(axis=-1, keepdims=True)
    tops = np.where(np.isfinite(tops), tops, 0.0)
    return logarithm(np.exp(left - tops) @ right) + tops


def _log_sum(values: Scores, axes: int = 1) -> Scores:
    """Log of the sum of exponentials along the last axes; much faster than ``logaddexp.reduce``."""
    over = tuple(range(-axes, 0))
    top = values.max(axis=over, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.asarray((logarithm(np.exp(values - top).sum(axis=over, keepdims=True)) + top).squeeze(over))
