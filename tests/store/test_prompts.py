import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamauth.core.phrase.prompt import Prompt, PromptKind
from streamauth.errors import (
    InputError,
    PromptExpired,
    StoreCorrupt,
    StreamAuthError,
    TooManyPrompts,
    UnknownProfile,
    UnknownPrompt,
)
from streamauth.settings import PromptSettings
from streamauth.store.prompts import OpenPrompt
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.store.helpers import at, execute, files_bytes, opened, sqlite_only

DRAWN = Prompt(PromptKind.WORDS, ("garden", "velvet", "tornado", "piano"))
OTHER = Prompt(PromptKind.WORDS, ("river", "candle", "marble", "orchid"))
LONGER = Prompt(PromptKind.WORDS, ("river", "candle", "marble", "orchid", "piano"))
RULE = PromptSettings(lifetime_s=60, max_open=3)
NOW_S = 1000.0


@pytest.fixture
def anna(store: Store) -> str:
    return store.profiles.create("Anna", ProfileKind.TEXT_DEPENDENT).id


def rows(home: Path) -> int:
    (count,) = execute(home, "SELECT count(*) FROM prompts")
    return int(count)


def test_a_prompt_is_used_once(store: Store, anna: str) -> None:
    added = at(store, NOW_S).prompts.add(DRAWN, RULE, profile_id=anna)
    assert added.left_s == 60
    taken = at(store, NOW_S + 59).prompts.take(added.id, bound_to=(anna, None))
    assert taken == replace(added, left_s=1)
    with pytest.raises(UnknownPrompt):
        at(store, NOW_S).prompts.take(added.id, bound_to=(anna, None))


def test_an_expired_prompt_is_used_up_too(store: Store, anna: str) -> None:
    added = at(store, NOW_S).prompts.add(DRAWN, RULE, profile_id=anna)
    with pytest.raises(PromptExpired):
        at(store, NOW_S + 60).prompts.take(added.id)
    with pytest.raises(UnknownPrompt):
        at(store, NOW_S).prompts.take(added.id)


def test_a_prompt_that_never_was(store: Store) -> None:
    with pytest.raises(UnknownPrompt):
        at(store, NOW_S).prompts.take("0123456789abcdef")


@pytest.mark.parametrize("bound_to", [(), (None,), ("another profile", None)])
def test_the_prompt_of_another_profile_is_as_unknown_and_stays(
    store: Store, anna: str, bound_to: tuple[str | None, ...]
) -> None:
    added = at(store, NOW_S).prompts.add(DRAWN, RULE, profile_id=anna)
    with pytest.raises(UnknownPrompt) as other:
        at(store, NOW_S).prompts.take(added.id, bound_to=bound_to)
    with pytest.raises(UnknownPrompt) as unknown:
        at(store, NOW_S).prompts.take("0123456789abcdef")
    assert other.value.message == unknown.value.message
    assert at(store, NOW_S).prompts.take(added.id, bound_to=(anna,)) == added


def test_the_prompt_of_another_tenant_is_unknown(store: Store) -> None:
    store.tenants.create("elsewhere")
    added = at(store, NOW_S).prompts.add(DRAWN, RULE, tenant="elsewhere")
    with pytest.raises(UnknownPrompt):
        at(store, NOW_S).prompts.take(added.id)
    assert at(store, NOW_S).prompts.take(added.id, bound_to=(None,), tenant="elsewhere") == added


def test_a_prompt_needs_its_profile_and_its_tenant(store: Store, anna: str) -> None:
    store.tenants.create("elsewhere")
    with pytest.raises(UnknownProfile):
        at(store, NOW_S).prompts.add(DRAWN, RULE, profile_id=anna, tenant="elsewhere")
    with pytest.raises(InputError):
        at(store, NOW_S).prompts.add(DRAWN, RULE, tenant="nowhere")


