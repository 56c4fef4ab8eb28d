"""What is sent: requests, streams and lines as their descriptions allow them, then bent in one or several places.

All of it follows from a seed, so that what was found can be sent again.
"""

import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

import numpy as np

from scripts.attack.bends import Bends
from scripts.attack.odd import (
    AZURE,
    AZURE_QUERIES,
    AZURE_VERBS,
    HEADER_VALUES,
    HEADERS,
    KINDS,
    MARK,
    METHODS,
    ODD_VALUES,
)
from tests.fakes import pause, pcm, say

STRANGER = 5
_OFTEN = {"verify": 6, "enroll": 3, "own": 12}
_RATE_HZ = 16_000


@dataclass(frozen=True)
class Known:
    """What an attacker holds: some is of use, none is of an owner of a voice.

    Attributes:
        keys: API keys by what they are for; "" is none.
        ids: Ids of profiles, of others and of its own.
        names: Names of profiles of others.
        api: The server's own description of its interface, OpenAPI.
    """

    keys: dict[str, str]
    ids: list[str]
    names: Sequence[str]
    api: dict[str, Any]


@dataclass
class Request:
    """One HTTP request.

    Attributes:
        key: Which of the keys it shows.
        target: Path and query, as they stand on the wire.
    """

    key: str
    method: str
    target: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def text(self) -> str:
        """All that was sent, to look for what an answer may repeat."""
        return f"{self.target} {self.headers} {self.body.decode('utf-8', 'replace')}"


@dataclass
class Talk:
    """One connection of the streaming protocol.

    Attributes:
        key: Which of the keys it shows at the handshake.
        frames: What it sends.
        early: Whether it is gone without waiting for answers.
    """

    key: str
    frames: list[str | bytes]
    early: bool = False

    def text(self) -> str:
        """See ``Request``."""
        return " ".join(frame for frame in self.frames if isinstance(frame, str))


@dataclass
class Lines:
    """One connection to the login daemon.

    Attributes:
        uid: Of the Unix user who asks.
        data: All that is sent.
    """

    uid: int
    data: bytes

    def text(self) -> str:
        """See ``Request``."""
        return self.data.decode("utf-8", "replace")


Shot = Request | Talk | Lines


