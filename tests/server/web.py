"""HTTP for the tests of the server: requests as a program would send them, and API keys."""

import io
import json
import urllib.error
import urllib.request
import wave
from dataclasses import dataclass
from email.message import Message
from typing import Any

from streamauth.store.api_keys import Scope
from tests.server.rig import Watched

ALL = tuple(Scope)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


class Web:
    """A server's REST interface.

    Args:
        url: Of its streaming endpoint.
        key: API key.
    """

    def __init__(self, url: str, key: str | None = None, **headers: str) -> None:
        self.base = url.replace("ws", "http", 1).removesuffix("/v1/stream")
        self.headers = {**headers, **({} if key is None else {"Authorization": f"Bearer {key}"})}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; ``body`` is sent as it is if bytes, as JSON otherwise."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if data is None else {"Content-Type": "audio/wav" if isinstance(body, bytes) else "application/json"}
        request = urllib.request.Request(self.base + path, data, kind | self.headers | headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def profile_id(self, name: str) -> str:
        """The id of a profile."""
        return str(self("POST", "/v1/profiles/find", {"name": name}).json["id"])


def key_of(watched: Watched, *scopes: Scope, tenant: str = "default") -> str:
    """A new API key."""
    return watched.store.api_keys.create("backend", scopes or ALL, tenant=tenant)[1]


def wav(pcm: bytes, rate_hz: int = 16_000) -> bytes:
    """16-bit mono PCM as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(pcm)
    return file.getvalue()
