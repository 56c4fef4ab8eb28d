"""The words of a pass phrase: from text to words, and from words heard to a comparison."""

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum

from streamauth.errors import BadPhrase

HESITATIONS = frozenset({"ah", "eh", "er", "erm", "hm", "hmm", "mm", "uh", "uhm", "um"})
MAX_WORD_CHARACTERS = 40

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
DIGITS = _ONES[:10]
"""How the digits are said, by their value."""
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


class WordMatch(Enum):
    """What the words heard are, beside those expected."""

    MATCH = "match"
    """The whole phrase and nothing else."""
    INCOMPLETE = "incomplete"
    """A beginning of the phrase: the rest may still come."""
    NOTHING = "nothing"
    """No words, or hesitations only."""
    MISMATCH = "mismatch"
    """Anything else: a wrong, missing, additional or swapped word."""


def normalize(text: str, *, max_words: int = 20) -> tuple[str, ...]:
    """The words of a phrase as a recognizer would write them.

    Lower case, without punctuation; apostrophes inside a word stay, hyphens divide words. Numbers become
    English words: 0 to 99 as a number, longer ones digit by digit.

    Args:
        text: What a person typed.
        max_words: The most words that a phrase may have.

    Raises:
        BadPhrase: There is no word in it, or more than ``max_words``, or one that is too long.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub("[\u2018\u2019\u02bc\u0060\u00b4]", "'", text)
    # a combining mark that NFKC leaves behind belongs to its letter, which matters outside of Latin script
    letters = "".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    words: list[str] = []
    for token in re.findall(r"[0-9]+|[^\s0-9]+", letters):
        words.extend(_spoken(token) if token[0] in "0123456789" else [token.strip("'")])
    words = [word for word in words if word]
    if not words:
        raise BadPhrase("The pass phrase has no words. Choose a phrase of at least one word.")
    if len(words) > max_words:
        raise BadPhrase(f"The pass phrase has more than {max_words} words. Choose a shorter one.")
    if any(len(word) > MAX_WORD_CHARACTERS for word in words):
        raise BadPhrase(f"The pass phrase has a word of more than {MAX_WORD_CHARACTERS} characters.")
    return tuple(words)


def compare(expected: tuple[str, ...], heard: tuple[str, ...]) -> WordMatch:
    """Compare the words heard, so far or in the end, with those expected.

    Hesitations are passed over. A word may be written as several or several as one ("can not", "cannot"):
    which it is, is a recognizer's habit and not the speaker's. Every other difference is a mismatch.

    Args:
        expected: The phrase, as given by ``normalize``.
        heard: What a recognizer heard, lower case.
    """
    ignored = HESITATIONS.difference(expected)
    words = [word for word in heard if word not in ignored]
    if not words:
        return WordMatch.NOTHING
    rest = list(expected)
    while words and rest:
        if not _take(rest, words):
            unfinished = rest[0].startswith("".join(words))
            return WordMatch.INCOMPLETE if unfinished else WordMatch.MISMATCH
    if words:
        return WordMatch.MISMATCH
    return WordMatch.INCOMPLETE if rest else WordMatch.MATCH


def _take(rest: list[str], words: list[str]) -> bool:
    """Take the next word off both lists, or the one word and all its parts; False where they do not agree."""
    for one, parts in ((rest, words), (words, rest)):
        joined = ""
        for count, part in enumerate(parts, 1):
            joined += part
            if joined == one[0]:
                del one[0], parts[:count]
                return True
            if not one[0].startswith(joined):
                break
    return False


def _spoken(digits: str) -> list[str]:
    number = int(digits)
    if len(digits) > 2 or (len(digits) == 2 and number < 10):
        return [_ONES[int(digit)] for digit in digits]
    if number < 20:
        return [_ONES[number]]
    tens = _TENS[number // 10 - 2]
    return [tens] if number % 10 == 0 else [tens, _ONES[number % 10]]


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Letters, sounds or words to be put in, left out or replaced (Levenshtein)."""
    row = list(range(len(other) + 1))
    for count, item in enumerate(one, 1):
        before, row[0] = row[0], count
        for at, wanted in enumerate(other, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (item != wanted))
    return row[-1]
