"""The example backend, as a process of its own, beside a real server and a page that cannot be trusted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from streamauth.core.phrase.words import DIGITS
from streamauth.store.api_keys import Scope
from tests.server.rig import ADA, AUDIO, PHRASE, STRANGER, Peer, server, spoken
from tests.server.web import Web, key_of

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def backend(url: str, key: str) -> Iterator[Web]:
    environment = os.environ | {"STREAMAUTH_URL": Web(url).base, "STREAMAUTH_API_KEY": key, "PORT": "0"}
    command = [sys.executable, str(ROOT / "examples" / "backend.py")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Web(process.stdout.readline().strip())
        finally:
            process.kill()


def verdict_of(url: str, session: dict[str, Any], speaker: int) -> str:
    """What the page gets for its session token."""
    with Peer(url) as peer:
        peer.start(mode=session["mode"], name=None, token=session["token"])
        prompt = peer.hear()
        assert prompt["type"] == "prompt"
        words = " ".join(DIGITS[int(digit)] for digit in prompt["text"].split())
        peer.send(spoken(f"{PHRASE} {words}", speaker))
        return next(str(message["token"]) for message in peer.rest() if message["type"] == "signed_verdict")


def test_only_a_fresh_accept_of_this_login_signs_in(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched), backend(url, key_of(watched, Scope.VERIFY)) as site:

        def finish(verdict: str) -> str | None:
            signed_in: str | None = site("POST", "/finish", {"verdict": verdict}).json["signed_in"]
            return signed_in

        accepted = verdict_of(url, site("POST", "/begin", {"name": "ada"}).json, ADA)
        assert finish(accepted) == "ada"
        assert finish(accepted) is None, "a verdict is good once"
        assert finish(verdict_of(url, site("POST", "/begin", {"name": "ada"}).json, STRANGER)) is None
        assert finish("a.b.c") is None
        assert finish("") is None

        session = site("POST", "/begin", {"name": "ada"}).json
        good = jwt.decode(verdict_of(url, session, ADA), options={"verify_signature": False})
        known = {"kid": jwt.get_unverified_header(accepted)["kid"]}
        forged = jwt.encode(good, Ed25519PrivateKey.generate(), "EdDSA", known)
        assert finish(forged) is None
        assert finish(jwt.encode(good, "", "none")) is None

        # a verdict that another site asked for
        body = {"mode": "verify", "name": "ada", "prompt": "digits", "audience": "https://other.example"}
        other = Web(url, key_of(watched))("POST", "/v1/sessions", body | {"nonce": session["nonce"]}).json
        assert finish(verdict_of(url, other, ADA)) is None


def test_the_page_can_change_nothing_of_its_session(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched), backend(url, key_of(watched, Scope.VERIFY)) as site:
        for change in ({"name": "bob"}, {"mode": "identify"}, {"prompt": "words"}, {"audience": "https://x.example"}):
            token = site("POST", "/begin", {"name": "ada"}).json["token"]
            with Peer(url) as peer:
                peer.say(**{"type": "start", "version": 1, "mode": "verify", "audio": AUDIO, "token": token} | change)
                assert peer.last() == ("forbidden", 4403)
            # and the token is gone
            with Peer(url) as peer:
                peer.say(type="start", version=1, mode="verify", audio=AUDIO, token=token)
                assert peer.last() == ("session_token_refused", 4401)
