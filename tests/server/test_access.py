"""Who may use the server, over real sockets."""

from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from streamauth.store.api_keys import Scope
from tests.server.rig import ADA, PHRASE, START, Peer, Watched, server, spoken
from tests.server.web import Web, key_of, wav


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def handshake(url: str, **headers: str) -> int:
    """The HTTP status that a handshake gets: 101 where it is accepted."""
    try:
        with Peer(url, additional_headers={name.replace("_", "-"): value for name, value in headers.items()}):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def start_of(url: str, headers: dict[str, str] | None = None, **fields: Any) -> tuple[str, int | None]:
    """What a start message leads to: "ready", or how it ended."""
    with Peer(url, additional_headers=headers or {}) as peer:
        peer.say(**START | fields)
        first = peer.hear()
        if first["type"] == "ready":
            return "ready", None
        peer.rest()
        return first["code"], peer.socket.close_code


def test_before_there_is_a_key_programs_of_this_machine_may_do_everything(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        assert start_of(url) == ("ready", None)
        assert Web(url)("GET", "/v1/profiles").status == 200
        assert Web(url)("GET", "/metrics").status == 200


def test_the_first_key_closes_the_server_at_once_and_for_good(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        key = key_of(watched)
        assert start_of(url) == ("unauthorized", 4401)
        for path in ("/v1/profiles", "/metrics"):
            refused = Web(url)("GET", path)
            assert (refused.status, refused.code) == (401, "unauthorized")
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert Web(url, key)("GET", path).status == 200
        watched.store.api_keys.revoke(watched.store.api_keys.all()[0].id)
        assert start_of(url) == ("unauthorized", 4401)
        assert Web(url, key)("GET", "/v1/profiles").status == 401


def test_access_can_be_required_from_the_start(tmp_path: Path) -> None:
    with server(tmp_path, access={"mode": "required"}) as (url, _):
        assert start_of(url) == ("unauthorized", 4401)
        assert Web(url)("GET", "/v1/profiles").status == 401
        for public in ("/healthz", "/readyz", "/v1/keys.json", "/", "/openapi.json"):
            assert Web(url)("GET", public).status == 200


FROM_ELSEWHERE = [
    {"Host": "rebound.example"},
    {"Host": "10.0.0.1:80"},
    {"Host": ""},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
]


def test_an_open_server_is_open_to_its_own_machine_only(tmp_path: Path) -> None:
    """A page that makes its own name lead here, a proxy in front, an image in some page: none of them is local."""
    with server(tmp_path) as (url, watched):
        for headers in FROM_ELSEWHERE:
            assert Web(url)("GET", "/v1/profiles", **headers).status == 401, headers
        key = key_of(watched)
        for headers in FROM_ELSEWHERE:
            assert Web(url, key)("GET", "/v1/profiles", **headers).status == 200, headers


def test_web_pages_are_refused(tmp_path: Path) -> None:
    origins = ("http://localhost", "null", "https://evil.example", "http://127.0.0.1:1", "file://")
    with server(tmp_path) as (url, watched):
        for origin in origins:
            assert handshake(url, Origin=origin) == 403, origin
            assert Web(url)("POST", "/v1/profiles", {"name": "eve"}, Origin=origin).code == "forbidden", origin
        key = key_of(watched)
        for origin in origins:
            assert Web(url, key)("GET", "/v1/profiles", Origin=origin).status == 403, origin


def test_allowed_origins_and_the_server_itself_may_connect(tmp_path: Path) -> None:
    with server(tmp_path, access={"origins": "https://shop.example, http://localhost:3000"}) as (url, _):
        own = Web(url).base
        for origin in ("https://shop.example", "http://localhost:3000", own):
            assert handshake(url, Origin=origin) == 101
        others = (own + "0", own.replace("http", "https"))
        for origin in ("http://shop.example", "https://shop.example.evil.example", *others):
            assert handshake(url, Origin=origin) == 403
        # a page is told bands, a program numbers
        with Peer(url, additional_headers={"Origin": own}) as page, Peer(url) as program:
            for peer, kind in ((page, "band"), (program, "score")):
                peer.start()
                peer.send(spoken(PHRASE, ADA))
                heard = peer.rest()
                assert {"band", "score"} & {message["type"] for message in heard} == {kind}
                assert (heard[-1]["llr"] is None) == (kind == "band")


def test_a_page_of_another_name_for_this_machine_is_not_local(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        port = url.split(":")[2].split("/")[0]
        rebound = f"http://rebound.example:{port}"
        assert handshake(url, Origin=rebound) == 403
        assert Web(url)("GET", "/v1/profiles", Origin=rebound, Host=rebound[7:]).status == 401


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer sa_0_0", "Basic YTpi", "sa_0_0", "Bearer " + "x" * 3000, "Bearer \xe9"]
)
def test_a_wrong_key_is_refused_even_where_none_is_needed(running: tuple[str, Watched], value: str) -> None:
    assert Web(running[0])("GET", "/v1/profiles", Authorization=value).code == "unauthorized"
    assert handshake(running[0], Authorization=value) == 401


SCOPED: list[tuple[str, str, Any, set[Scope]]] = [
    ("GET", "/v1/profiles", None, {Scope.ADMIN}),
    ("POST", "/v1/profiles", {"name": "new"}, {Scope.ENROLL}),
    ("POST", "/v1/profiles/find", {"name": "ada"}, {Scope.ADMIN, Scope.VERIFY}),
    ("GET", "/v1/profiles/ID", None, {Scope.ADMIN, Scope.VERIFY}),
    ("POST", "/v1/profiles/ID/enrollments", b"x", {Scope.ENROLL}),
    ("PUT", "/v1/profiles/ID/phrase", {"phrase": "seven green apples"}, {Scope.ENROLL}),
    ("POST", "/v1/profiles/ID/verifications", b"x", {Scope.VERIFY}),
    ("POST", "/v1/identifications", b"x", {Scope.IDENTIFY}),
    ("POST", "/v1/prompts", {}, {Scope.VERIFY, Scope.IDENTIFY}),
    ("POST", "/v1/sessions", {"mode": "verify", "name": "ada", "audience": "a"}, {Scope.VERIFY}),
    ("POST", "/v1/sessions", {"mode": "identify", "audience": "a"}, {Scope.IDENTIFY}),
    ("POST", "/v1/sessions", {"mode": "enroll", "name": "ada", "audience": "a"}, {Scope.ENROLL}),
    ("POST", "/v1/profiles/ID/unlock", None, {Scope.ADMIN}),
    ("POST", "/v1/profiles/ID/reset", None, {Scope.ADMIN}),
    ("GET", "/v1/profiles/ID/export", None, {Scope.ADMIN}),
    ("DELETE", "/v1/profiles/ID", None, {Scope.ADMIN}),
    ("GET", "/metrics", None, {Scope.ADMIN}),
]


def test_a_key_may_do_what_its_scopes_say(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        keys = {scope: key_of(watched, scope) for scope in Scope}
        ada = Web(url, keys[Scope.ADMIN]).profile_id("ada")
        for method, path, body, allowed in SCOPED:
            for scope in Scope:
                if scope in allowed:
                    continue
                refused = Web(url, keys[scope])(method, path.replace("ID", ada), body)
                assert (refused.status, refused.code) == (403, "forbidden"), (method, path, scope)
        for method, path, body, allowed in SCOPED:
            for scope in allowed:
                answer = Web(url, keys[scope])(method, path.replace("ID", ada), body)
                assert answer.status not in (401, 403), (method, path, scope)
        for mode, fields, scope in (("verify", {}, Scope.VERIFY), ("enroll", {"name": "eve"}, Scope.ENROLL)):
            for each in Scope:
                ended = start_of(url, bearer(keys[each]), mode=mode, **fields)
                assert (ended == ("forbidden", 4403)) == (each is not scope)


def test_the_whole_rest_interface_asks_for_scopes(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        described = Web(url)("GET", "/openapi.json").json["paths"]
        operations = {(method.upper(), path) for path, item in described.items() for method in item}
        tested = {(method, path.replace("ID", "{profile_id}")) for method, path, _, _ in SCOPED}
        # these have tests of their own
        apart = ("/v1/door", "/v1/phrases", "/v1/sign-in", "/v1/audit")
        untested = {each for each in operations - tested if not each[1].startswith(apart)}
        assert untested == {("GET", "/v1/keys.json")}
        key_of(watched)
        public = {("GET", "/v1/keys.json"), *((each, "/v1/sign-in") for each in ("GET", "POST", "DELETE"))}
        for method, path in operations - public:
            assert Web(url)(method, path.replace("{profile_id}", "x")).status == 401


def test_a_tenant_reaches_its_own_profiles_only(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        ours, theirs = Web(url, key_of(watched)), Web(url, key_of(watched, tenant="shop"))
        ada = ours.profile_id("ada")
        assert theirs("GET", "/v1/profiles").json["profiles"] == []
        for method, path, body, _ in SCOPED:
            if "ID" in path:
                assert theirs(method, path.replace("ID", ada), body).code == "unknown_profile", path
        assert theirs("POST", "/v1/profiles/find", {"name": "ada"}).code == "unknown_profile"
        assert theirs("POST", "/v1/prompts", {"profile_id": ada}).code == "unknown_profile"
        assert theirs("POST", f"/v1/identifications?among={ada}", wav(spoken(PHRASE, ADA))).code == "unknown_profile"
        assert theirs("POST", "/v1/identifications", wav(spoken(PHRASE, ADA))).code == "nobody_to_identify"
        prompt = ours("POST", "/v1/prompts", {}).json["id"]
        made = theirs("POST", "/v1/profiles", {"name": "ada", "kind": "text_independent"})
        assert made.status == 201
        assert [each["id"] for each in theirs("GET", "/v1/profiles").json["profiles"]] == [made.json["id"]]
        answer = theirs("POST", f"/v1/identifications?prompt={prompt}", wav(spoken(PHRASE, ADA)))
        assert answer.code in ("nobody_to_identify", "unknown_prompt")
        assert start_of(url, theirs.headers, mode="continuous")[0] == "profile_not_enrolled"
        token = theirs("POST", "/v1/sessions", {"mode": "verify", "name": "ada", "audience": "a"}).json["token"]
        assert start_of(url, token=token)[0] == "profile_not_enrolled"


def test_a_session_token(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        made = web("POST", "/v1/sessions", {"mode": "verify", "name": "ada", "audience": "a", "nonce": "n"})
        assert made.status == 201
        assert made.headers["Cache-Control"] == "no-store"
        assert (made.json["nonce"], made.json["path"]) == ("n", "/v1/stream")
        assert start_of(url, name=None, token=made.json["token"]) == ("ready", None)
        for token in (made.json["token"], "st_" + "A" * 43, "", web.headers["Authorization"][7:]):
            assert start_of(url, token=token) == ("session_token_refused", 4401)


def test_an_expired_session_token(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web, store = Web(url, key_of(watched)), watched.store
        key_id, purpose = store.api_keys.all()[0].id, b'{"mode":"verify","name":"ada"}'
        old = store.session_tokens.add(key_id, purpose, lifetime_s=0, max_open=9)
        assert start_of(url, token=old) == ("session_token_refused", 4401)
        fresh = store.session_tokens.add(key_id, purpose, lifetime_s=60, max_open=9)
        assert start_of(url, token=fresh) == ("ready", None)
        assert web("GET", "/v1/profiles").status == 200


@pytest.mark.parametrize(
    "fields", [{}, {"mode": "fly"}, {"mode": "verify"}, {"mode": "identify", "name": "ada"}], ids=str
)
def test_what_is_no_session(tmp_path: Path, fields: dict[str, Any]) -> None:
    with server(tmp_path) as (url, watched):
        answer = Web(url, key_of(watched))("POST", "/v1/sessions", fields | {"audience": "a"})
        assert (answer.status in (400, 422), answer.code) == (True, "bad_message")


def test_without_a_key_there_are_no_session_tokens(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        answer = Web(url)("POST", "/v1/sessions", {"mode": "verify", "name": "ada", "audience": "a"})
        assert answer.code == "forbidden"


def test_requests_of_an_address_are_counted(tmp_path: Path) -> None:
    limits = {"address_rate_per_min": 1, "address_burst": 5}
    with server(tmp_path, access=limits) as (url, _):
        answers = [Web(url)("GET", "/v1/keys.json") for _ in range(6)]
        assert [answer.status for answer in answers] == [200] * 5 + [429]
        assert answers[-1].code == "rate_limited"
        assert answers[-1].headers["Retry-After"]
        assert handshake(url) == 429
        # the files of the page are many, and cost nothing
        assert Web(url)("GET", "/").status == Web(url)("GET", "/streamauth.js").status == 200


def test_requests_of_a_key_are_counted(tmp_path: Path) -> None:
    with server(tmp_path, access={"key_rate_per_min": 1, "key_burst": 3}) as (url, watched):
        one, other = Web(url, key_of(watched)), Web(url, key_of(watched))
        assert [one("GET", "/v1/profiles").status for _ in range(4)] == [200, 200, 200, 429]
        assert other("GET", "/v1/profiles").status == 200


def test_wrong_keys_and_tokens_are_dear(tmp_path: Path) -> None:
    with server(tmp_path, access={"address_rate_per_min": 1, "address_burst": 30}) as (url, watched):
        key_of(watched)
        statuses = [Web(url, "sa_0_0")("GET", "/v1/profiles").status for _ in range(4)]
        assert statuses == [401, 401, 429, 429]
    with server(tmp_path / "tokens", access={"address_rate_per_min": 1, "address_burst": 30}) as (url, _):
        codes = [start_of(url, token="st_x")[0] for _ in range(3)]
        assert codes == ["session_token_refused", "session_token_refused", "rate_limited"]


def test_sessions_of_a_key_and_of_an_address_are_counted(tmp_path: Path) -> None:
    with server(tmp_path, access={"sessions_per_key": 2, "sessions_per_address": 1}) as (url, watched):
        key, other = key_of(watched), key_of(watched)
        body = {"mode": "verify", "name": "ada", "audience": "a"}
        tokens = [Web(url, other)("POST", "/v1/sessions", body).json["token"] for _ in range(3)]
        with Peer(url, additional_headers=bearer(key)) as first, Peer(url, additional_headers=bearer(key)) as second:
            first.start()
            second.start()
            assert start_of(url, bearer(key)) == ("too_many_sessions", 4429)
            busy = Web(url, key)("POST", "/v1/identifications", wav(spoken(PHRASE, ADA)))
            assert (busy.status, busy.code) == (429, "too_many_sessions")
            with Peer(url) as third:
                third.start(token=tokens[0])
                assert start_of(url, token=tokens[1]) == ("too_many_sessions", 4429)
                assert start_of(url, bearer(other)) == ("ready", None)


def test_open_tokens_of_a_key_are_counted(tmp_path: Path) -> None:
    with server(tmp_path, access={"max_open_tokens": 2}) as (url, watched):
        web, body = Web(url, key_of(watched)), {"mode": "verify", "name": "ada", "audience": "a"}
        assert [web("POST", "/v1/sessions", body).status for _ in range(3)] == [201, 201, 429]


def test_a_trusted_proxy_tells_the_address_and_an_open_server_closes(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"access": {"address_rate_per_min": 1, "address_burst": 3}}
    with server(tmp_path, trusted_proxies="127.0.0.1", **limits) as (url, _):
        assert Web(url)("GET", "/v1/profiles").status == 401
        for host in range(5):
            assert Web(url)("GET", "/v1/keys.json", **{"X-Forwarded-For": f"1.1.1.1, 10.0.0.{host}"}).status == 200
        answers = [Web(url)("GET", "/v1/keys.json", **{"X-Forwarded-For": "10.0.1.1"}) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]


def test_nobody_else_tells_the_address(tmp_path: Path) -> None:
    with server(tmp_path, access={"address_rate_per_min": 1, "address_burst": 3}) as (url, _):
        answers = [Web(url)("GET", "/v1/keys.json", **{"X-Forwarded-For": f"10.0.0.{host}"}) for host in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]


def test_addresses_of_one_network_are_one(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"access": {"address_rate_per_min": 1, "address_burst": 3}}
    with server(tmp_path, trusted_proxies="127.0.0.1", **limits) as (url, _):

        def ask(host: str) -> int:
            return Web(url)("GET", "/v1/keys.json", **{"X-Forwarded-For": host}).status

        assert [ask(f"2001:db8:1:1::{n}") for n in range(4)] == [200, 200, 200, 429]
        assert ask("2001:db8:1:2::1") == 200
