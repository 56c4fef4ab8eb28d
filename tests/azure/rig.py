"""What the tests of the Speaker Recognition API share: a real server process, speech, and requests as clients send."""

import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from streamauth.demo_data import demo_utterances
from streamauth.service.authenticator import Authenticator
from streamauth.store.api_keys import Scope

DATA = Path(__file__).resolve().parent.parent / "data" / "azure"
ENROLLED, OTHER = "be yourself everyone else is already taken", "apple juice tastes funny after toothpaste"
ALL = tuple(Scope)
V1, V2, V3 = "/spid/v1.0", "/speaker", "/speaker-recognition"
TD2 = f"{V2}/verification/v2.0/text-dependent"
TIV2 = f"{V2}/verification/v2.0/text-independent"
TII2 = f"{V2}/identification/v2.0/text-independent"
TD3 = f"{V3}/verification/text-dependent"
TIV3 = f"{V3}/verification/text-independent"
TII3 = f"{V3}/identification/text-independent"
NOBODY = "00000000-0000-0000-0000-000000000000"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Home:
    """A data folder with two tenants and their keys."""

    path: Path
    key: str
    other_key: str


def make_home(path: Path) -> Home:
    """A data folder; the other key belongs to another tenant."""
    with_store = Authenticator.open(path)
    key = with_store.store.api_keys.create("mine", ALL)[1]
    other = with_store.store.api_keys.create("theirs", ALL, tenant="other")[1]
    with_store.close()
    return Home(path, key, other)


@contextmanager
def serve(home: Home, **settings: str) -> Iterator["Client"]:
    """A server process of its own, as ``streamauth serve`` begins it."""
    environment = {
        **os.environ,
        "STREAMAUTH_HOME": str(home.path),
        "STREAMAUTH_ACCESS_ADDRESS_BURST": "100000",
        "STREAMAUTH_ACCESS_KEY_BURST": "100000",
        "STREAMAUTH_ACCESS_DISCLOSURE": "number",
        **{f"STREAMAUTH_{name}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "streamauth", "serve", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"ws://([^/\s]+)", line):
                break
        else:
            raise AssertionError("the server did not start")
        yield Client(found[1], home.key)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message, all of it in the API's one shape."""
        data = self.json
        assert list(data) == ["error"]
        assert set(data["error"]) == {"code", "message"}
        assert self.headers["content-type"] == "application/json; charset=utf-8"
        assert self.headers["x-ms-error-code"] == data["error"]["code"]
        return self.status, data["error"]["code"], data["error"]["message"]


@dataclass
class Client:
    """Sends requests to a server, each over a connection of its own."""

    host: str
    key: str | None = field(repr=False)

    def of(self, key: str | None) -> "Client":
        """The same with another key."""
        return Client(self.host, key)

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | str | dict[str, Any] | Iterable[bytes] | None = None,
        content_type: str | None = None,
        **headers: str,
    ) -> Reply:
        if isinstance(body, dict):
            body, content_type = json.dumps(body), content_type or "application/json"
        sent = {"Ocp-Apim-Subscription-Key": self.key} if self.key is not None else {}
        if content_type is not None:
            sent["Content-Type"] = content_type
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body, {**sent, **headers})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def finished(self, reply: Reply) -> Any:
        """An operation of the first generation, once it is over."""
        assert (reply.status, reply.body, reply.headers["content-length"]) == (202, b"", "0")
        url = urlsplit(reply.headers["operation-location"])
        assert (url.scheme, url.netloc) == ("http", self.host)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            operation = self("GET", url.path).json
            assert operation["status"] in ("notstarted", "running", "failed", "succeeded")
            if operation["status"] in ("failed", "succeeded"):
                return operation
            time.sleep(0.05)
        raise AssertionError("the operation did not end")


def wav(samples: NDArray[np.int16], rate_hz: int = 16_000, channels: int = 1) -> bytes:
    """Samples as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def _read(path: Path) -> NDArray[np.int16]:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    if rate_hz != 16_000:
        samples = soxr.resample(samples, rate_hz, 16_000)
    return np.asarray(np.clip(samples * 32768, -32768, 32767), np.int16)


@cache
def samples(voice: str, name: str) -> NDArray[np.int16]:
    """Synthetic speech at 16 kHz: ours for these tests, or that of the demonstration."""
    own = DATA / f"{voice}-{name}.ogg"
    return _read(own if own.exists() else demo_utterances()[voice, name].path)


def speech(voice: str, name: str, *, seconds: float | None = None) -> bytes:
    """The same as a WAV file, or its beginning."""
    everything = samples(voice, name)
    return wav(everything if seconds is None else everything[: round(seconds * 16_000)])


def silence(seconds: float) -> bytes:
    """Faint noise."""
    noise = np.random.default_rng(3).normal(size=round(seconds * 16_000)) * 8
    return wav(noise.astype(np.int16))


def v3(path: str, **query: str) -> str:
    """An address of the third generation."""
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"{path}?api-version=2021-09-05{more}"
