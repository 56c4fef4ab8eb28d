"""Recordings that are played again, against a whole authenticator with its real engines and default settings."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Event, Reason, UtteranceRefused, UtteranceTaken, Verdict
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.demo_data import demo_utterances
from streamauth.service.authenticator import Authenticator
from streamauth.settings import ReplaySettings, Settings
from tests.store.helpers import at

FORMAT = AudioFormat(SAMPLE_RATE_HZ)
PHRASE = "please open the door and let me come in"
CLIPS = demo_utterances()


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that knows ada."""
    home = tmp_path_factory.mktemp("replays") / "home"
    enroll_ada(authenticator(home)).close()
    return home


@pytest.fixture
def home(enrolled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(enrolled, tmp_path / "home"))


@pytest.fixture
def auth(home: Path) -> Iterator[Authenticator]:
    made = authenticator(home)
    yield made
    made.close()


def authenticator(home: Path, **replay: float) -> Authenticator:
    return Authenticator.open(home, Settings(replay=ReplaySettings(**replay)))  # type: ignore[arg-type]


def enroll_ada(auth: Authenticator) -> Authenticator:
    for clip in ("door-1", "door-2", "door-3"):
        enroll(auth, said(clip))
    return auth


def said(clip: str, gain: float = 1.0, voice: str = "slt") -> Samples:
    samples, _ = soundfile.read(CLIPS[voice, clip].path, dtype="float32")
    return np.asarray(samples * np.float32(gain), np.float32)


def pcm(samples: Samples) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def enroll(auth: Authenticator, samples: Samples) -> list[Event]:
    with auth.enroll("ada", FORMAT, phrase=PHRASE) as attempt:
        return [*attempt.receive_audio(pcm(samples)), *attempt.end_utterance(), *attempt.receive_end()]


def verify(auth: Authenticator, samples: Samples) -> Decided:
    with auth.verify("ada", FORMAT) as attempt:
        events = [*attempt.receive_audio(pcm(samples)), *attempt.receive_end()]
    (decision,) = [event for event in events if isinstance(event, Decided)]
    return decision


def test_the_same_bytes_open_once(auth: Authenticator) -> None:
    assert verify(auth, said("door-4")).verdict is Verdict.ACCEPT
    again = verify(auth, said("door-4", gain=0.6))
    assert (again.verdict, again.reasons) == (Verdict.REJECT, (Reason.HEARD_BEFORE,))
    profile = auth.store.profiles.get("ada")
    failures, _ = auth.store.attempts.standing(profile.id, auth.settings.attempts)
    assert failures == 1, "a replay counts as a failure"


def test_what_was_enrolled_opens_nothing(auth: Authenticator) -> None:
    assert verify(auth, said("door-2")).reasons == (Reason.HEARD_BEFORE,)


def test_a_recording_does_not_identify(auth: Authenticator) -> None:
    with auth.identify(FORMAT) as attempt:
        events = [*attempt.receive_audio(pcm(said("door-1"))), *attempt.receive_end()]
    (decision,) = [event for event in events if isinstance(event, Decided)]
    assert (decision.verdict, decision.name, decision.reasons) == (Verdict.REJECT, None, (Reason.HEARD_BEFORE,))


def test_one_recording_does_not_enroll_three_times(auth: Authenticator) -> None:
    auth.store.profiles.reset(auth.store.profiles.get("ada").id)
    events = [event for _ in range(2) for event in enroll(auth, said("door-1"))]
    taken = [event for event in events if isinstance(event, UtteranceTaken)]
    refused = [event.reasons for event in events if isinstance(event, UtteranceRefused)]
    assert (len(taken), refused) == (1, [(Reason.HEARD_BEFORE,)])


def test_trails_are_sealed_limited_and_go_with_the_profile(home: Path) -> None:
    auth = authenticator(home, keep_trails=1)
    profile = auth.store.profiles.get("ada")
    for clip in ("door-4", "window", "coffee"):
        verify(auth, said(clip))
    kept = auth.store.trails.of(profile.id, auth.settings.replay)
    assert len(kept) == 3 + 1
    assert not any(kept[0].tobytes()[:200] in path.read_bytes() for path in home.rglob("*") if path.is_file())
    auth.store.maintenance.check()
    auth.store.maintenance.rotate_key()
    assert [trail.tobytes() for trail in auth.store.trails.of(profile.id, auth.settings.replay)] == [
        trail.tobytes() for trail in kept
    ]
    auth.store.profiles.delete(profile.id)
    assert not auth.store.trails.of(profile.id, auth.settings.replay)
    auth.close()


def test_an_old_trail_of_an_attempt_is_forgotten_and_one_of_the_enrollment_is_not(home: Path) -> None:
    auth = authenticator(home)
    profile = auth.store.profiles.get("ada")
    verify(auth, said("door-4"))
    soon = ReplaySettings(keep_days=0.01)
    assert len(auth.store.trails.of(profile.id, soon)) == 4
    at(auth.store, time.time() + 86_400)
    assert len(auth.store.trails.of(profile.id, soon)) == 3
    auth.close()


def test_where_the_setting_is_off_nothing_is_kept_or_refused(tmp_path: Path) -> None:
    auth = enroll_ada(authenticator(tmp_path, refuse=False))
    for _ in range(2):
        assert verify(auth, said("door-4")).verdict is Verdict.ACCEPT
    assert not auth.store.trails.of(auth.store.profiles.get("ada").id, auth.settings.replay)
    auth.close()
