"""Recordings that are played again, against a whole authenticator with its real engines and default settings."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Event, Reason, UtteranceRefused, UtteranceTaken, Verdict
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.replay.trail import Trail
from streamauth.demo_data import demo_utterances
from streamauth.errors import EngineError, SessionInterrupted, StreamAuthError
from streamauth.service.authenticator import Authenticator
from streamauth.settings import ReplaySettings, Settings
from streamauth.store.records import ProfileKind
from tests.attacks.rig import attacked
from tests.server.rig import ADA, Peer, spoken, until
from tests.server.rig import PHRASE as FAKE_PHRASE
from tests.server.web import Web, key_of, wav
from tests.store.helpers import at

FORMAT = AudioFormat(SAMPLE_RATE_HZ)
PHRASE = "please open the door and let me come in"
CLIPS = demo_utterances()
ID, OTHER_ID = "5f0c6d1e-7d0b-4b7e-9d57-6a0a3f3f7c11", "another_attempt_0"


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


def verify(auth: Authenticator, samples: Samples, attempt_id: str | None = None) -> Decided:
    with auth.verify("ada", FORMAT, attempt_id=attempt_id) as attempt:
        events = [*attempt.receive_audio(pcm(samples)), *attempt.receive_end()]
    (decision,) = [event for event in events if isinstance(event, Decided)]
    return decision


def broken_off(
    auth: Authenticator, samples: Samples, attempt_id: str | None = None, error: StreamAuthError | None = None
) -> None:
    """An attempt that ends short of its decision."""
    with auth.verify("ada", FORMAT, attempt_id=attempt_id) as attempt:
        events = attempt.receive_audio(pcm(samples[: len(samples) * 8 // 10]))
        assert not [event for event in events if isinstance(event, Decided)]
        attempt.fail(error or SessionInterrupted())


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


def test_a_broken_off_attempt_is_sent_again_once_under_its_id(auth: Authenticator) -> None:
    broken_off(auth, said("door-4"), ID)
    assert verify(auth, said("door-4"), ID).verdict is Verdict.ACCEPT
    # the id of what was accepted is worth nothing
    assert verify(auth, said("door-4"), ID).reasons == (Reason.HEARD_BEFORE,)


@pytest.mark.parametrize("attempt_id", [None, OTHER_ID])
def test_who_has_recorded_a_broken_off_attempt_lacks_its_id(auth: Authenticator, attempt_id: str | None) -> None:
    broken_off(auth, said("door-4"), ID)
    assert verify(auth, said("door-4"), attempt_id).reasons == (Reason.HEARD_BEFORE,)


def test_who_cuts_the_connection_of_a_client_without_ids_cannot_play_it_again(auth: Authenticator) -> None:
    broken_off(auth, said("door-4"))
    assert verify(auth, said("door-4"), ID).reasons == (Reason.HEARD_BEFORE,)


def test_a_failure_of_the_server_costs_a_client_without_ids_nothing(auth: Authenticator) -> None:
    broken_off(auth, said("door-4"), error=EngineError())
    assert verify(auth, said("door-4")).verdict is Verdict.ACCEPT


def test_an_accepted_attempt_is_not_sent_again_under_its_id(auth: Authenticator) -> None:
    assert verify(auth, said("door-4"), ID).verdict is Verdict.ACCEPT
    assert verify(auth, said("door-4"), ID).reasons == (Reason.HEARD_BEFORE,)


def test_an_id_is_not_used_a_third_time(auth: Authenticator) -> None:
    for _ in range(2):
        broken_off(auth, said("door-4"), ID, EngineError())
    assert verify(auth, said("door-4"), ID).reasons == (Reason.HEARD_BEFORE,)


def test_the_id_is_that_of_an_attempt_on_the_same_profile(auth: Authenticator) -> None:
    bob = auth.store.profiles.create("bob", ProfileKind.TEXT_INDEPENDENT)
    trail = np.ones((40, 24), np.int8)
    auth.store.trails.keep(bob.id, trail, auth.settings.replay, enrolled=False, attempt_id=ID, undecided=True)
    broken_off(auth, said("door-4"))
    assert verify(auth, said("door-4"), ID).reasons == (Reason.HEARD_BEFORE,)
    assert not auth.store.trails.of(bob.id, auth.settings.replay, ID), "it was not used up"


def test_what_is_sent_again_later_is_refused(auth: Authenticator) -> None:
    at(auth.store, time.time() - auth.settings.replay.resend_s - 1)
    broken_off(auth, said("door-4"), ID)
    at(auth.store, time.time())
    assert verify(auth, said("door-4"), ID).reasons == (Reason.HEARD_BEFORE,)


def test_an_id_frees_one_trail_for_one_attempt_that_would_be_accepted(home: Path) -> None:
    auth = authenticator(home, keep_trails=1)
    profile, settings = auth.store.profiles.get("ada"), auth.settings.replay
    trails = auth.store.trails

    def kept(undecided: bool) -> None:
        heard: Trail = np.full((40, 24), 7, np.int8)
        trails.keep(profile.id, heard, settings, enrolled=False, attempt_id=ID, undecided=undecided)

    kept(undecided=True)
    assert len(trails.of(profile.id, settings, OTHER_ID)) == 4
    auth.store.maintenance.rotate_key()
    assert not any(ID.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert [len(trails.of(profile.id, settings, ID)) for _ in range(2)] == [3, 4], "two at once share one exception"
    kept(undecided=True)  # pushes the first out, and is closed nevertheless
    assert len(trails.of(profile.id, settings, ID)) == 4
    auth.store.maintenance.check()
    auth.close()


@pytest.mark.parametrize("attempt_id", [None, ID, OTHER_ID])
def test_a_stream_that_breaks_is_sent_again_by_its_id_alone(tmp_path: Path, attempt_id: str | None) -> None:
    said_so = spoken(FAKE_PHRASE, ADA)
    sections: dict[str, dict[str, Any]] = {"replay": {"refuse": True}, "access": {"disclosure": "number"}}
    with attacked(tmp_path, sections) as (url, watched):
        with Peer(url, additional_headers={"Authorization": f"Bearer {key_of(watched)}"}) as peer:
            peer.start(attempt_id=ID)
            peer.send(said_so[: len(said_so) - 2 * 13_000])  # but for most of the silence at its end
            while peer.hear()["type"] != "score":
                pass
            until(lambda: watched.made[0].session.at_sample > len(said_so) // 2 - 14_000)
            peer.vanish()
            until(lambda: not watched.unclosed)
        web = Web(url, key_of(watched))
        path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
        assert web("POST", path, wav(said_so), **{"Streamauth-Attempt": "too short"}).status == 422
        headers = {} if attempt_id is None else {"Streamauth-Attempt": attempt_id}
        answers = [web("POST", path, wav(said_so), **headers).json for _ in range(2)]
    first = ("accept", ["voice_match", "phrase_match"]) if attempt_id == ID else ("reject", ["heard_before"])
    assert [(each["decision"], each["reasons"]) for each in answers] == [first, ("reject", ["heard_before"])]
