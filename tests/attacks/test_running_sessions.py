"""Attack: to go on with a session after its profile was deleted, reset or locked, or its API key revoked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streamauth.settings import AttemptSettings
from streamauth.store.api_keys import Scope
from tests.attacks.rig import attacked
from tests.server.rig import ADA, BOB, PHRASE, Peer, Watched, spoken
from tests.server.web import key_of

PATIENT = AttemptSettings(free_failures=100, lock_after=100)
SAID = spoken(PHRASE, ADA)
AT = len(SAID) // 2 // 2 * 2


def deleted(watched: Watched) -> None:
    watched.store.profiles.delete(watched.store.profiles.get("ada").id)


def reset(watched: Watched) -> None:
    watched.store.profiles.reset(watched.store.profiles.get("ada").id)


def locked(watched: Watched) -> None:
    for _ in range(watched.settings.attempts.lock_after):
        watched.store.attempts.begin(watched.store.profiles.get("ada").id, PATIENT)


def revoked(watched: Watched) -> None:
    watched.store.api_keys.revoke(watched.store.api_keys.all()[-1].id)


CHANGES = [
    (deleted, "unknown_profile"),
    (reset, "profile_not_enrolled"),
    (locked, "profile_locked"),
    (revoked, "unauthorized"),
]


@pytest.mark.parametrize(("change", "code"), CHANGES, ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.parametrize("mode", ["verify", "identify"])
def test_nothing_is_accepted_of_what_is_gone(
    tmp_path: Path, mode: str, change: Callable[[Watched], None], code: str
) -> None:
    audio = SAID if mode == "verify" else spoken(" ".join([PHRASE] * 3), ADA)
    half = len(SAID) // 3 // 2 * 2
    with attacked(tmp_path) as (url, watched):
        headers = {"Authorization": f"Bearer {key_of(watched, Scope.VERIFY, Scope.IDENTIFY)}"}
        with Peer(url, additional_headers=headers) as peer:
            peer.start(mode, audience="https://example.org")
            peer.send(audio[:half])
            while peer.hear()["type"] != "speech_started":
                pass
            change(watched)
            peer.send(audio[half:])
            peer.say(type="end")
            told = peer.rest()
    kinds = {message["type"] for message in told}
    assert not kinds & {"decision", "signed_verdict"}
    assert told[-1].get("code") == code


@pytest.mark.parametrize(
    ("change", "code"),
    [each for each in CHANGES if each[0] is not locked],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_continuous_session_is_ended_at_once(tmp_path: Path, change: Callable[[Watched], None], code: str) -> None:
    with attacked(tmp_path) as (url, watched):
        headers = {"Authorization": f"Bearer {key_of(watched, Scope.VERIFY, Scope.IDENTIFY)}"}
        with Peer(url, additional_headers=headers) as peer:
            peer.start("continuous")
            peer.send(SAID)
            while (message := peer.hear())["type"] != "decision":
                pass
            assert message["decision"] == "accept"
            change(watched)
            assert peer.last()[0] == code


def test_a_continuous_session_ends_some_time(tmp_path: Path) -> None:
    with attacked(tmp_path, {"audio": {"max_continuous_s": 1.0}}) as (url, watched):
        headers = {"Authorization": f"Bearer {key_of(watched, Scope.VERIFY, Scope.IDENTIFY)}"}
        with Peer(url, additional_headers=headers) as peer:
            peer.say(
                type="start",
                version=1,
                mode="continuous",
                name="ada",
                audio={"rate": 16_000, "channels": 1, "encoding": "s16le"},
            )
            assert peer.hear()["limits"]["max_session_s"] == 1.0
            assert peer.last()[0] == "session_timeout"


def test_an_enrollment_does_not_go_on_after_a_reset(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        headers = {"Authorization": f"Bearer {key_of(watched, Scope.ENROLL)}"}
        with Peer(url, additional_headers=headers) as peer:
            peer.start("enroll", name="cid", phrase=PHRASE)
            peer.send(spoken(PHRASE, BOB))
            while peer.hear()["type"] != "utterance_taken":
                pass
            watched.store.profiles.reset(watched.store.profiles.get("cid").id)
            peer.send(spoken(PHRASE + " ", BOB))
            assert peer.last()[0] in ("voiceprint_changed", "heard_before")
