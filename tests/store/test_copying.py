from pathlib import Path

import pytest

from streamauth.errors import InputError
from streamauth.settings import StoreSettings
from streamauth.store.api_keys import Scope
from streamauth.store.sealing import SealingKey
from streamauth.store.store import Store
from tests.store.helpers import ENCODER, assert_enrolled, enrolled, opened, put, record, same, voiceprint


def filled(store: Store) -> str:
    """People, failures and a key, with gaps where others were deleted; the key."""
    store.profiles.delete(enrolled(store, "Nobody", 50).id)
    anna = enrolled(store, "Anna", 1)
    store.templates.put(anna.id, ENCODER, "car", voiceprint(30), most=4)
    return store.api_keys.create("backend", [Scope.VERIFY], tenant="shop")[1]


def test_a_copy_holds_everything_and_goes_on(store: Store, home: Path, tmp_path: Path) -> None:
    # from either database into SQLite, and back
    api_key = filled(store)
    for name in ("one", "two"):
        with opened(home, StoreSettings(url=str(tmp_path / f"{name}.db"))) as target:
            counts = store.maintenance.copy_to(target.maintenance)
            assert (counts["profiles"], counts["voiceprints"], counts["tenants"]) == (1, 1, 2)
            target.maintenance.check()
            assert_enrolled(target, "Anna", 1)
            assert target.api_keys.find(api_key).tenant == "shop"
            (found,) = target.gallery.enrolled(ENCODER)
            assert same(found.templates[0].voiceprint, voiceprint(30))
            put(target, enrolled(target, "Ben", 11).id, "another-encoder", voiceprint(12))
            assert [one.name for one in target.gallery.enrolled(ENCODER)] == ["Anna", "Ben"]


def test_a_copy_into_this_database_counts_on(store: Store, home: Path, tmp_path: Path) -> None:
    with opened(home, StoreSettings(url=str(tmp_path / "source.db"))) as source:
        filled(source)
        source.maintenance.copy_to(store.maintenance)
        store.maintenance.check()
        assert_enrolled(store, "Anna", 1)
        store.enrollments.add(store.profiles.get("Anna").id, record(9), more=True)
        assert len(store.enrollments.of(store.profiles.get("Anna").id, ENCODER)) == 4


def test_nothing_is_copied_into_a_store_that_is_in_use_or_has_another_key(
    store: Store, home: Path, tmp_path: Path
) -> None:
    enrolled(store, "Anna", 1)
    with opened(home, StoreSettings(url=str(tmp_path / "used.db"))) as used:
        enrolled(used, "Ben", 11)
        with pytest.raises(InputError, match="not empty"):
            store.maintenance.copy_to(used.maintenance)
        assert [one.profile.name for one in used.profiles.summaries()] == ["Ben"]
    with opened(tmp_path / "other", StoreSettings(), SealingKey.generate()) as other:
        with pytest.raises(InputError, match="keys"):
            store.maintenance.copy_to(other.maintenance)
        assert other.profiles.summaries() == []
