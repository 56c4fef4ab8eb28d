import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.phrase.words import WordMatch, compare, normalize
from streamauth.errors import BadPhrase

DOOR = ("please", "open", "the", "door", "and", "let", "me", "come", "in")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Open the DOOR, please!", "open the door please"),
        ("  my\tvoice\n is my  passport ", "my voice is my passport"),
        ("It\u2019s nine o'clock", "it's nine o'clock"),
        ("'quoted' words\u2026", "quoted words"),
        ("log-in \u2014 now", "log in now"),
        ("Türöffner, Ｃａｆé", "türöffner café"),
        ("cafe\u0301", "café"),
        ("मेरी आवाज़", "मेरी आवाज़"),
        ("4 doors", "four doors"),
        ("0 7 10 19 20 42 99", "zero seven ten nineteen twenty forty two ninety nine"),
        ("room 2048, 07", "room two zero four eight zero seven"),
        ("gate7b", "gate seven b"),
    ],
)
def test_normalize_gives_words(text: str, words: str) -> None:
    assert normalize(text) == tuple(words.split())


@given(st.text(max_size=60))
def test_normalize_of_its_own_words_changes_nothing(text: str) -> None:
    try:
        words = normalize(text, max_words=200)
    except BadPhrase:
        return
    assert all(words)
    assert normalize(" ".join(words), max_words=200) == words


@pytest.mark.parametrize("text", ["", "   ", "?!", "'", "\u200b", "one two three four", "a" * 41])
def test_normalize_refuses_what_is_no_phrase(text: str) -> None:
    with pytest.raises(BadPhrase):
        normalize(text, max_words=3)


def test_normalize_takes_the_longest_allowed() -> None:
    assert normalize("one two three", max_words=3) == ("one", "two", "three")
    assert normalize("a" * 40) == ("a" * 40,)


def test_whole_phrase_matches() -> None:
    assert compare(DOOR, DOOR) is WordMatch.MATCH


def test_silence_and_hesitations_are_nothing() -> None:
    assert compare(DOOR, ()) is WordMatch.NOTHING
    assert compare(DOOR, ("uh", "um")) is WordMatch.NOTHING


def test_every_beginning_is_incomplete() -> None:
    for count in range(1, len(DOOR)):
        assert compare(DOOR, DOOR[:count]) is WordMatch.INCOMPLETE


def test_hesitations_are_passed_over() -> None:
    assert compare(DOOR, ("uh", *DOOR[:4], "um", *DOOR[4:], "er")) is WordMatch.MATCH


def test_a_hesitation_in_the_phrase_itself_must_be_said() -> None:
    assert compare(("um", "yes"), ("yes",)) is WordMatch.MISMATCH
    assert compare(("um", "yes"), ("um", "yes")) is WordMatch.MATCH


@pytest.mark.parametrize(
    ("expected", "heard"),
    [
        ("you cannot come", "you can not come"),
        ("you can not come", "you cannot come"),
        ("tell everyone", "tell every one"),
        ("my password", "my pass word"),
        ("打开门", "打开 门"),
    ],
)
def test_a_word_may_be_written_as_several(expected: str, heard: str) -> None:
    assert compare(tuple(expected.split()), tuple(heard.split())) is WordMatch.MATCH


@pytest.mark.parametrize(
    ("expected", "heard"),
    [("you cannot come", "you can"), ("my password is", "my pass"), ("can not come", "cannot")],
)
def test_a_beginning_may_end_inside_a_word(expected: str, heard: str) -> None:
    assert compare(tuple(expected.split()), tuple(heard.split())) is WordMatch.INCOMPLETE


def test_the_same_letters_in_other_words_do_not_match() -> None:
    assert compare(("a", "nice", "cream"), ("an", "ice", "cream")) is WordMatch.MISMATCH


@given(st.integers(0, len(DOOR) - 1), st.integers(0, len(DOOR) - 1))
def test_no_wrong_missing_additional_or_swapped_word_passes(at: int, other: int) -> None:
    dropped = DOOR[:at] + DOOR[at + 1 :]
    replaced = (*DOOR[:at], "window", *DOOR[at + 1 :])
    added = (*DOOR[:at], "window", *DOOR[at:])
    swapped = list(DOOR)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    at_end = at == len(DOOR) - 1
    assert compare(DOOR, dropped) is (WordMatch.INCOMPLETE if at_end else WordMatch.MISMATCH)
    assert compare(DOOR, replaced) is WordMatch.MISMATCH
    assert compare(DOOR, added) is WordMatch.MISMATCH
    assert compare(DOOR, (*DOOR, "window")) is WordMatch.MISMATCH
    if at != other:
        assert compare(DOOR, tuple(swapped)) is WordMatch.MISMATCH
