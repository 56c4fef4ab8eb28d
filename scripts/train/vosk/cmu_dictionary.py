"""The CMU pronouncing dictionary, as the package pocketsphinx carries it (Carnegie Mellon University, BSD-style)."""

import re
from collections import defaultdict
from pathlib import Path

import pocketsphinx

# names that the recordings hold and the dictionary does not
_EXTRA: dict[str, list[tuple[str, ...]]] = {
    "alexa": [("AH", "L", "EH", "K", "S", "AH")],
    "jarvis": [("JH", "AA", "R", "V", "AH", "S"), ("JH", "AA", "R", "V", "IH", "S")],
}


def dictionary() -> dict[str, list[tuple[str, ...]]]:
    """Pronunciations of each word, each a tuple of phones."""
    words: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for line in Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines():
        word, *phones = line.split()
        word = word.split("(")[0]
        if re.fullmatch("[a-z][a-z']*", word):
            words[word].append(tuple(phones))
    return {**words, **_EXTRA}
