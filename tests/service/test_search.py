"""Identification through the roster that sessions share decides as a scan that reads each profile by itself."""

from pathlib import Path

import numpy as np
import pytest

from streamauth.core.events import Decided
from streamauth.core.ports import Voiceprint
from streamauth.core.sessions.base import Models
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.voice import roster
from streamauth.core.voice.pooling import unit
from streamauth.core.voice.roster import Roster
from streamauth.errors import NobodyToIdentify, StreamAuthError
from streamauth.service.authenticator import Authenticator, IdentificationAttempt
from streamauth.settings import AttemptSettings
from streamauth.store.records import EnrollmentRecord, ProfileKind
from tests.fakes import FakeEncoder, pause, pcm, say, voiceprint
from tests.server.rig import FORMAT, Watched, application, settings

ENCODER = FakeEncoder.id
LONG = "open the front door please close window my voice is key"
SPEAKERS = (1, 4, 7, 9)
SAID = {speaker: pcm(pause(0.3), say(LONG, speaker), pause(0.5)) for speaker in SPEAKERS}
TENANTS = ("default", "north")


class Scan:
    """What a scan of the store sees: each profile read anew, one after the other."""

    def __init__(self, authenticator: Authenticator, tenant: str) -> None:
        store, limits = authenticator.store, authenticator.settings.attempts
        self.people: dict[str, tuple[Voiceprint, ...]] = {}
        refused = store.attempts.refused(limits)
        for summary in store.profiles.summaries(tenant=tenant):
            if ENCODER in store.voiceprints.encoders(summary.profile.id) and summary.profile.id not in refused:
                beside = [each.voiceprint for each in store.templates.of(summary.profile.id, ENCODER)]
                self.people[summary.profile.name] = (store.voiceprints.get(summary.profile.id, ENCODER), *beside)

    def decided(self, speaker: int, models: Models) -> Decided:
        session = IdentificationSession(Roster.of(self.people, models.calibration), FORMAT, models, settings())
        session.receive_audio(SAID[speaker])
        session.receive_end()
        return next(event for event in session.events() if isinstance(event, Decided))


def decided(attempt: IdentificationAttempt, speaker: int) -> Decided:
    with attempt:
        events = [*attempt.receive_audio(SAID[speaker]), *attempt.receive_end()]
    return next(event for event in events if isinstance(event, Decided))


def change(watched: Watched, rng: np.random.Generator) -> None:
    """Something happens to somebody."""
    store, tenant = watched.store, str(rng.choice(TENANTS))
    ids = [each.profile.id for each in store.profiles.summaries(tenant=tenant)]
    what = rng.integers(0, 8) if len(ids) > 3 else 0
    one = str(rng.choice(ids)) if ids else ""
    voice = unit(np.atleast_2d(voiceprint(int(rng.choice(SPEAKERS))) + rng.normal(0, 0.05, FakeEncoder.dim)))
    record = EnrollmentRecord(ENCODER, voice.astype(np.float32), 3.0, 4.0)
    if what < 3:
        one = store.profiles.create(f"p {rng.integers(10**9)}", ProfileKind.TEXT_INDEPENDENT, tenant=tenant).id
        store.enrollments.add(one, record, voiceprint=record.voiceprint)
    elif what == 3:
        store.profiles.delete(one)
    elif what == 4:
        store.profiles.reset(one)
    elif what == 5:
        store.templates.put(one, ENCODER, "car", record.voiceprint, most=4)
    elif what == 6:
        for _ in range(3):
            store.attempts.begin(one, AttemptSettings(free_failures=1000, lock_after=1000))
    else:
        store.attempts.unlock(one)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_decides_as_a_linear_scan(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "_FEW", 3)
    rng = np.random.default_rng(seed)
    named = 0
    used = settings().with_values({"attempts": {"free_failures": 2, "lock_after": 3}}, "tests")
    with application(tmp_path, used) as watched:
        models = watched.engines.models(with_words=False)
        watched.store.tenants.create("north")
        for _ in range(12):
            for _ in range(3):
                change(watched, rng)
            tenant, speaker = str(rng.choice(TENANTS)), int(rng.choice(SPEAKERS))
            scan = Scan(watched, tenant)
            try:
                found = decided(watched.identify(FORMAT, tenant=tenant), speaker)
            except NobodyToIdentify:
                assert not scan.people
                continue
            except StreamAuthError as error:
                pytest.fail(error.code)
            expected = scan.decided(speaker, models)
            assert (found.verdict, found.name, found.reasons) == (expected.verdict, expected.name, expected.reasons)
            assert [one.name for one in found.ranking] == [one.name for one in expected.ranking]
            np.testing.assert_allclose(
                [one.llr for one in found.ranking], [one.llr for one in expected.ranking], atol=1e-4
            )
            named += found.name is not None
    assert named > 2


def test_sessions_share_what_they_search(tmp_path: Path) -> None:
    with application(tmp_path) as watched:
        one, other = (watched.identify(FORMAT) for _ in range(2))
        assert one.session._roster is other.session._roster
        for attempt in (one, other):
            attempt.close()