def test_only_so_many_are_open_and_expired_ones_are_swept(home: Path, store: Store, anna: str) -> None:
    for second in range(3):
        at(store, NOW_S + second).prompts.add(DRAWN, RULE)
    with pytest.raises(TooManyPrompts):
        at(store, NOW_S + 59).prompts.add(DRAWN, RULE)
    at(store, NOW_S + 59).prompts.add(DRAWN, RULE, profile_id=anna)  # others have their own
    assert rows(home) == 4
    at(store, NOW_S + 60).prompts.add(DRAWN, RULE)  # the first one is out of the way
    assert rows(home) == 4
    at(store, NOW_S + 200).prompts.add(DRAWN, RULE)
    assert rows(home) == 1


def test_of_a_profile_one_that_waits_is_given_again(home: Path, store: Store, anna: str) -> None:
    first = at(store, NOW_S).prompts.add(DRAWN, RULE, profile_id=anna)
    again = at(store, NOW_S + 29).prompts.add(OTHER, RULE, profile_id=anna)
    assert (again.id, again.prompt, round(again.left_s)) == (first.id, DRAWN, 31)
    later = at(store, NOW_S + 31).prompts.add(OTHER, RULE, profile_id=anna)  # little time is left of the first one
    assert (later.id != first.id, later.prompt) == (True, OTHER)
    longer = at(store, NOW_S + 31).prompts.add(LONGER, RULE, profile_id=anna)
    assert longer.prompt == LONGER
    at(store, NOW_S + 31).prompts.take(longer.id)
    assert at(store, NOW_S + 31).prompts.add(LONGER, RULE, profile_id=anna).id != longer.id


def test_deleting_a_profile_deletes_its_prompts(home: Path, store: Store, anna: str) -> None:
    added = at(store, NOW_S).prompts.add(DRAWN, RULE, profile_id=anna)
    kept = at(store, NOW_S).prompts.add(DRAWN, RULE)
    store.profiles.delete(anna)
    assert rows(home) == 1
    with pytest.raises(UnknownPrompt):
        at(store, NOW_S).prompts.take(added.id)
    assert at(store, NOW_S).prompts.take(kept.id) == kept


def test_the_words_are_sealed_and_follow_a_change_of_the_key(home: Path, store: Store) -> None:
    added = at(store, NOW_S).prompts.add(DRAWN, RULE)
    assert b"velvet" not in files_bytes(home)
    store.maintenance.rotate_key()
    store.maintenance.check()
    assert at(store, NOW_S).prompts.take(added.id).prompt == DRAWN
    assert "velvet" not in repr(added)
    assert added.id not in repr(added)


@sqlite_only
@pytest.mark.parametrize("change", ["kind = 'songs'", "words = x'00'"])
def test_a_damaged_prompt(home: Path, store: Store, change: str) -> None:
    added = at(store, NOW_S).prompts.add(DRAWN, RULE)
    execute(home, f"UPDATE prompts SET {change}")  # noqa: S608
    with pytest.raises(StoreCorrupt):
        at(store, NOW_S).prompts.take(added.id)


def outcomes(call: Callable[[Store], OpenPrompt], home: Path, count: int) -> list[Any]:
    """What a call gives, or raises, in several threads with a store each at the same moment."""
    barrier = threading.Barrier(count)

    def work(_: int) -> Any:
        with opened(home) as mine:
            barrier.wait()
            try:
                return call(mine)
            except StreamAuthError as error:
                return type(error)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_of_many_who_use_a_prompt_at_once_one_gets_it(home: Path, store: Store) -> None:
    added = at(store, NOW_S).prompts.add(DRAWN, RULE)
    got = outcomes(lambda mine: at(mine, NOW_S).prompts.take(added.id), home, 6)
    assert sorted(got, key=str).count(UnknownPrompt) == 5
    assert got.count(added) == 1


def test_many_who_draw_at_once_do_not_get_more_than_there_may_be(home: Path, store: Store) -> None:
    got = outcomes(lambda mine: at(mine, NOW_S).prompts.add(DRAWN, RULE), home, 6)
    assert got.count(TooManyPrompts) == 3
    assert rows(home) == 3
