import gzip
from pathlib import Path

import numpy as np
import pytest

from streamauth.catalog.registry import models_folder
from streamauth.engines.phrase.lexicon import Lexicon, phone_distances, phone_table
from streamauth.errors import ModelCorrupt

PHRASE = models_folder() / "vosk-en" / "phrase"
LINES = [
    "a\t5.5\tAH|EY",
    "beige\t18.4\tB EY ZH",
    "cat\t9.0\tK AE T",
    "dog\t9.0\tD AO G",
]


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon(PHRASE)


def written(folder: Path, lines: list[str]) -> Lexicon:
    (folder / "dictionary.tsv.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode("utf-8")))
    return Lexicon(folder)


def test_words_are_found_with_sounds_and_rarity(tmp_path: Path) -> None:
    small = written(tmp_path, LINES)
    assert small.of("a") == (("AH",), ("EY",))
    assert small.of("dog") == (("D", "AO", "G"),)
    facts = small.facts("beige")
    assert facts is not None
    assert facts.bits == 18.4
    for other in ("", "b", "cats", "zebra", "zoë", "\ud800"):
        assert small.of(other) == ()
        assert small.facts(other) is None


def test_the_commonest_come_first_and_equally_common_ones_in_the_order_of_the_alphabet(tmp_path: Path) -> None:
    small = written(tmp_path, LINES)
    assert small.common(3) == ["a", "cat", "dog"]
    assert small.common(9) == ["a", "cat", "dog", "beige"]
    assert small.common_with_sounds(1) == (["a"], ["AH|EY"])
    assert small.common(0) == []


def test_the_shipped_dictionary_is_sorted_as_it_is_searched() -> None:
    text = gzip.decompress((PHRASE / "dictionary.tsv.gz").read_bytes())
    words = [line.split(b"\t")[0] for line in text.splitlines()]
    assert words == sorted(set(words))


@pytest.mark.parametrize("word", ["door", "kelvandro", "a", "tomato"])
def test_neighbours_are_those_of_the_whole_table(lexicon: Lexicon, word: str) -> None:
    _, sounds = lexicon.common_with_sounds(8000)
    every = dict.fromkeys(tuple(variant.split()) for text in sounds for variant in text.split("|"))
    variants = [phones for phones in every if len(phones) <= 16]
    table, lengths = phone_table(variants)
    distances = np.min([phone_distances(own, table, lengths) for own in lexicon.likely(word)], axis=0)
    near = [variants[row] for row in np.argsort(distances, kind="stable") if 0 < distances[row] <= 2]
    assert list(lexicon.near(word, 40)) == near[:40]


@pytest.mark.parametrize(
    "line", ["word", "word\t9.0", "word\t9\tW", "word\tx.0\tW", "word\t9.0\tW\tW", "\t9.0\tW", "word\t123.0\tW"]
)
def test_a_damaged_dictionary_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ModelCorrupt):
        written(tmp_path, [*LINES, line])
    with pytest.raises(ModelCorrupt):
        written(tmp_path, [])
