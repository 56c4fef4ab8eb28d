"""A web site with sign-in by voice: its page and its backend, with the standard library, PyJWT and nothing else.

    STREAMAUTH_ACCESS_ORIGINS=http://127.0.0.1:8000 streamauth serve
    STREAMAUTH_URL=http://127.0.0.1:8765 STREAMAUTH_API_KEY=sa_... python examples/backend.py

The page (backend.html) asks `POST /begin` for a session token, lets `<streamauth-verify>` stream the voice, and gives
the signed verdict that it gets to `POST /finish`. Nothing that the page says is believed but that verdict, once.
"""

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt

SERVER, KEY = os.environ["STREAMAUTH_URL"], os.environ["STREAMAUTH_API_KEY"]
PORT = int(os.environ.get("PORT", "8000"))
SITE = os.environ.get("SITE", f"http://127.0.0.1:{PORT}")  # what verdicts are made for
PAGE = Path(__file__).with_name("backend.html").read_text("utf-8").replace("SERVER", SERVER)
logins: dict[str, str] = {}  # nonce -> who wants to sign in; a real site keeps it in the visitor's own session
signing_keys = jwt.PyJWKClient(f"{SERVER}/v1/keys.json")


def begin(name: str) -> dict[str, Any]:
    """A session token for the page: for this person, with random digits to say."""
    wanted = {"mode": "verify", "name": name, "prompt": "digits", "audience": SITE}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{SERVER}/v1/sessions", json.dumps(wanted).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        session: dict[str, Any] = json.load(answer)
    logins[session["nonce"]] = name
    return session


def finish(verdict: str) -> str | None:
    """Who is signed in by a signed verdict; nobody by anything else."""
    try:
        key = signing_keys.get_signing_key_from_jwt(verdict)
        needed = ["exp", "aud", "iss", "nonce", "sub", "decision", "mode"]
        claims = jwt.decode(
            verdict, key, algorithms=["EdDSA"], audience=SITE, issuer="streamauth", options={"require": needed}
        )
    except jwt.PyJWTError:
        return None
    name = logins.pop(claims["nonce"], None)  # used up, whatever it says
    accepted = claims["mode"] == "verify" and claims["decision"] == "accept"
    return name if accepted and name is not None and name == claims["sub"] else None


class Backend(BaseHTTPRequestHandler):
    """The page, and the two addresses that it asks."""

    def do_GET(self) -> None:
        """Give the page."""
        found = self.path == "/"
        self.answer(200 if found else 404, "text/html; charset=utf-8", PAGE if found else "Nothing here.")

    def do_POST(self) -> None:
        """Answer the page."""
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = begin(said["name"]) if self.path == "/begin" else {"signed_in": finish(said["verdict"])}
        self.answer(200, "application/json", json.dumps(body))

    def answer(self, status: int, kind: str, body: str) -> None:
        """Send something."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Backend)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
