"""Attack: to keep others out cheaply, by bodies that trickle, by idle sessions, and by floods of requests."""

import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from streamauth.store.api_keys import Scope
from tests.attacks.rig import asked, attacked, connected
from tests.server.rig import ADA, PHRASE, Peer, spoken, until
from tests.server.web import Web, key_of, wav


def trickling(url: str, source: str, key: str, path: str) -> socket.socket:
    """A request whose body does not go on."""
    peer = connected(url, source)
    lines = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Length: 100000\r\n\r\n"
    peer.sendall(lines.encode() + b"RIFF")
    return peer


def test_trickling_bodies_keep_neither_health_checks_nor_others_out(tmp_path: Path) -> None:
    with attacked(tmp_path) as (url, watched), ExitStack() as stack:
        watched.store.tenants.create("other")
        key, other = key_of(watched), key_of(watched, tenant="other")
        ada = Web(url, key).profile_id("ada")
        for number in range(383):
            with suppress(OSError):
                path = f"/v1/profiles/{ada}/verifications"
                stack.enter_context(trickling(url, f"127.0.0.{2 + number % 4}", key, path))
        for _ in range(5):
            assert asked(url, "GET", "/healthz", source="127.0.0.9")[0] == 200
            assert asked(url, "GET", "/readyz", source="127.0.0.2")[0] == 200
        headers = {"Authorization": f"Bearer {other}"}
        assert asked(url, "GET", "/v1/profiles", source="127.0.0.9", headers=headers)[0] == 200
        # an address that holds its share open gets no more, once the server has come to all that it sent
        headers = {"Authorization": f"Bearer {key}"}
        until(lambda: asked(url, "GET", "/v1/profiles", source="127.0.0.2", headers=headers)[0] == 429)


def test_bodies_that_trickle_take_no_place_of_a_session(tmp_path: Path) -> None:
    with attacked(tmp_path, {"server": {"max_sessions": 4}}) as (url, watched), ExitStack() as stack:
        key = key_of(watched)
        web = Web(url, key)
        path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
        for _ in range(8):
            stack.enter_context(trickling(url, "127.0.0.2", key, path))
        assert web("POST", path, wav(spoken(PHRASE, ADA))).json["decision"] == "accept"


def test_one_tenant_leaves_places_to_others(tmp_path: Path) -> None:
    limits = {"server": {"max_sessions": 8}, "access": {"sessions_per_tenant": 6}}
    with attacked(tmp_path, limits) as (url, watched), ExitStack() as stack:
        watched.store.tenants.create("other")
        greedy = [key_of(watched, Scope.ENROLL) for _ in range(3)]
        refused = 0
        for number in range(12):
            headers = {"Authorization": f"Bearer {greedy[number % 3]}"}
            peer = stack.enter_context(Peer(url, additional_headers=headers))
            peer.say(
                type="start",
                version=1,
                mode="enroll",
                name=f"person {number}",
                audio={"rate": 16_000, "channels": 1, "encoding": "s16le"},
            )
            refused += peer.hear().get("code") == "too_many_sessions"
        assert refused == 6
        headers = {"Authorization": f"Bearer {key_of(watched, Scope.ENROLL, tenant='other')}"}
        with Peer(url, additional_headers=headers) as peer:
            peer.start("enroll", name="somebody else")


def test_a_default_server_keeps_places_for_other_tenants(tmp_path: Path) -> None:
    with attacked(tmp_path) as (_, watched):
        settings = watched.settings
        assert settings.access.sessions_per_tenant < settings.server.max_sessions
        assert settings.access.requests_per_tenant < settings.server.max_idle_connections


def test_a_flood_of_one_address_does_not_reach_health_checks(tmp_path: Path) -> None:
    # so few that a busy machine sends more
    with attacked(tmp_path, {"access": {"address_rate_per_min": 1, "address_burst": 20}}) as (url, _):
        statuses = [asked(url, "GET", "/v1/keys.json", source="127.0.0.2")[0] for _ in range(30)]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        assert asked(url, "GET", "/healthz", source="127.0.0.2")[0] == 200
        assert asked(url, "GET", "/v1/keys.json", source="127.0.0.3")[0] == 200
        until(lambda: asked(url, "GET", "/readyz", source="127.0.0.2")[0] == 200)
