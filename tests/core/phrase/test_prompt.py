import random
from collections import Counter
from itertools import pairwise
from math import log2

import numpy as np
import pytest

from streamauth.catalog.registry import models_folder
from streamauth.core.phrase.prompt import LENGTHS, Challenge, Prompt, PromptKind, PromptPlan
from streamauth.core.phrase.prompt_words import PROMPT_WORDS
from streamauth.core.phrase.words import DIGITS, HESITATIONS, normalize
from streamauth.engines.phrase.g2p import Phones
from streamauth.engines.phrase.lexicon import Lexicon, phone_distances, phone_table
from streamauth.errors import BadPrompt
from streamauth.settings import PromptSettings, Settings

SOURCE = random.Random(4)


def test_digits_never_come_twice_in_a_row_and_are_all_drawn() -> None:
    drawn = [PromptPlan(PromptKind.DIGITS, 6).draw(SOURCE).words for _ in range(2000)]
    assert all(len(words) == 6 for words in drawn)
    assert not any(one == other for words in drawn for one, other in pairwise(words))
    assert all(len(set(words)) < 6 for words in drawn), "one comes again, so that one recording of each is not enough"
    for place in range(6):
        counts = Counter(words[place] for words in drawn)
        assert set(counts) == set(DIGITS)
        assert all(130 < count < 280 for count in counts.values())  # 200 each, five standard deviations


def test_every_successor_of_a_digit_is_as_likely() -> None:
    plan = PromptPlan(PromptKind.DIGITS, 12)
    pairs = Counter(pair for _ in range(900) for pair in pairwise(plan.draw(SOURCE).words))
    assert len(pairs) == 90
    assert all(50 < count < 180 for count in pairs.values())  # 110 each


def test_words_never_come_twice() -> None:
    drawn = [PromptPlan(PromptKind.WORDS, 8).draw(SOURCE).words for _ in range(1500)]
    assert all(len(set(words)) == 8 for words in drawn)
    assert len({word for words in drawn for word in words}) == len(PROMPT_WORDS)


def test_what_is_shown() -> None:
    assert Prompt(PromptKind.DIGITS, ("four", "zero", "nine")).text == "4 0 9"
    assert Prompt(PromptKind.WORDS, ("garden", "piano")).text == "garden piano"
    assert "four" not in repr(Prompt(PromptKind.DIGITS, ("four",)))


def test_entropy_counts_what_can_be_drawn() -> None:
    assert PromptPlan(PromptKind.DIGITS, 6).bits == pytest.approx(log2(10 * 9**5 - 10 * 9 * 8 * 7 * 6 * 5))
    # of twelve digits one comes again by itself
    assert PromptPlan(PromptKind.DIGITS, 12).bits == pytest.approx(log2(10 * 9**11))
    assert PromptPlan(PromptKind.WORDS, 2).bits == pytest.approx(log2(len(PROMPT_WORDS) * (len(PROMPT_WORDS) - 1)))


@pytest.mark.parametrize(("kind", "length"), [("digits", 3), ("digits", 13), ("words", 1), ("words", 9)])
def test_lengths_that_no_prompt_has(kind: str, length: int) -> None:
    with pytest.raises(BadPrompt, match=kind):
        PromptPlan(PromptKind(kind), length)


def test_the_plan_of_the_settings() -> None:
    settings = PromptSettings(kind="words", digits=8, words=5)
    assert PromptPlan.of(settings) == PromptPlan(PromptKind.WORDS, 5)
    assert PromptPlan.of(settings, PromptKind.DIGITS) == PromptPlan(PromptKind.DIGITS, 8)
    assert PromptPlan.of(settings, PromptKind.DIGITS, 4) == PromptPlan(PromptKind.DIGITS, 4)


def test_every_setting_is_a_length_that_a_prompt_may_have() -> None:
    for kind, legal in LENGTHS.items():
        for length in legal:
            settings = Settings().with_values({"prompt": {kind.value: length}}, "test").prompt
            assert PromptPlan.of(settings, kind).length == length


def test_the_end_of_its_life_is_a_sample() -> None:
    challenge = Challenge(Prompt(PromptKind.DIGITS, ("one",)), 2.5)
    assert not challenge.expired(39_999)
    assert challenge.expired(40_000)


# --- the list of words ---


@pytest.fixture(scope="module")
def sounds() -> dict[str, tuple[Phones, ...]]:
    """Pronunciations of all words of prompts, digits included, by the dictionary of the embedded recognizer."""
    lexicon = Lexicon(models_folder() / "vosk-en" / "phrase")
    return {word: lexicon.of(word) for word in (*PROMPT_WORDS, *DIGITS)}


def test_the_words_are_many_known_and_written_as_a_recognizer_does(sounds: dict[str, tuple[Phones, ...]]) -> None:
    assert len(PROMPT_WORDS) == len(set(PROMPT_WORDS)) >= 1000
    assert list(PROMPT_WORDS) == sorted(PROMPT_WORDS)
    assert all(normalize(word) == (word,) for word in (*PROMPT_WORDS, *DIGITS))
    assert not (HESITATIONS | set(DIGITS)) & set(PROMPT_WORDS)
    assert all(sounds.values())


def test_no_two_words_sound_alike(sounds: dict[str, tuple[Phones, ...]]) -> None:
    owners = [word for word, variants in sounds.items() for _ in variants]
    table, lengths = phone_table([one for variants in sounds.values() for one in variants])
    alike = []
    for word in PROMPT_WORDS[::3]:  # each against all others; every third to save time
        for one in sounds[word]:
            needed = np.maximum(3, 0.4 * np.maximum(lengths, len(one)))
            near = np.flatnonzero(phone_distances(one, table, lengths) < needed)
            alike += [(word, owners[index]) for index in near if owners[index] != word]
    assert alike == []


def test_no_word_is_the_begin_of_another_one() -> None:
    # "rain" beside "rainbow" could not be told from a word that was broken off
    assert not [(a, b) for a in PROMPT_WORDS for b in PROMPT_WORDS if a != b and b.startswith(a)]
