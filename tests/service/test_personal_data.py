"""What the law gives a person: consent that is recorded, a copy of everything, an end of what is unused, a receipt."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.lockout import AttemptOutcome
from streamauth.core.settings import AttemptSettings, ReplaySettings
from streamauth.errors import AuditBroken, ConsentMissing, InputError, UnknownProfile
from streamauth.service.authenticator import Authenticator
from streamauth.service.personal_data import personal_data
from streamauth.settings import Settings
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.server.rig import FakeEngines
from tests.store.helpers import ENCODER, at, enrolled, execute, opened, voiceprint

DAY_S = 86_400.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with opened(home) as made:
        yield made


def test_nobody_is_enrolled_without_the_consent_that_is_asked_for(store: Store) -> None:
    settings = Settings().with_values({"enrollment": {"consent": "2026-01"}}, "test")
    authenticator = Authenticator(store, FakeEngines(), settings)
    for consent in (None, "2025-12"):
        with pytest.raises(ConsentMissing):
            authenticator.enroll("ada", AudioFormat(16_000), text_independent=True, consent=consent)
    authenticator.enroll("ada", AudioFormat(16_000), text_independent=True, consent="2026-01").close()
    store.profiles.create("bob", ProfileKind.TEXT_INDEPENDENT, consent="2026-01")
    authenticator.enroll("bob", AudioFormat(16_000), text_independent=True).close()


def test_consent_is_kept_with_its_time(store: Store) -> None:
    profile = at(store, 1000.0).profiles.create("ada", ProfileKind.TEXT_INDEPENDENT, consent="2026-01")
    assert profile.consent == "2026-01"
    assert profile.consent_at is not None
    assert profile.consent_at.timestamp() == 1000
    at(store, 2000.0).profiles.consented(profile.id, "2026-02")
    changed = store.profiles.get("ada")
    assert changed.consent_at is not None
    assert (changed.consent, changed.consent_at.timestamp()) == ("2026-02", 2000)
    for wrong in ("", "x" * 65, "a\nb"):
        with pytest.raises(InputError):
            store.profiles.consented(profile.id, wrong)


def test_everything_is_told_but_what_would_let_somebody_in(store: Store) -> None:
    profile = enrolled(store, "ada", 1)
    store.templates.put(profile.id, ENCODER, "car", voiceprint(9), most=3)
    store.trails.keep(profile.id, np.ones((40, 24), np.int8), ReplaySettings(), enrolled=False)
    store.attempts.finish(store.attempts.begin(profile.id, AttemptSettings()), AttemptOutcome.ACCEPTED, by="abc")
    enrolled(store, "bob", 50)
    data = personal_data(store, "ada", "default")
    text = json.dumps(data)
    assert data["profile"]["name"] == "ada"
    assert data["profile"]["has_phrase"] is True
    assert data["profile"]["last_accepted_at"] is not None
    assert [len(data[kind]) for kind in ("enrollments", "voiceprints", "templates", "trails")] == [3, 1, 1, 1]
    assert data["templates"][0]["embedding_bytes"] > 1000
    actions = [entry["action"] for entry in data["audit"]]
    assert actions == ["profile.created", "profile.enrolled", "template.added", "attempt"]
    assert data["audit"][-1]["actor"] == "abc"
    assert "phrase 1" not in text
    assert "bob" not in text
    with pytest.raises(UnknownProfile):
        personal_data(store, "carol", "default")


def test_who_is_not_seen_for_long_is_deleted(store: Store) -> None:
    settings = Settings().with_values({"enrollment": {"unused_days": 30}}, "test")
    authenticator = Authenticator(store, FakeEngines(), settings)
    at(store, 0.0)
    ada, bob = enrolled(store, "ada", 1), enrolled(store, "bob", 50)
    at(store, 20 * DAY_S)
    store.attempts.finish(store.attempts.begin(bob.id, AttemptSettings()), AttemptOutcome.ACCEPTED)
    at(store, 29 * DAY_S)
    assert authenticator.delete_unused() == 0
    at(store, 31 * DAY_S)
    assert authenticator.delete_unused() == 1
    assert [summary.profile.name for summary in store.profiles.summaries()] == ["bob"]
    last = store.audit.newest(limit=1)[0]
    assert (last.action, last.subject, last.outcome) == ("profile.deleted", ada.id, "unused")
    assert Authenticator(store, FakeEngines(), Settings()).delete_unused() == 0, "off by default"
    store.maintenance.check()


def test_a_deletion_has_a_receipt(store: Store, home: Path, tmp_path: Path) -> None:
    ada, bob = enrolled(store, "ada", 1), enrolled(store, "bob", 50)
    receipt, other = (each.text() for each in store.profiles.delete(ada.id, bob.id))
    entry = store.audit.by_receipt(receipt)
    assert (entry.action, entry.subject) == ("profile.deleted", ada.id)
    assert store.audit.by_receipt(other).subject == bob.id
    number, link = receipt.split("-")
    another = ("0" if link[0] != "0" else "1") + link[1:]
    for wrong in ("", "x", f"{number}-", f"{int(number) + 1}-{link}", f"{number}-{another}", f"{'9' * 30}-{link}"):
        with pytest.raises(InputError):
            store.audit.by_receipt(wrong)
    with opened(tmp_path / "elsewhere") as elsewhere, pytest.raises(InputError):
        elsewhere.audit.by_receipt(receipt)
    execute(home, "DELETE FROM audit WHERE number = 1")
    with pytest.raises(AuditBroken):
        store.audit.by_receipt(receipt)
