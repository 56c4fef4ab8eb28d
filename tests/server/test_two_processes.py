"""Two server processes on one SQLite store."""

import json
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import jwt
import pytest

from streamauth.store.api_keys import Scope
from streamauth.store.store import Store
from tests.server.processes import server_process
from tests.server.rig import ADA, AUDIO, PHRASE, STRANGER, Peer, application, settings, spoken
from tests.server.web import Web, wav

pytestmark = pytest.mark.system

SCRIPT = """
import sys
from pathlib import Path
from streamauth.server.hosting import serve
from tests.server.rig import Watched, settings
watched = Watched(Path(sys.argv[1]), settings())
serve(watched, watched.settings, lambda url: print(url, flush=True))
watched.close()
"""


def test_two_servers_share_profiles_keys_tokens_and_failures(tmp_path: Path) -> None:
    with application(tmp_path) as watched:
        home = tmp_path / "home"
        _, key = watched.store.api_keys.create("backend", list(Scope))
    with ExitStack() as stack:
        urls = [stack.enter_context(server_process(SCRIPT, home, ends_within_s=20)) for _ in range(2)]
        one, other = (Web(url, key) for url in urls)
        # a profile made here, enrolled in turns, is seen there
        made = one("POST", "/v1/profiles", {"name": "eve", "phrase": PHRASE}).json
        path = f"/v1/profiles/{made['id']}"
        for web in (one, other, one):
            assert web("POST", f"{path}/enrollments", wav(spoken(PHRASE, STRANGER))).status == 200
        assert other("GET", path).json["status"] == "enrolled"
        assert other("POST", f"{path}/verifications", wav(spoken(PHRASE, STRANGER))).json["decision"] == "accept"
        # failures are counted over both
        for web in (one, other):
            assert web("POST", f"{path}/verifications", wav(spoken(PHRASE, ADA))).json["decision"] == "reject"
        assert one("GET", path).json["failures"] == other("GET", path).json["failures"] == 2
        # a token made here is used there, and then gone here
        token = one("POST", "/v1/sessions", {"mode": "verify", "name": "eve", "audience": "a"}).json["token"]
        with Peer(urls[1]) as peer:
            peer.start(name="eve", token=token)
            peer.send(spoken(PHRASE, STRANGER))
            signed = next(message["token"] for message in peer.rest() if message["type"] == "signed_verdict")
        with Peer(urls[0]) as peer:
            peer.say(type="start", version=1, mode="verify", audio=AUDIO, token=token)
            assert peer.last() == ("session_token_refused", 4401)
        # and its verdict is verified by the keys of either
        for web in (one, other):
            keys = jwt.PyJWKSet.from_dict(web("GET", "/v1/keys.json").json)
            found = keys[jwt.get_unverified_header(signed)["kid"]]
            assert jwt.decode(signed, found, algorithms=["EdDSA"], audience="a")["sub"] == "eve"
        # both write at once
        answers: list[int] = []

        def write(web: Web, number: int) -> None:
            answers.append(web("POST", "/v1/profiles", {"name": f"person {number}"}).status)

        threads = [Thread(target=write, args=((one, other)[number % 2], number)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [201] * 20
        # a key that is revoked is useless in both at once
        with Store.open(home, settings().store, {}) as store:
            store.api_keys.revoke(store.api_keys.all()[0].id)
        assert [web("GET", path).status for web in (one, other)] == [401, 401]
        assert json.loads(Web(urls[0])("GET", "/readyz").body)["ready"]
