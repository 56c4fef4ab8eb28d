"""Trains the grapheme-to-phoneme model on the shipped dictionary: models/vosk-en/phrase/spelling.npz.

    python -m scripts.train.vosk.make_g2p [--folder models/vosk-en]

Takes half a minute and needs nothing but the dictionary. ``evaluate_spelling.py`` tells how good it is.

Each word is aligned, letter by letter, with no, one or two phones (expectation by the best path). An n-gram model of
these pairs, with modified Kneser-Ney smoothing (S. Chen, J. Goodman, 1998), is pruned of whatever hardly changes the
probability of the dictionary (after A. Stolcke, 1998).
"""

import argparse
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamauth.catalog.registry import folder_digest, models_folder
from streamauth.engines.phrase.g2p import BEGIN, BITS, END, FIRST, STEPS, Phones
from streamauth.engines.phrase.lexicon import Lexicon

ORDER = 6
GAIN = 2.0  # nats over the whole dictionary that an n-gram must be worth
ROUNDS = 6
RARE = 5  # a pair that is seen less often is a mistake of the alignment
STRANGE = 6.0  # nats per letter: said letter by letter, or not at all as it is written
NEVER = 1e9

Pair = tuple[str, Phones]
Keys = NDArray[np.int64]
Costs = NDArray[np.float64]


def align(word: str, phones: Phones, costs: Mapping[Pair, float]) -> tuple[float, list[Pair]] | None:
    """The cheapest way to deal the phones out to the letters, and its cost; None where there is none."""
    best = [0.0] + [NEVER] * len(phones)
    taken: list[list[int]] = []
    for letter in word:
        options = [
            [
                best[end - count] + costs.get((letter, phones[end - count : end]), NEVER) if count <= end else NEVER
                for count in range(3)
            ]
            for end in range(len(phones) + 1)
        ]
        best = [min(each) for each in options]
        taken.append([each.index(least) for each, least in zip(options, best, strict=True)])
    if best[-1] >= NEVER:
        return None
    pairs: list[Pair] = []
    end = len(phones)
    for letter, counts in zip(reversed(word), reversed(taken), strict=True):
        begin = end - counts[end]
        pairs.append((letter, phones[begin:end]))
        end = begin
    return best[-1], pairs[::-1]


def pair_costs(words: Sequence[tuple[str, Phones]]) -> dict[Pair, float]:
    """Minus the log probability of each pair of a letter and its phones."""
    near: Counter[Pair] = Counter()
    for word, phones in words:
        for place, letter in enumerate(word):
            middle = place * len(phones) // len(word)
            near.update((letter, (phone,)) for phone in phones[max(0, middle - 1) : middle + 2])
    letters: Counter[str] = Counter()
    for (letter, _), count in near.items():
        letters[letter] += count
    costs = {pair: -math.log(count / letters[pair[0]]) for pair, count in near.items()}
    twos = {two for _, phones in words for two in pairwise(phones)}
    # at first both are dear, so that a letter takes one phone wherever it can
    for letter in letters:
        costs |= {
            (letter, two): 3.0 + sum(costs[letter, (phone,)] for phone in two)
            for two in twos
            if all((letter, (phone,)) in costs for phone in two)
        }
        costs[letter, ()] = 3.0
    for _ in range(ROUNDS):
        found = Counter(pair for each in words if (aligned := align(*each, costs)) for pair in aligned[1])
        kept = {pair: count for pair, count in found.items() if count >= RARE}
        costs = {pair: -math.log(count / sum(kept.values())) for pair, count in kept.items()}
    return costs


