"""REST: consent, a copy of what is kept of a person, and the receipt of a deletion."""

from pathlib import Path

from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from tests.attacks.rig import attacked
from tests.server.rig import ADA, AUDIO, PHRASE, Peer, server, spoken
from tests.server.web import Web, key_of, wav


def test_a_copy_and_a_receipt(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        key = key_of(watched, Scope.ADMIN)
        web, ada = Web(url, key), Web(url, key).profile_id("ada")
        assert Web(url, key_of(watched, Scope.ENROLL))("GET", f"/v1/profiles/{ada}/export").code == "forbidden"
        data = web("GET", f"/v1/profiles/{ada}/export").json
        assert data["profile"]["name"] == "ada"
        assert PHRASE not in str(data)
        deleted = web("DELETE", f"/v1/profiles/{ada}")
        assert deleted.status == 204
        entry = watched.store.audit.by_receipt(deleted.headers["Streamauth-Receipt"])
        assert (entry.action, entry.subject, entry.actor) == ("profile.deleted", ada, key.split("_")[1])
        assert web("GET", f"/v1/audit?subject={ada}&limit=1").json["entries"][0]["number"] == entry.number


def test_consent_by_every_entrance(tmp_path: Path) -> None:
    assert Settings().enrollment.consent == "", "nothing is asked for by default"
    with attacked(tmp_path, {"enrollment": {"consent": "2026-01"}}) as (url, watched):
        web = Web(url, key_of(watched))
        assert web("GET", "/page.json").json["consent"] == "2026-01"
        without = web("POST", "/v1/profiles", {"name": "eve", "kind": "text_independent"}).json["id"]
        clip = wav(spoken(PHRASE, ADA))
        assert web("POST", f"/v1/profiles/{without}/enrollments", clip).code == "consent_missing"
        body = {"name": "fay", "kind": "text_independent", "consent": "2026-01"}
        given = web("POST", "/v1/profiles", body).json["id"]
        assert web("POST", f"/v1/profiles/{given}/enrollments", clip).status == 200
        for consent, expected in (({}, "error"), ({"consent": "2025-12"}, "error"), ({"consent": "2026-01"}, "ready")):
            with Peer(url, additional_headers=web.headers) as peer:
                start = {"type": "start", "version": 1, "mode": "enroll", "audio": AUDIO, "name": "gil"}
                peer.say(**start | {"text_independent": True} | consent)
                told = peer.hear()
                assert told["type"] == expected
                assert expected == "ready" or told["code"] == "consent_missing"
