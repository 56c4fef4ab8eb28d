import pytest

from streamauth.core.phrase.strength import Level, strength
from streamauth.core.phrase.words import normalize
from streamauth.core.ports import WordFacts
from streamauth.settings import PhraseSettings

BITS = {"seven": 12.0, "green": 13.0, "apples": 17.0, "good": 9.0, "morning": 12.0, "hi": 13.0, "the": 5.0, "of": 5.0}


def facts(word: str) -> WordFacts | None:
    sounds = (("G", "R", "IY", "N"), ("G", "R", "IY", "N", "AH"))
    return WordFacts(sounds, BITS[word]) if word in BITS else WordFacts(sounds, 3.0) if word in ("one", "two") else None


def bits_of(text: str) -> float:
    found = strength(normalize(text), facts)
    assert found is not None
    return found.bits


def weakness_of(text: str) -> str | None:
    found = strength(normalize(text), facts)
    assert found is not None
    return found.weakness(PhraseSettings())


def test_rare_words_add_up() -> None:
    assert bits_of("seven green apples") == pytest.approx(3.3219 + 13 + 17, abs=1e-3)


def test_a_word_said_again_adds_nothing() -> None:
    assert bits_of("green green apples") == bits_of("green apples")


def test_digits_are_worth_what_chance_gives() -> None:
    assert bits_of("one two one two") == pytest.approx(4 * 3.3219, abs=1e-3)


def test_length_is_that_of_the_shortest_pronunciations() -> None:
    found = strength(("green", "apples"), facts)
    assert found is not None
    assert found.phones == 8


@pytest.mark.parametrize(
    ("text", "part"),
    [("hi", "too short"), ("good morning", "first that anybody"), ("the of the of", "easy to guess")],
)
def test_weak_phrases_are_told_why(text: str, part: str) -> None:
    assert part in str(weakness_of(text))


def test_good_phrase_has_no_weakness() -> None:
    assert weakness_of("seven green apples") is None


@pytest.mark.parametrize(
    ("text", "level"),
    [("good morning", Level.WEAK), ("the hi green", Level.WEAK), ("seven green apples", Level.FAIR)],
)
def test_level(text: str, level: Level) -> None:
    found = strength(normalize(text), facts)
    assert found is not None
    assert found.level is level


def test_strong_phrase() -> None:
    found = strength(normalize("seven green apples good morning hi"), facts)
    assert found is not None
    assert found.level is Level.STRONG


@pytest.mark.parametrize("known", [lambda word: None, lambda word: WordFacts((("AA",),))])
def test_unknown_words_have_no_strength(known: object) -> None:
    assert strength(("green",), known) is None  # type: ignore[arg-type]