class Counts:
    """How often each sequence of so many pairs occurs.

    Args:
        sequences: The words, each as numbers of its pairs from ``BEGIN`` to ``END``.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        flat = np.concatenate([np.array(each, np.int64) for each in sequences])
        lengths = np.array([len(each) for each in sequences])
        place = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        self.of: list[tuple[Keys, Keys]] = []
        keys = np.zeros_like(flat)
        for order in range(ORDER):
            keys = np.concatenate([[0], keys[:-1]]) << BITS | flat
            self.of.append(np.unique(keys[place >= order], return_counts=True))

    def adjusted(self, order: int) -> Costs:
        """Of sequences that can be longer, how many different pairs stand before them (R. Kneser, H. Ney, 1995)."""
        keys, counts = self.of[order]
        if order + 1 < ORDER:
            found, varied = np.unique(_end(self.of[order + 1][0], order + 1), return_counts=True)
            first = keys >> BITS * order
            counts = np.where(first == BEGIN, counts, 0)
            counts[np.searchsorted(keys, found)] += varied
        if order == 0:
            counts = np.where(keys == BEGIN, 0, counts)
        return counts.astype(np.float64)


def _end(keys: Keys, length: int) -> Keys:
    return keys & ((1 << BITS * length) - 1)


def probabilities(counts: Counts) -> list[Costs]:
    """Probability of the last pair of each sequence behind those before it, order by order."""
    found: list[Costs] = []
    for order in range(ORDER):
        keys, seen = counts.of[order][0], counts.adjusted(order)
        discounts, lower = np.zeros(4), np.zeros(len(keys))
        if order:
            ones, twos, threes, fours = ((seen == count).sum() for count in range(1, 5))
            share = ones / (ones + 2 * twos)
            discounts[1:] = 1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes
            lower = found[-1][np.searchsorted(counts.of[order - 1][0], _end(keys, order))]
        discount = discounts[np.minimum(seen, 3).astype(int)]
        _, context = np.unique(keys >> BITS, return_inverse=True)
        total, spared = np.bincount(context, seen)[context], np.bincount(context, discount)[context]
        found.append(np.maximum(1e-12, (np.maximum(seen - discount, 0) + spared * lower) / total))
    return found


def pruned(counts: Counts, chances: Sequence[Costs]) -> list[tuple[Keys, Costs]]:
    """The sequences that make a difference, and all that begin or end one of them."""
    found = [(counts.of[0][0], chances[0])]
    needed = np.zeros(0, np.int64)
    for order in range(ORDER - 1, 0, -1):
        keys, seen = counts.of[order]
        lower = chances[order - 1][np.searchsorted(counts.of[order - 1][0], _end(keys, order))]
        keep = seen * np.abs(np.log(chances[order] / lower)) > GAIN
        keep[np.searchsorted(keys, needed)] = True
        found.insert(1, (keys[keep], chances[order][keep]))
        needed = np.unique(np.concatenate([keys[keep] >> BITS, _end(keys[keep], order)]))
    return found


def write(path: Path, pairs: Sequence[Pair], grams: Sequence[tuple[Keys, Costs]]) -> None:
    """Store a model as ``streamauth.engines.phrase.g2p`` reads it: sequences as a tree, log probabilities in steps."""
    arrays: dict[str, NDArray[np.generic]] = {
        "order": np.array(ORDER),
        "pairs": np.array([" ".join((letter, *phones)) for letter, phones in pairs]),
    }
    contexts = np.zeros(1, np.int64)
    for order, (keys, chances) in enumerate(grams):
        followers = np.bincount(np.searchsorted(contexts, keys >> BITS), minlength=len(contexts))
        fallback = np.zeros(0)
        if order + 1 < ORDER:
            longer, told = grams[order + 1]
            place = np.searchsorted(keys, longer >> BITS)
            known = chances[np.searchsorted(keys, _end(longer, order + 1))]
            left = [1 - np.bincount(place, each, minlength=len(keys)) for each in (told, known)]
            fallback = np.log(np.clip(left[0], 1e-3, 1) / np.clip(left[1], 1e-3, None))
        arrays |= {
            f"followers{order}": followers.astype(np.uint16),
            f"last{order}": (keys & ((1 << BITS) - 1)).astype(np.uint16),
            f"chance{order}": np.clip(np.rint(-STEPS * np.log(chances)), 0, 255).astype(np.uint8),
            f"fallback{order}": np.clip(np.rint(STEPS * fallback), -127, 127).astype(np.int8),
        }
        contexts = keys
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def learn(dictionary: Lexicon, path: Path, without: Collection[str] = ()) -> None:
    """Make the model of all words of a dictionary but those named."""
    words = (word for word in dictionary.common(1_000_000) if word not in without)
    known = [(word, phones) for word in words for phones in dictionary.of(word) if len(phones) <= 2 * len(word)]
    costs = pair_costs(known[:: max(1, len(known) // 25_000)])
    pairs: dict[Pair, int] = {}
    sequences = []
    for word, phones in known:
        aligned = align(word, phones, costs)
        if aligned is not None and aligned[0] < STRANGE * len(word):
            sequences.append([BEGIN, *(pairs.setdefault(pair, len(pairs) + FIRST) for pair in aligned[1]), END])
    counts = Counts(sequences)
    write(path, list(pairs), pruned(counts, probabilities(counts)))


def main() -> None:
    """Make the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=models_folder() / "vosk-en")
    arguments = parser.parse_args()
    phrase = arguments.folder / "phrase"
    path = phrase / "spelling.npz"
    learn(Lexicon(phrase), path)
    print(f"{path.stat().st_size} bytes")
    print("for models/registry.toml: bytes = {}, sha256 = {}".format(*folder_digest(arguments.folder)))


if __name__ == "__main__":
    main()
