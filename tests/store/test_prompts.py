import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
from streamauth.store.profiles import OpenPrompt, ProfileKind, ProfileStore
from tests.store.helpers import files_bytes, opened

DRAWN = Prompt(PromptKind.WORDS, ("garden", "velvet", "tornado", "piano"))
RULE = PromptSettings(lifetime_s=60, max_open=3)
NOW_S = 1000.0


@pytest.fixture
def anna(store: ProfileStore) -> str:
    return store.create("Anna", ProfileKind.TEXT_DEPENDENT).id


def rows(home: Path) -> int:
    database = sqlite3.connect(home / "streamauth.db")
    (count,) = database.execute("SELECT count(*) FROM prompts").fetchone()
    database.close()
    return int(count)


def test_a_prompt_is_used_once(store: ProfileStore, anna: str) -> None:
    added = store.add_prompt(DRAWN, NOW_S, RULE, profile_id=anna)
    assert added.expires_at_s == NOW_S + 60
    assert store.take_prompt(added.id, NOW_S + 59.9, bound_to=(anna, None)) == added
    with pytest.raises(UnknownPrompt):
        store.take_prompt(added.id, NOW_S, bound_to=(anna, None))


def test_an_expired_prompt_is_used_up_too(store: ProfileStore, anna: str) -> None:
    added = store.add_prompt(DRAWN, NOW_S, RULE, profile_id=anna)
    with pytest.raises(PromptExpired):
        store.take_prompt(added.id, NOW_S + 60)
    with pytest.raises(UnknownPrompt):
        store.take_prompt(added.id, NOW_S)


def test_a_prompt_that_never_was(store: ProfileStore) -> None:
    with pytest.raises(UnknownPrompt):
        store.take_prompt("0123456789abcdef", NOW_S)


@pytest.mark.parametrize("bound_to", [(), (None,), ("another profile", None)])
def test_the_prompt_of_another_profile_is_as_unknown_and_stays(
    store: ProfileStore, anna: str, bound_to: tuple[str | None, ...]
) -> None:
    added = store.add_prompt(DRAWN, NOW_S, RULE, profile_id=anna)
    with pytest.raises(UnknownPrompt) as other:
        store.take_prompt(added.id, NOW_S, bound_to=bound_to)
    with pytest.raises(UnknownPrompt) as unknown:
        store.take_prompt("0123456789abcdef", NOW_S)
    assert other.value.message == unknown.value.message
    assert store.take_prompt(added.id, NOW_S, bound_to=(anna,)) == added


def test_the_prompt_of_another_tenant_is_unknown(store: ProfileStore) -> None:
    store.create_tenant("elsewhere")
    added = store.add_prompt(DRAWN, NOW_S, RULE, tenant="elsewhere")
    with pytest.raises(UnknownPrompt):
        store.take_prompt(added.id, NOW_S)
    assert store.take_prompt(added.id, NOW_S, bound_to=(None,), tenant="elsewhere") == added


def test_a_prompt_needs_its_profile_and_its_tenant(store: ProfileStore, anna: str) -> None:
    store.create_tenant("elsewhere")
    with pytest.raises(UnknownProfile):
        store.add_prompt(DRAWN, NOW_S, RULE, profile_id=anna, tenant="elsewhere")
    with pytest.raises(InputError):
        store.add_prompt(DRAWN, NOW_S, RULE, tenant="nowhere")


def test_only_so_many_are_open_and_expired_ones_are_swept(home: Path, store: ProfileStore, anna: str) -> None:
    for second in range(3):
        store.add_prompt(DRAWN, NOW_S + second, RULE, profile_id=anna)
    with pytest.raises(TooManyPrompts):
        store.add_prompt(DRAWN, NOW_S + 59, RULE, profile_id=anna)
    store.add_prompt(DRAWN, NOW_S + 59, RULE)  # others have their own
    assert rows(home) == 4
    store.add_prompt(DRAWN, NOW_S + 60, RULE, profile_id=anna)  # the first one is out of the way
    assert rows(home) == 4
    store.add_prompt(DRAWN, NOW_S + 200, RULE)
    assert rows(home) == 1


def test_deleting_a_profile_deletes_its_prompts(home: Path, store: ProfileStore, anna: str) -> None:
    added = store.add_prompt(DRAWN, NOW_S, RULE, profile_id=anna)
    kept = store.add_prompt(DRAWN, NOW_S, RULE)
    store.delete(anna)
    assert rows(home) == 1
    with pytest.raises(UnknownPrompt):
        store.take_prompt(added.id, NOW_S)
    assert store.take_prompt(kept.id, NOW_S) == kept


def test_the_words_are_sealed_and_follow_a_change_of_the_key(home: Path, store: ProfileStore) -> None:
    added = store.add_prompt(DRAWN, NOW_S, RULE)
    assert b"velvet" not in files_bytes(home)
    store.rotate_key()
    store.check()
    assert store.take_prompt(added.id, NOW_S).prompt == DRAWN
    assert "velvet" not in repr(added)
    assert added.id not in repr(added)


@pytest.mark.parametrize("change", ["kind = 'songs'", "words = x'00'"])
def test_a_damaged_prompt(home: Path, store: ProfileStore, change: str) -> None:
    added = store.add_prompt(DRAWN, NOW_S, RULE)
    database = sqlite3.connect(home / "streamauth.db")
    with database:
        database.execute(f"UPDATE prompts SET {change}")  # noqa: S608
    database.close()
    with pytest.raises(StoreCorrupt):
        store.take_prompt(added.id, NOW_S)


def outcomes(call: Callable[[ProfileStore], OpenPrompt], home: Path, count: int) -> list[Any]:
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


def test_of_many_who_use_a_prompt_at_once_one_gets_it(home: Path, store: ProfileStore) -> None:
    added = store.add_prompt(DRAWN, NOW_S, RULE)
    got = outcomes(lambda mine: mine.take_prompt(added.id, NOW_S), home, 6)
    assert sorted(got, key=str).count(UnknownPrompt) == 5
    assert got.count(added) == 1


def test_many_who_draw_at_once_do_not_get_more_than_there_may_be(home: Path, store: ProfileStore) -> None:
    got = outcomes(lambda mine: mine.add_prompt(DRAWN, NOW_S, RULE), home, 6)
    assert got.count(TooManyPrompts) == 3
    assert rows(home) == 3
