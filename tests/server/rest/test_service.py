"""The REST interface: the page, metrics, readiness and its own description."""

import json
from pathlib import Path

from tests.server.rig import (
    ADA,
    PHRASE,
    STRANGER,
    Peer,
    server,
    spoken,
    until,
)
from tests.server.web import Web, wav


def test_the_page_and_its_headers(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        page = Web(url)("GET", "/")
        assert page.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        script = Web(url)("GET", "/streamauth.js", Origin="https://shop.example")
        assert script.headers["Content-Type"].startswith("text/javascript")
        assert script.headers["Access-Control-Allow-Origin"] == "*"
        assert Web(url)("GET", "/v1/profiles").headers["Access-Control-Allow-Origin"] is None


def test_metrics_and_readiness(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched), Peer(url) as peer:
        peer.start()
        text = Web(url)("GET", "/metrics").body.decode()
        assert "streamauth_sessions 1.0" in text
        peer.send(spoken(PHRASE, ADA))
        assert peer.last() == ("accept", 1000)
        wav_file = wav(spoken(PHRASE, STRANGER))
        Web(url)("POST", f"/v1/profiles/{Web(url).profile_id('ada')}/verifications", wav_file)
        text = Web(url)("GET", "/metrics").body.decode()
        assert 'streamauth_sessions_ended_total{mode="verify",outcome="accept"} 1.0' in text
        assert 'streamauth_sessions_ended_total{mode="verify",outcome="reject"} 1.0' in text
        assert 'route="/v1/profiles/{profile_id}/verifications",status="200"} 1.0' in text
        assert "streamauth_event_loop_lag_seconds_bucket" in text
        assert Web(url)("GET", "/readyz").json == {
            "ready": True,
            "checks": {"taking_sessions": True, "workers": True, "store": True},
            "why": [],
            "missing_workers": 0,
        }
        (tmp_path / "home" / "streamauth.db").write_bytes(b"ruined" * 1000)
        for suffix in ("-wal", "-shm"):
            (tmp_path / "home" / f"streamauth.db{suffix}").unlink(missing_ok=True)
        watched.store._sealed.database.engine.dispose()
        # asked once a second at most
        until(lambda: Web(url)("GET", "/readyz").status == 503)
        told = Web(url)("GET", "/readyz").json
        assert not told["checks"]["store"]
        assert told["why"] == [
            "The store is damaged or is not a streamauth store. Restore it from a backup. [store_corrupt]"
        ]
        assert Web(url)("GET", "/v1/keys.json").status == 500
        assert Web(url)("GET", "/healthz").status == 200


def test_the_description_is_complete(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        described = Web(url)("GET", "/openapi.json").json
        for item in described["paths"].values():
            for operation in item.values():
                assert operation["description"], operation
                assert "4XX" in operation["responses"]
        assert "HTTPValidationError" not in json.dumps(described)
