"""Signing in at a page: a cookie that no script reads, that no other page can use, and that ends."""

from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from starlette.responses import Response

from streamauth.errors import Unauthorized
from streamauth.server.sign_in import give_cookie
from streamauth.store.api_keys import Scope
from streamauth.store.sign_ins import SignInRule
from tests.server.rig import Watched, server
from tests.server.web import Answer, Web, key_of

PAGE = {"X-Streamauth-Page": "1"}


def cookie_of(answer: Answer) -> str:
    """The cookie that an answer sets, as a browser sends it back."""
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert morsel["httponly"]
    assert morsel["samesite"].lower() == "strict"
    assert morsel["path"] == "/"
    assert not morsel["max-age"], "gone when the browser is closed"
    return f"{morsel.key}={morsel.value}"


def signed_in(url: str, key: str) -> tuple[Web, dict[str, str]]:
    """Somebody at a page, and what their browser sends with a request of that page."""
    web = Web(url)
    answer = web("POST", "/v1/sign-in", {"key": f" {key}\n"}, **PAGE, Origin=web.base)
    assert answer.status == 200, answer.body
    assert key.encode() not in answer.body
    return web, PAGE | {"Cookie": cookie_of(answer), "Origin": web.base}


def test_somebody_signs_in_and_out(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web, mine = signed_in(url, key_of(watched, Scope.ADMIN))
        who = web("GET", "/v1/sign-in", **mine)
        assert who.json["scopes"] == ["admin"]
        assert who.headers["cache-control"] == "no-store"
        assert web("GET", "/v1/doors", **mine).status == 200
        assert web("PUT", "/v1/door-plan/holidays", {"csv": "day\n12-25\n"}, **mine).status == 200
        assert web("POST", "/v1/profiles", {"name": "eve"}, **mine).code == "forbidden", "no scope that the key lacks"
        assert [entry.action for entry in watched.store.audit.entries()].count("key.signed_in") == 1
        assert web("DELETE", "/v1/sign-in", **mine).status == 204
        assert web("GET", "/v1/doors", **mine).status == 401
        assert web("GET", "/v1/sign-in", **mine).json == {"key_id": None, "scopes": []}


@pytest.mark.parametrize(
    "changed",
    [
        {"X-Streamauth-Page": None},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_no_other_page_uses_the_cookie(tmp_path: Path, changed: dict[str, str | None]) -> None:
    # an origin that may use the server by tokens may not act as who signed in here
    with server(tmp_path, access={"origins": "http://127.0.0.1:1"}) as (url, watched):
        web, mine = signed_in(url, key_of(watched, Scope.ADMIN))
        sent = {name: value for name, value in (mine | changed).items() if value is not None}
        answer = web("PUT", "/v1/door-plan/holidays", {"csv": "day\n12-25\n"}, **sent)
        assert answer.status in (401, 403), changed
        assert watched.store.door_plan.holidays() == []


@pytest.mark.parametrize("changed", [{"X-Streamauth-Page": None}, {"Origin": None}, {"Origin": "https://evil.example"}])
def test_no_other_page_signs_anybody_in(tmp_path: Path, changed: dict[str, str | None]) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url)
        sent = {name: value for name, value in (PAGE | {"Origin": web.base} | changed).items() if value is not None}
        answer = web("POST", "/v1/sign-in", {"key": key_of(watched)}, **sent)
        assert answer.status == 403
        assert "set-cookie" not in answer.headers


def test_wrong_keys_are_refused_and_counted(tmp_path: Path) -> None:
    with server(tmp_path, access={"address_burst": 40}) as (url, watched):
        key_of(watched)
        web, answers = Web(url), []
        for _ in range(6):
            answers.append(web("POST", "/v1/sign-in", {"key": "sa_x_y"}, **PAGE, Origin=web.base))
        assert answers[0].code == "unauthorized"
        assert answers[-1].code == "rate_limited"
        assert all(b"sa_x_y" not in answer.body for answer in answers)


def test_a_sign_in_ends(tmp_path: Path) -> None:
    with server(tmp_path) as (_, watched):
        rule = SignInRule(idle_s=60, most_s=200)
        key, _ = watched.store.api_keys.create("desk", [Scope.ADMIN])
        now_s = 1000.0
        watched.store.sign_ins._sealed.database._clock = lambda: now_s
        sign_ins = watched.store.sign_ins
        secret, other = sign_ins.add(key.id, rule), sign_ins.add(key.id, rule)
        for now_s in (1050.0, 1100.0, 1150.0, 1199.0):  # noqa: B007 - the clock reads it
            assert sign_ins.find(secret, rule).id == key.id
        with pytest.raises(Unauthorized):
            sign_ins.find(other, rule)  # idle
        now_s = 1201.0
        with pytest.raises(Unauthorized):
            sign_ins.find(secret, rule)  # long
        sign_ins.add(key.id, rule)
        assert _count(watched) == 1, "what has ended is deleted"


def test_a_revoked_key_signs_everybody_out(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web, mine = signed_in(url, key_of(watched, Scope.ADMIN))
        (key,) = watched.store.api_keys.all()
        watched.store.api_keys.revoke(key.id)
        assert web("GET", "/v1/doors", **mine).status == 401


def test_a_cookie_over_tls_is_the_hosts_own() -> None:
    response = Response()
    give_cookie({"type": "http", "scheme": "https", "headers": []}, response, "secret")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-streamauth=secret;")
    assert "Secure" in cookie
    assert "Domain" not in cookie


def test_the_cookie_is_kept_as_a_hash(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        _, mine = signed_in(url, key_of(watched, Scope.ADMIN))
        secret = mine["Cookie"].partition("=")[2].encode()
        assert all(secret not in path.read_bytes() for path in (tmp_path / "home").iterdir() if path.is_file())


def _count(watched: Watched) -> int:
    with watched.store.outbox._database.read() as connection:
        return int(connection.exec_driver_sql("SELECT COUNT(*) FROM sign_ins").scalar_one())
