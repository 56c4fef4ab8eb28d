from pathlib import Path

import pytest

from streamauth.catalog.registry import models_folder
from streamauth.engines.phrase.alignment import PHONES
from streamauth.engines.phrase.g2p import G2P
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.errors import ModelCorrupt

PHRASE = models_folder() / "vosk-en" / "phrase"


@pytest.fixture(scope="module")
def spelling() -> G2P:
    return G2P(PHRASE / "spelling.npz")


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("kelvandro", "K EH L V AA N D R OW"),
        ("streamauth", "S T R IY M AO TH"),
        ("brillig", "B R IH L IH G"),
        ("kelvandro's", "K EH L V AA N D R OW Z"),
        ("flixquick", "F L IH K S K W IH K"),
    ],
)
def test_invented_words_are_read_as_english(spelling: G2P, word: str, sounds: str) -> None:
    assert tuple(sounds.split()) in spelling.proposals(word)


def test_there_are_at_most_three_proposals_and_all_can_be_said(spelling: G2P) -> None:
    for word in ("zarnovak", "tombarek", "huawei", "velkandra"):
        found = spelling.proposals(word)
        assert 1 <= len(found) == len(set(found)) <= 3
        for phones in found:
            assert set(phones) <= set(PHONES)
            assert any(phone[0] in "AEIOU" for phone in phones)


@pytest.mark.parametrize(
    "word", ["", "3", "r2d2", "[noise]", "zoë", "война", "qwzzx", "xkcd", "asdfgh", "xyzzyq", "zzz", "'", "k" * 40]
)
def test_what_nobody_can_read_has_no_proposal(spelling: G2P, word: str) -> None:
    assert spelling.proposals(word) == ()


def test_words_of_the_dictionary_are_read_as_it_says(spelling: G2P) -> None:
    dictionary = Lexicon(PHRASE)
    words = [word for word in dictionary.common(20_000)[::100] if len(word) > 2]
    right = [bool(set(spelling.proposals(word)) & set(dictionary.of(word))) for word in words]
    assert sum(right) > 0.85 * len(right)


def test_only_words_without_an_entry_are_proposed() -> None:
    dictionary = Lexicon(PHRASE)
    assert dictionary.likely("door") == dictionary.of("door")
    assert dictionary.of("kelvandro") == ()
    assert dictionary.likely("kelvandro")


@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_a_damaged_spelling_is_refused(tmp_path: Path, damage: str) -> None:
    content = (PHRASE / "spelling.npz").read_bytes()
    path = tmp_path / "spelling.npz"
    path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other": b"no archive"}[damage])
    with pytest.raises(ModelCorrupt):
        G2P(path)


def test_without_a_spelling_there_are_no_proposals(tmp_path: Path) -> None:
    (tmp_path / "dictionary.tsv.gz").write_bytes((PHRASE / "dictionary.tsv.gz").read_bytes())
    dictionary = Lexicon(tmp_path)
    assert dictionary.likely("kelvandro") == ()
    assert dictionary.facts("kelvandro") is None
