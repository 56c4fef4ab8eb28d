"""Further voiceprints, and the one that follows its owner's voice, at the service."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamauth.core.events import Enrolled, UtteranceRefused, Verdict, VoiceprintAdapted
from streamauth.core.ports import Embedding
from streamauth.errors import ProfileNotEnrolled, TooManyTemplates, UnknownProfile
from streamauth.service.authenticator import Authenticator
from streamauth.settings import AdaptationSettings, EnrollmentSettings, ReplaySettings, Settings
from streamauth.store.store import Store
from tests.fakes import pause, pcm, say
from tests.service.test_authenticator import (
    FORMAT,
    LONG,
    PHRASE,
    Clock,
    FakeEngines,
    decided,
    enroll,
    finish,
    spoken,
    verify,
)


def authenticator(home: Path, adaptation: AdaptationSettings | None = None, *, max_templates: int = 4) -> Authenticator:
    enrollment = EnrollmentSettings(text_independent_speech_s=5.0, max_templates=max_templates)
    settings = Settings(
        enrollment=enrollment,
        adaptation=adaptation or AdaptationSettings(),
        replay=ReplaySettings(refuse=False),
    )
    return Authenticator(Store.open(home), FakeEngines(settings), settings, Clock())


@pytest.fixture
def auth(tmp_path: Path) -> Iterator[Authenticator]:
    authenticator_ = authenticator(tmp_path)
    yield authenticator_
    authenticator_.close()


def in_the_car(words: str = PHRASE, loud: float = 1.05) -> bytes:
    """The voice of speaker 1 with a hum that makes it half another one."""
    return pcm(pause(0.5), ((say(words, 1) + loud * say(words, 7)) / 2).astype(np.float32), pause(0.8))


def voiceprint(auth: Authenticator) -> Embedding:
    return auth.store.voiceprints.get(auth.store.profiles.get("ada").id, "fake-encoder")


def test_a_further_voiceprint_serves_another_place(auth: Authenticator) -> None:
    enroll(auth)
    before = voiceprint(auth)
    assert verify(auth, in_the_car()) is Verdict.REJECT
    events = finish(auth.enroll("ada", FORMAT, label="car", by_owner=False), in_the_car() * 3)
    assert isinstance(events[-1], Enrolled)
    assert verify(auth, in_the_car()) is Verdict.ACCEPT
    assert verify(auth, spoken()) is Verdict.ACCEPT
    assert verify(auth, spoken(speaker=6)) is Verdict.REJECT
    assert np.array_equal(voiceprint(auth), before)


def test_identification_knows_it_too(auth: Authenticator) -> None:
    enroll(auth)
    enroll(auth, "eve", 6)
    finish(auth.enroll("ada", FORMAT, label="car", by_owner=False), in_the_car() * 3)
    decision = decided(finish(auth.identify(FORMAT), in_the_car(LONG)))
    assert decision.name == "ada"
    # each person is named once
    assert [candidate.name for candidate in decision.ranking] == ["ada", "eve"]


def test_another_person_cannot_add_theirs(auth: Authenticator) -> None:
    enroll(auth)
    events = finish(auth.enroll("ada", FORMAT, label="car"), spoken(speaker=6) * 3)
    assert any(isinstance(event, UtteranceRefused) and "other_voice" in event.reasons for event in events)
    assert auth.store.templates.labels(auth.store.profiles.get("ada").id) == ()
    assert verify(auth, spoken(speaker=6)) is Verdict.REJECT


def test_one_that_is_not_finished_leaves_nothing(auth: Authenticator) -> None:
    enroll(auth)
    finish(auth.enroll("ada", FORMAT, label="car", by_owner=False), in_the_car() * 2)
    assert auth.store.templates.labels(auth.store.profiles.get("ada").id) == ()


def test_there_must_be_a_first_one_and_room(tmp_path: Path) -> None:
    auth = authenticator(tmp_path, max_templates=0)
    with pytest.raises(UnknownProfile):
        auth.enroll("ada", FORMAT, label="car")
    finish(auth.enroll("ada", FORMAT, phrase=PHRASE), spoken())
    with pytest.raises(ProfileNotEnrolled):
        auth.enroll("ada", FORMAT, label="car")
    enroll(auth)
    attempt = auth.enroll("ada", FORMAT, label="car", by_owner=False)
    finish(attempt, in_the_car() * 3)
    assert isinstance(attempt.error, TooManyTemplates)
    auth.close()


def test_by_default_a_voiceprint_follows_nobody(auth: Authenticator) -> None:
    enroll(auth)
    events = finish(auth.verify("ada", FORMAT), spoken())
    assert not any(isinstance(event, VoiceprintAdapted) for event in events)
    assert auth.store.templates.of(auth.store.profiles.get("ada").id, "fake-encoder") == []


def test_where_it_is_wanted_it_follows_and_is_taken_back(tmp_path: Path) -> None:
    auth = authenticator(tmp_path, AdaptationSettings(enabled=True, rate=0.3, min_similarity=0.8))
    enroll(auth)
    profile_id = auth.store.profiles.get("ada").id
    changed = in_the_car(loud=0.5)
    updates = []
    for _ in range(3):
        events = finish(auth.verify("ada", FORMAT), changed)
        updates += [event.updates for event in events if isinstance(event, VoiceprintAdapted)]
    assert updates == [1, 2, 3]
    llrs = [decided(finish(auth.verify("ada", FORMAT), changed)).llr]
    auth.store.templates.remove(profile_id, "")
    llrs.append(decided(finish(auth.verify("ada", FORMAT), changed)).llr)
    assert llrs[0] is not None
    assert llrs[1] is not None
    assert llrs[0] > llrs[1] + 1
    auth.close()


@pytest.mark.parametrize("loud", [0.95, 6.0])
def test_a_doubtful_accept_or_a_reject_moves_nothing(tmp_path: Path, loud: float) -> None:
    auth = authenticator(tmp_path, AdaptationSettings(enabled=True))
    enroll(auth)
    events = finish(auth.verify("ada", FORMAT), in_the_car(loud=loud))
    assert decided(events).verdict is (Verdict.ACCEPT if loud < 1 else Verdict.REJECT)
    assert not any(isinstance(event, VoiceprintAdapted) for event in events)
    auth.close()
