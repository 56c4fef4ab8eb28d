"""Attack: tries that are not counted, prompts drawn until one suits, and sessions that only keep their owner out."""

from pathlib import Path

from streamauth.store.api_keys import Scope
from tests.attacks.rig import attacked
from tests.azure.rig import TD3, Client, v3
from tests.fakes import pause, pcm
from tests.server.rig import ADA, PHRASE, STRANGER, Peer, Watched, spoken, until
from tests.server.web import Web, key_of, wav


def failures(watched: Watched, name: str) -> int:
    return watched.store.profiles.summaries(name=name)[0].failures


def peer_of(url: str, watched: Watched, key: str | None = None) -> Peer:
    return Peer(url, additional_headers={"Authorization": f"Bearer {key or key_of(watched, Scope.VERIFY)}"})


def test_prompts_are_not_redrawn_until_one_suits(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched, Scope.VERIFY)
        asked = set()
        for _ in range(10):
            with peer_of(url, watched, key) as peer:
                peer.start("verify", name="bob", prompt="digits")
                asked.add(peer.hear()["text"])
                peer.say(type="cancel")
        web = Web(url, key)
        bob = web.profile_id("bob")
        drawn = [web("POST", "/v1/prompts", {"profile_id": bob, "kind": "digits"}) for _ in range(10)]
        assert {answer.status for answer in drawn} == {201}  # nobody is kept out by those that wait
        assert {answer.json["text"] for answer in drawn} == asked
        assert len(asked) == 1


def test_prompts_of_nobody_in_particular_are_limited(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        web = Web(url, key_of(watched, Scope.VERIFY))
        statuses = [web("POST", "/v1/prompts", {}).status for _ in range(20)]
        assert statuses.count(201) <= 10
        assert statuses[-1] == 429


def test_a_phrase_is_not_probed_uncounted(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        with peer_of(url, watched) as peer:
            peer.start()
            peer.send(pcm(pause(0.4)) + spoken("open the", STRANGER)[6400 * 2 :][:16_000])
            while peer.hear()["type"] != "speech_started":
                pass
            peer.say(type="cancel")
            peer.rest()
        until(lambda: failures(watched, "ada") == 1)


def test_idle_sessions_do_not_keep_the_owner_out(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched, Scope.VERIFY)
        idle = [peer_of(url, watched, key) for _ in range(12)]
        for peer in idle:
            peer.start()
            peer.send(pcm(pause(0.3)))
        assert failures(watched, "ada") == 0
        ada = Web(url, key).profile_id("ada")
        answer = Web(url, key)("POST", f"/v1/profiles/{ada}/verifications", wav(spoken(PHRASE, ADA)))
        assert answer.json["decision"] == "accept"
        for peer in idle:
            peer.socket.close()


def test_tries_at_once_are_counted_one_by_one(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched, Scope.VERIFY)
        peers = [peer_of(url, watched, key) for _ in range(8)]
        for peer in peers:
            peer.start()
        for peer in peers:
            peer.send(spoken(PHRASE, STRANGER))
            peer.say(type="end")
        ends = [peer.last()[0] for peer in peers]
        for peer in peers:
            peer.socket.close()
        assert ends.count("reject") <= 5
        assert set(ends) == {"reject", "attempt_delayed"}


def test_all_entrances_have_one_rule(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched):
        key = key_of(watched, Scope.VERIFY)
        azure, web = Client(url.removeprefix("ws://").removesuffix("/v1/stream"), key), Web(url, key)
        ada = web.profile_id("ada")
        wrong = wav(spoken(PHRASE, STRANGER))
        statuses = [azure("POST", v3(f"{TD3}/profiles/{ada}:verify"), wrong).status for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        assert web("POST", f"/v1/profiles/{ada}/verifications", wrong).code == "attempt_delayed"