@cache
def sounds() -> tuple[bytes, ...]:
    """Audio files of a stranger in many formats; the first one is a WAV file."""
    import soundfile

    samples = np.concatenate([pause(0.3), say("open the front door please", STRANGER), pause(0.4)])
    made = []
    for form, coding in (
        *(
            ("WAV", "PCM_16"),
            ("WAV", "FLOAT"),
            ("WAV", "ULAW"),
            ("WAVEX", "PCM_24"),
            ("AIFF", "PCM_16"),
            ("AU", "ULAW"),
        ),
        *(("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("CAF", "ALAC_16")),
        *(
            ("W64", "PCM_16"),
            ("NIST", "PCM_16"),
            ("RF64", "PCM_16"),
            ("WAV", "MS_ADPCM"),
            ("WAV", "GSM610"),
            ("AIFF", "IMA_ADPCM"),
        ),
    ):
        file = io.BytesIO()
        soundfile.write(file, samples, _RATE_HZ, format=form, subtype=coding)
        made.append(file.getvalue())
    return tuple(made)


@cache
def speech() -> bytes:
    """A stranger's words, 16-bit PCM at 16 kHz."""
    return pcm(pause(0.2), say("open the front door please", STRANGER), pause(0.4))


class Shots:
    """An endless supply.

    Args:
        seed: What all of them follow from.
        known: What the attacker holds.
    """

    def __init__(self, seed: str, known: Known) -> None:
        self._rng = random.Random(seed)
        self._known = known
        self._bends = Bends(self._rng, known.ids)
        self._schemas: dict[str, Any] = known.api["components"]["schemas"]
        self._operations = [
            (method.upper(), path, operation)
            for path, methods in known.api["paths"].items()
            for method, operation in methods.items()
            for _ in range(3 if "application/octet-stream" in str(operation.get("requestBody")) else 1)
        ]

    def request(self) -> Request:
        """A request for the server's own interface, or for the one that is compatible with Azure."""
        rng = self._rng
        made = self._azure() if rng.random() < 0.3 else self._rest()
        if rng.random() < 0.1:
            made.method = rng.choice(METHODS)
        if rng.random() < 0.05:
            made.target = self._bends.data(made.target.encode(), 2).decode("latin-1")
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            made.headers.append((rng.choice(HEADERS), rng.choice((*HEADER_VALUES, self._bends.text()))))
        return made

    def talk(self) -> Talk:
        """A connection of the streaming protocol."""
        rng = self._rng
        frames: list[str | bytes] = [json.dumps(self._start())]
        audio = speech()[: rng.choice((0, 3200, 16_000, 40_000, 10**6))]
        size = rng.choice((320, 3200, 3200, 16_000))
        frames += [audio[at : at + size] for at in range(0, len(audio), size)]
        frames += [
            json.dumps({"type": kind}) for kind in rng.choice((("end",), ("end_utterance", "end"), ("cancel",), ()))
        ]
        for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
            self._bends.frames(frames)
        return Talk(self._key(), frames, rng.random() < 0.1)

    def lines(self) -> Lines:
        """A connection to the login daemon."""
        rng = self._rng
        ops = ("ask", "listen", "enroll", "forget", "status", "unlock", "enable", "level", "devices", "device", MARK)
        said = []
        for _ in range(rng.choice((1, 2, 2, 3, 6, 20))):
            message: dict[str, Any] = {
                "op": rng.choice(("ask", "listen", *ops)),
                "id": rng.choice(("1", "a1", self._bends.text())),
            }
            if message["op"] in ("ask", "enroll", "forget", "status", "unlock"):
                message["user"] = rng.choice(("root", "nobody", "daemon", self._bends.text()))
            if message["op"] == "ask":
                message |= {
                    "service": rng.choice(("sudo", "sshd", self._bends.text())),
                    "prompt": rng.choice(("digits", "none")),
                }
            if message["op"] == "level":
                message["ms"] = rng.choice((1, 100, -5, 2**40))
            if rng.random() < 0.3:
                message = self._bends.object(message)
            line = json.dumps(message, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
            said.append(self._bends.data(line, 3) if rng.random() < 0.2 else line)
        ending = rng.choice((b"\n", b"\n", b"\n", b"\r\n", b""))
        return Lines(rng.choice((0, 1, 65_534)), b"".join(line + ending for line in said))

    def _key(self) -> str:
        return self._rng.choice([name for name in self._known.keys for _ in range(_OFTEN.get(name, 1))])

    def _rest(self) -> Request:
        rng = self._rng
        method, path, operation = rng.choice(self._operations)
        queries = []
        for parameter in operation.get("parameters", []):
            value = self._value(parameter["schema"], parameter["name"])
            value = self._bends.text() if rng.random() < 0.1 else value
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", _quoted(str(value), safe=rng.choice(("", "/"))))
            elif rng.random() < 0.5:
                values = value if isinstance(value, list) else [value]
                queries += [f"{parameter['name']}={_quoted(str(each))}" for each in values]
        if rng.random() < 0.05:
            queries.append(f"{_quoted(self._bends.text()[:50])}={_quoted(self._bends.text()[:50])}")
        made = Request(self._key(), method, path + ("?" + "&".join(queries) if queries else ""))
        content = operation.get("requestBody", {}).get("content", {})
        if "application/octet-stream" in content:
            self._put_audio(made)
        elif content:
            self._put_json(made, self._value(content["application/json"]["schema"], ""))
        elif rng.random() < 0.1:
            self._put_json(made, rng.choice(ODD_VALUES))
        return made

    def _azure(self) -> Request:
        rng = self._rng
        item = rng.choice(("", f"/{rng.choice(self._known.ids)}", f"/{_quoted(self._bends.text()[:60])}"))
        pairs = ["api-version=2021-09-05"] if rng.random() < 0.9 else []
        for _ in range(rng.choice((0, 0, 1, 2))):
            value = rng.choice(
                (*self._known.ids, "true", "1", "-1", ",".join(self._known.ids), self._bends.text()[:60])
            )
            pairs.append(f"{rng.choice(AZURE_QUERIES)}={_quoted(value)}")
        target = rng.choice(AZURE) + item + rng.choice(AZURE_VERBS) + "?" + "&".join(pairs)
        made = Request(self._key(), rng.choice(("GET", "POST", "POST", "DELETE")), target)
        if made.method == "POST" and rng.random() < 0.5:
            self._put_audio(made)
        elif made.method == "POST":
            body = {
                "locale": rng.choice(("en-us", "en-US", "xx", self._bends.text())),
                "passphrase": self._bends.text(),
            }
            self._put_json(made, body)
        return made

    def _put_json(self, made: Request, value: Any) -> None:
        rng = self._rng
        if isinstance(value, dict) and rng.random() < 0.5:
            value = self._bends.object(value)
        text = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
        match rng.randrange(30):
            case 0:
                text = self._bends.data(text, 4)
            case 1:
                text = b"[" * rng.choice((10, 17, 2000, 30_000))
            case 2:
                text = b'{"name":' * 10 + text + b"}" * rng.choice((9, 10))
            case 3:
                text = text.replace(b'"', b"'") + b"\0"
            case 4:
                text = b'{"name":"\\ud800","kind":1e999,"phrase":NaN}'
            case 5:
                text += b" " * rng.choice((100, 70_000))
            case 6:
                text = text[:-1] + b"," + text[1:]
        made.body = text
        made.headers.append(("content-type", rng.choice(KINDS) if rng.random() < 0.1 else "application/json"))

    def _put_audio(self, made: Request) -> None:
        rng = self._rng
        file = rng.choice(sounds()) if rng.random() < 0.5 else sounds()[0]
        if rng.random() < 0.7:
            file = self._bends.file(file)
        kind = "audio/wav" if rng.random() < 0.8 else rng.choice(KINDS)
        if rng.random() < 0.25:
            file, kind = self._form(file)
        made.body = file
        made.headers.append(("content-type", kind))

    def _form(self, file: bytes) -> tuple[bytes, str]:
        """A form around a file, and the kind that its request says to be of."""
        rng = self._rng
        boundary = rng.choice(("x", "----WebKitFormBoundary7", "-", "a" * 70, "b" * 71, "é"))
        edge = b"--" + boundary.encode()
        fields = [
            b'Content-Disposition: form-data; name="'
            + rng.choice((b"file", b"audio", b"x", MARK.encode(), b'"', b"\xff"))
            + rng.choice(
                (
                    b'"; filename="a.wav"',
                    b'"',
                    b"\"; filename*=utf-8''%ff",
                    b"; filename=",
                    b'"; filename="' + b"f" * 999,
                )
            )
            + b"\r\nContent-Type: audio/wav\r\n\r\n"
            + rng.choice((file, file, b"", b"1"))
            for _ in range(rng.choice((0, 1, 1, 1, 2, 17, 40)))
        ]
        body = b"".join(edge + b"\r\n" + part + b"\r\n" for part in fields) + edge + b"--\r\n"
        if rng.random() < 0.4:
            body = self._bends.data(body, 6)
        return body, f"multipart/form-data; boundary={boundary}"

    def _start(self) -> dict[str, Any]:
        rng = self._rng
        mode = rng.choice(("verify", "identify", "enroll", "continuous", "verify"))
        audio = {"rate": rng.choice((16_000, 16_000, 8000, 192_000)), "channels": 1, "encoding": "s16le"}
        start: dict[str, Any] = {"type": "start", "version": 1, "mode": mode, "audio": audio}
        if mode != "identify":
            start["name"] = rng.choice((*self._known.names, "own", "own", "own", self._bends.text()))
        choices: dict[str, list[Any]] = {
            "among": [list(self._known.names), ["own"], [], ["x"] * 400],
            "phrase": ["open the front door please", "my voice is my key", self._bends.text()],
            "text_independent": [True, False],
            "consent": ["2026-01", "v" * 65, self._bends.text()],
            "prompt": ["digits", "words", MARK],
            "token": [self._known.keys.get("verify", ""), "A" * 43, self._bends.text()],
            "attempt_id": ["attempt-0123456789", "x" * 65, self._bends.text()],
            "audience": ["shop", self._bends.text()],
            "nonce": ["n", self._bends.text()],
        }
        for name, values in choices.items():
            if rng.random() < (0.5 if mode == "identify" and name == "among" else 0.08):
                start[name] = rng.choice(values)
        return start

    def _value(self, schema: dict[str, Any], name: str) -> Any:
        """A value that a schema allows, mostly."""
        rng = self._rng
        if "$ref" in schema:
            return self._value(self._schemas[schema["$ref"].rpartition("/")[2]], name)
        if options := schema.get("anyOf") or schema.get("oneOf"):
            return self._value(rng.choice(options), name)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                needed = schema.get("required", ())
                fields = {
                    key: self._value(kind, key)
                    for key, kind in schema.get("properties", {}).items()
                    if key in needed or rng.random() < 0.4
                }
                return fields
            case "array":
                return [self._value(schema.get("items", {}), name) for _ in range(rng.choice((0, 1, 2, 20)))]
            case "integer" | "number":
                return rng.choice((0, 1, 2, 16, 1000, 3600.5 if schema["type"] == "number" else 3600))
            case "boolean":
                return rng.random() < 0.5
            case "null":
                return None
        if name.endswith("id") or name == "among":
            return rng.choice((*self._known.ids, self._bends.text()[:60]))
        if name == "name":
            return rng.choice((*self._known.names, "own", f"own {rng.randrange(40)}", self._bends.text()))
        return rng.choice(("open the front door please", "my voice is my key please", self._bends.text()))


def _quoted(text: str, safe: str = "/") -> str:
    return quote(text, safe, errors="surrogatepass")
