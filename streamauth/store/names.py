"""Names of people: the one form in which they are stored, and a key that names which look the same share.

Names are normalized as nicknames are (PRECIS, RFC 8266): spaces at the ends go, several become one, letters that are
only written differently become one; controls, invisible characters and those that turn the direction are refused. Two
names of a tenant may not look the same (the skeleton of Unicode's TS 39, without regard to upper and lower case). A
profile is found by its name in upper or lower case, never by one that merely looks like it.
"""

import re
from functools import cache
from typing import Any

from streamauth.errors import BadProfileName

MAX_NAME = 128


def stored_name(name: str) -> str:
    """The name as it is stored and told.

    Raises:
        BadProfileName: It is blank, longer than 128 characters, or has characters that a name may not have.
    """
    try:
        normal = str(_nickname().enforce(name))
    except UnicodeError:
        raise BadProfileName from None
    if not normal or len(normal) > MAX_NAME:
        raise BadProfileName
    return normal


def look_alike_key(name: str) -> str:
    """What all names that look like this one have in common; never shown to anybody."""
    # a capital I looks like a small l, so it is replaced before there are small letters only, and after
    return _folded(_folded(name).casefold())


def same_name(one: str, other: str) -> bool:
    """Whether two names as they are stored are one person's: upper and lower case make no difference (RFC 8266)."""
    return one.casefold() == other.casefold()


@cache
def _nickname() -> Any:
    from precis_i18n import get_profile

    return get_profile("NicknameCasePreserved")


@cache
def _look_alikes() -> tuple[dict[str, str], re.Pattern[str]]:
    """For each character the one that stands for all that look like it, and what looks like one but is several."""
    from confusable_homoglyphs.confusables import confusables_data

    leader: dict[str, str] = {}

    def find(one: str) -> str:
        while leader.setdefault(one, one) != one:
            leader[one] = one = leader[leader[one]]
        return one

    several: dict[str, str] = {}
    for one, others in confusables_data.items():
        for other in (each["c"] for each in others):
            if len(one) == len(other) == 1:
                first, second = sorted((find(one), find(other)), key=_rank)
                leader[second] = first
            elif len(one) == 1 and one.isascii() and other.isascii():
                several[other] = one
    single = {character: find(character) for character in list(leader)} | several
    return single, re.compile("|".join(map(re.escape, sorted(several, key=len, reverse=True))) or "(?!)")


def _rank(character: str) -> tuple[bool, bool, bool, str]:
    """Letters stand for digits that look like them, so that a zero goes the way of a capital O, and so on."""
    return not character.isascii(), not character.isalpha(), not character.islower(), character


def _folded(text: str) -> str:
    single, several = _look_alikes()
    joined = several.sub(lambda found: single[found[0]], text)
    return "".join(single.get(character, character) for character in joined)
