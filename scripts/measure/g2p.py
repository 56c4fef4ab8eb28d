"""How often the pronunciations proposed for unknown words are right, and how well speech confirms them.

    python -m scripts.measure.g2p [--words 2000] [--clips 200]

First words of the dictionary are left out, learned without, and proposed. Then, in pieces of four to seven words of
LibriSpeech clips, one word that the spelling model did not learn is said as proposed, or another such word stands in
its place: the fit of that word, which an enrollment goes by. The acoustic model heard most of these clips in training.
"""

import argparse
import random
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.measure.phrase_trials import cut_piece, in_condition, utterances
from scripts.train.vosk.make_g2p import learn
from scripts.train.vosk.speech import librispeech
from streamauth.catalog.registry import models_folder
from streamauth.core.phrase.words import edit_distance
from streamauth.core.sessions.enrollment import LEAST_PRONUNCIATION_SCORE
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.evidence import UtteranceEvidence
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.g2p import G2P
from streamauth.engines.phrase.lexicon import Lexicon

PHRASE = models_folder() / "vosk-en" / "phrase"
LEAST_LETTERS = 4


def learned_without(dictionary: Lexicon, words: Collection[str]) -> G2P:
    """A spelling model that has never seen some words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spelling.npz"
        learn(dictionary, path, words)
        return G2P(path)


def proposals(dictionary: Lexicon, count: int) -> None:
    """Print the error rates of proposals; the nearest pronunciation of the dictionary counts."""
    eligible = sorted(word for word in dictionary.common(1_000_000) if len(word) > 2 and "'" not in word)
    held_out = random.Random(0).sample(eligible, count)
    spelling = learned_without(dictionary, set(held_out))
    proposed = {word: told for word in held_out if (told := spelling.proposals(word))}
    print(f"{count} words that it has not seen, {count - len(proposed)} of them refused")
    for most in (1, 3):
        best = [
            min((edit_distance(said, right), len(right)) for said in told[:most] for right in dictionary.of(word))
            for word, told in proposed.items()
        ]
        errors, phones = np.sum(best, axis=0)
        wrong = np.mean([each[0] > 0 for each in best])
        print(f"  best of {most}: {errors / phones:.1%} of phones wrong, {wrong:.1%} of words")


def trials(dictionary: Lexicon, clips: int) -> Iterator[tuple[str, float]]:
    """Which word was expected in a piece, and its fit."""
    model, spoken, dice = AcousticModel(PHRASE), list(librispeech()), random.Random(3)
    heard = {word for each in spoken for word in each.words if len(word) >= LEAST_LETTERS and dictionary.of(word)}
    spelling = learned_without(dictionary, heard)
    new = sorted(word for word in heard if spelling.proposals(word))
    dice.shuffle(spoken)
    for each in spoken[:clips]:
        if (found := cut_piece(each, dice, model, dictionary)) is None:
            continue
        words, audio = found
        at = dice.choice([place for place, word in enumerate(words) if word in new] or [-1])
        parts = list(utterances(in_condition(audio, "clean", dice)))
        if at < 0 or len(parts) != 1:  # a pause inside is another test
            continue
        evidence = UtteranceEvidence(model, parts[0])
        other = dice.choice([word for word in new if word not in words])
        differs = set(spelling.proposals(words[at])).isdisjoint(dictionary.of(words[at]))
        expected = Expected.of(words, dictionary)
        for kind, sounds in (
            ("in the dictionary", dictionary.of(words[at])),
            (f"proposed, {'not ' * differs}as in the dictionary", spelling.proposals(words[at])),
            ("another word, proposed", spelling.proposals(other)),
        ):
            changed = replace(expected, sounds=(*expected.sounds[:at], sounds, *expected.sounds[at + 1 :]))
            alignment = evidence.align(changed)
            if alignment is not None:
                yield kind, alignment.words[at].pronunciation_score


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--clips", type=int, default=200)
    arguments = parser.parse_args()
    dictionary = Lexicon(PHRASE)
    proposals(dictionary, arguments.words)
    fits: dict[str, list[float]] = {}
    for kind, fit in trials(dictionary, arguments.clips):
        fits.setdefault(kind, []).append(fit)
    print(f"fit of a word in nats per phone; confirmed from {LEAST_PRONUNCIATION_SCORE} on")
    for kind, found in sorted(fits.items()):
        low, middle, high = np.quantile(found, (0.05, 0.5, 0.95))
        print(
            f"  {kind}: {len(found)} words, {low:.1f} to {high:.1f}, median {middle:.1f}, "
            f"confirmed {np.mean(np.array(found) >= LEAST_PRONUNCIATION_SCORE):.1%}"
        )


if __name__ == "__main__":
    main()
