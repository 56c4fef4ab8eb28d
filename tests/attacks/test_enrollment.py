"""Attack: to add one's own voice to somebody else's enrollment, by a key that may enroll only."""

from pathlib import Path

from streamauth.store.api_keys import Scope
from tests.attacks.rig import attacked
from tests.azure.rig import TD3, TII3, Client, v3
from tests.fakes import pause, pcm, say
from tests.server.rig import ADA, PHRASE, STRANGER, Watched, spoken
from tests.server.web import key_of, wav

LONG = " ".join([PHRASE] * 8)


def failures(watched: Watched, name: str) -> int:
    return watched.store.profiles.summaries(name=name)[0].failures


def client(url: str, watched: Watched, *scopes: Scope) -> Client:
    return Client(url.removeprefix("ws://").removesuffix("/v1/stream"), key_of(watched, *scopes))


def test_another_voice_is_refused_and_counted(tmp_path: Path) -> None:
    with attacked(tmp_path, {"azure": {"any_phrase": True}}) as (url, watched):
        azure = client(url, watched, Scope.ENROLL)
        ada = watched.store.profiles.get("ada").id
        enroll = v3(f"{TD3}/profiles/{ada}/enrollments")
        before = watched.store.voiceprints.get(ada, "fake-encoder")
        statuses = [azure("POST", enroll, wav(spoken(PHRASE, STRANGER))).status for _ in range(6)]
        assert statuses == [400] * 5 + [429]
        assert failures(watched, "ada") == 5
        assert (watched.store.voiceprints.get(ada, "fake-encoder") == before).all()


def test_so_it_is_without_a_phrase(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        azure = client(url, watched, Scope.ENROLL)
        bob = watched.store.profiles.get("bob").id
        enroll = v3(f"{TII3}/profiles/{bob}/enrollments")
        audio = wav(pcm(pause(0.5), say(LONG, STRANGER), pause(0.8)))
        assert azure("POST", enroll, audio).status == 400
        assert failures(watched, "bob") == 1


def test_the_owner_may_add_and_clears_no_failures(tmp_path: Path) -> None:
    with attacked(tmp_path, {"azure": {"any_phrase": True}}) as (url, watched):
        azure = client(url, watched, Scope.ENROLL)
        ada = watched.store.profiles.get("ada").id
        enroll = v3(f"{TD3}/profiles/{ada}/enrollments")
        assert azure("POST", enroll, wav(spoken(PHRASE, STRANGER))).status == 400
        assert azure("POST", enroll, wav(spoken(PHRASE, ADA))).status == 201
        assert failures(watched, "ada") == 1


def test_whoever_may_delete_the_profile_vouches_for_the_speaker(tmp_path: Path) -> None:
    with attacked(tmp_path, {"azure": {"any_phrase": True}}) as (url, watched):
        azure = client(url, watched, Scope.ENROLL, Scope.ADMIN)
        ada = watched.store.profiles.get("ada").id
        azure("POST", v3(f"{TD3}/profiles/{ada}/enrollments"), wav(spoken(PHRASE, STRANGER)))
        assert failures(watched, "ada") == 0
