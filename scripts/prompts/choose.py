"""Chooses the words of random prompts: writes ``streamauth/core/phrase/prompt_words.py``.

    python -m scripts.prompts.choose

Of ``candidates.txt`` (everyday words that offend nobody, collected by hand) it takes those that the dictionary of the
embedded recognizer has, of two to four syllables, in common use, that sound like no other common word; the commonest
first, and each only if it differs enough from all that were taken, so that no two can be mistaken for each other.
"""

import math
import textwrap
from pathlib import Path

import numpy as np

from streamauth.catalog.registry import models_folder
from streamauth.core.phrase.words import DIGITS
from streamauth.engines.phrase.g2p import Phones
from streamauth.engines.phrase.lexicon import Lexicon, phone_distances, phone_table

CANDIDATES = Path(__file__).with_name("candidates.txt")
LIST = Path(__file__).resolve().parents[2] / "streamauth" / "core" / "phrase" / "prompt_words.py"
WIDTH = 118
PAGE = '''"""The words that a random prompt is drawn from; written by ``python -m scripts.prompts.choose``.

Everyday words of two to four syllables in the CMU pronouncing dictionary, none of which sounds like another common
word. Any two of them differ in {phones} phones and in {share} of the longer one's, at least.
"""

PROMPT_WORDS: tuple[str, ...] = tuple(  # as a text, which reads and edits better than quoted words
    """
{text}
    """.split()  # noqa: SIM905
)
"""In alphabetical order, each once."""
'''
VOWELS = frozenset({"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"})
SYLLABLES = range(2, 5)
LEAST_PHONES = 4
KNOWN, COMMON = 60_000, 20_000
"""A word must be among the so many commonest, and sound like no other of the so many commonest."""
LEAST_DISTANCE, LEAST_SHARE = 3, 0.4
"""Phones in which two words differ, at least, and their share of the longer word's."""


def chosen(lexicon: Lexicon) -> list[str]:
    """The words, in alphabetical order."""
    ranks = {word: rank for rank, word in enumerate(lexicon.common(KNOWN))}
    alike: dict[Phones, set[str]] = {}
    for word in list(ranks)[:COMMON]:
        for sound in lexicon.of(word):
            alike.setdefault(sound, set()).add(word)
    candidates = sorted(set(CANDIDATES.read_text("utf-8").split()) & ranks.keys(), key=ranks.__getitem__)
    taken: list[str] = []
    others: list[Phones] = [one for digit in DIGITS for one in lexicon.of(digit)]
    for word in candidates:
        sounds = lexicon.of(word)
        easy = all(sum(p in VOWELS for p in one) in SYLLABLES and len(one) >= LEAST_PHONES for one in sounds)
        # a word could not be told from another one that was broken off
        begun = any(word.startswith(other) or other.startswith(word) for other in taken)
        if easy and not begun and all(alike.get(one, {word}) == {word} for one in sounds) and _differ(sounds, others):
            taken.append(word)
            others += sounds
    return sorted(taken)


def _differ(sounds: tuple[Phones, ...], others: list[Phones]) -> bool:
    """Whether all pronunciations of a word differ enough from those of others."""
    table, lengths = phone_table(others)
    return all(
        bool((phone_distances(one, table, lengths) >= needed).all())
        for one in sounds
        for needed in [np.maximum(LEAST_DISTANCE, LEAST_SHARE * np.maximum(lengths, len(one)))]
    )


def main() -> None:
    """Write the list."""
    words = chosen(Lexicon(models_folder() / "vosk-en" / "phrase"))
    text = "\n".join(textwrap.wrap(" ".join(words), WIDTH, initial_indent="    ", subsequent_indent="    "))
    LIST.write_text(PAGE.format(text=text, phones=LEAST_DISTANCE, share=f"{LEAST_SHARE:.0%}"), "utf-8")
    print(f"{len(words)} words, {math.log2(len(words)):.1f} bits each")


if __name__ == "__main__":
    main()
