"""A real server: websocket, REST and the Azure routes, as clients see them."""

import base64
import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.golden.command_line import told
from tests.golden.fixed import environment, masked
from tests.golden.python_api import even, without_levels
from tests.golden.speech import PHRASE, RATE_HZ, ROOT, Pcm, beginning, clip, join, pause, prompt_of_slt, wav

Json = dict[str, Any]
AUDIO = {"rate": RATE_HZ, "channels": 1, "encoding": "s16le"}


@dataclass(frozen=True)
class Server:
    """A running server, and a key of a tenant for each entrance."""

    host: str
    keys: dict[str, str]

    def session(self, start: Json, utterances: Sequence[Pcm], key: str | None) -> list[Json]:
        """All messages of a streaming session, and its close code."""
        messages: list[Json] = []
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        with connect(
            f"ws://{self.host}/v1/stream", additional_headers=headers, compression=None, proxy=None, max_queue=None
        ) as socket:
            socket.send(json.dumps({"type": "start", "version": 1, "audio": AUDIO} | start))
            try:
                while not messages or messages[-1]["type"] != ("prompt" if "prompt" in start else "ready"):
                    messages.append(json.loads(socket.recv(timeout=30)))
                for number, utterance in enumerate(utterances):
                    if number:
                        socket.send(json.dumps({"type": "end_utterance"}))
                    for chunk in even(utterance):
                        socket.send(chunk.tobytes())
                socket.send(json.dumps({"type": "end"}))
            except ConnectionClosed:
                pass  # it was decided before the audio was over
            try:
                while True:
                    messages.append(json.loads(socket.recv(timeout=30)))
            except ConnectionClosed:
                return [*messages, {"type": "closed", "code": socket.close_code}]

    def request(
        self, method: str, path: str, body: bytes | Json | None = None, *, key: str, azure: bool = False
    ) -> tuple[int, Any]:
        """Status and JSON body of an answer."""
        headers = {"Ocp-Apim-Subscription-Key": key} if azure else {"Authorization": f"Bearer {key}"}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        elif body is not None:
            headers["Content-Type"] = "audio/wav"
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data else None
        finally:
            connection.close()


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A server process of its own."""
    with environment(home):
        scopes = ("--scope", "enroll", "--scope", "verify", "--scope", "identify", "--scope", "admin")
        keys = {
            tenant: told("keys", "create", tenant, "--tenant", tenant, *scopes)["out"]["key"]
            for tenant in ("websocket", "rest", "azure")
        }
        with subprocess.Popen(
            [sys.executable, "-m", "tests.golden.serve"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                yield Server(urlsplit(json.loads(process.stdout.readline())["url"]).netloc, keys)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)


def _claims(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class Sessions(dict[str, Any]):
    """Streaming sessions by their titles."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def scene(self, title: str, utterances: Sequence[Pcm], /, *, with_key: bool = True, **start: Any) -> None:
        """One session; its messages are kept."""
        messages = self._server.session(start, utterances, self._server.keys["websocket"] if with_key else None)
        for message in messages:
            if message["type"] == "signed_verdict":
                message["claims"] = masked(_claims(message["token"]))
        self[title] = masked(messages if title == "verify, accept" else without_levels(messages))


DOOR = [f"slt/door-{number}" for number in (1, 2, 3, 4)]


def record_enroll(server: Server) -> Json:
    """Enrollments by websocket; they must come before all others."""
    scenes = Sessions(server)
    scene, door = scenes.scene, [clip(name) for name in DOOR]
    scene("enroll", door[:3], mode="enroll", name="ada", phrase=PHRASE)
    scene("enroll, text-independent", [beginning("rms/long-1", 10)], mode="enroll", name="bob", text_independent=True)
    scene("enroll, other words", [clip("slt/coffee"), door[0]], mode="enroll", name="dan", phrase=PHRASE)
    scene("enroll, weak phrase", [], mode="enroll", name="fay", phrase="open")
    scene("enroll, words of no dictionary", [], mode="enroll", name="gus", phrase="open the door kelvandro please")
    return scenes


def record_verify(server: Server) -> Json:
    """Verification by websocket."""
    scenes = Sessions(server)
    scene, door = scenes.scene, clip(DOOR[3])
    scene("verify, accept", [door], mode="verify", name="ada")
    scene("verify, other voice", [clip("awb/door-4")], mode="verify", name="ada")
    scene("verify, other words", [clip("slt/coffee")], mode="verify", name="ada")
    scene("verify, silence", [pause(1)], mode="verify", name="ada")
    scene("verify, voice only", [clip("rms/long-2")], mode="verify", name="bob")
    scene("verify, nobody of that name", [], mode="verify", name="zoe")
    scene("verify, signed", [door], mode="verify", name="ada", audience="https://shop.example", nonce="n-1")
    scene("verify, prompt", [join(door, prompt_of_slt())], mode="verify", name="ada", prompt="words")
    return scenes


def record_further(server: Server) -> Json:
    """Continuous verification, identification and tokens by websocket."""
    scenes = Sessions(server)
    scene, door = scenes.scene, clip(DOOR[3])
    two = join(door, beginning("awb/long-2", 5))
    scene("continuous", [two], mode="continuous", name="ada")
    scene("identify", [clip("rms/long-2")], mode="identify", among=["ada", "bob"])
    scene("identify, nobody", [clip("kal16/long-2")], mode="identify", among=["ada", "bob"])
    scene("identify, prompt", [prompt_of_slt()], mode="identify", among=["ada", "bob"], prompt="words")
    wanted = {"mode": "verify", "name": "ada", "audience": "https://shop.example"}
    _, made = server.request("POST", "/v1/sessions", wanted, key=server.keys["websocket"])
    scenes["session token"] = masked(made)
    scene("verify by a session token", [door], with_key=False, mode="verify", token=made["token"])
    scene("a session token once more", [], with_key=False, mode="verify", token=made["token"])
    scene("no key", [], with_key=False, mode="verify", name="ada")
    scene("an unknown field", [], mode="verify", name="ada", colour="blue")
    return scenes


def record_rest(server: Server) -> Json:
    """Requests, in the order in which they build on each other."""
    scenes: Json = {}
    key = server.keys["rest"]

    def scene(name: str, method: str, path: str, body: bytes | Json | None = None) -> Any:
        status, data = server.request(method, f"/v1/{path}", body, key=key)
        scenes[name] = {"status": status, "body": masked(data)}
        return data

    ada = scene("make", "POST", "profiles", {"name": "ada", "kind": "text_dependent", "phrase": PHRASE})["id"]
    bob = scene("make, text-independent", "POST", "profiles", {"name": "bob", "kind": "text_independent"})["id"]
    scene("make, it is there already", "POST", "profiles", {"name": "bob", "kind": "text_independent"})
    scene("verify, not enrolled", "POST", f"profiles/{ada}/verifications", wav(clip("slt/door-4")))
    scene("enroll, other words", "POST", f"profiles/{ada}/enrollments", wav(clip("slt/coffee")))
    for number in (1, 2, 3):
        scene(f"enroll, {number}", "POST", f"profiles/{ada}/enrollments", wav(clip(f"slt/door-{number}")))
    scene("enroll, text-independent", "POST", f"profiles/{bob}/enrollments", wav(beginning("rms/long-1", 10)))
    scene("look", "GET", f"profiles/{ada}")
    scene("find", "POST", "profiles/find", {"name": "bob"})
    scene("verify, accept", "POST", f"profiles/{ada}/verifications", wav(clip("slt/door-4")))
    scene("verify, other voice", "POST", f"profiles/{ada}/verifications", wav(clip("awb/door-4")))
    scene("verify, other words", "POST", f"profiles/{ada}/verifications", wav(clip("slt/coffee")))
    scene("verify, no audio", "POST", f"profiles/{ada}/verifications", b"this is no audio file")
    scene("verify, voice only", "POST", f"profiles/{bob}/verifications", wav(clip("rms/long-2")))
    drawn = scene("prompt", "POST", "prompts", {"profile_id": bob, "kind": "words"})["id"]
    said = urlencode({"prompt": drawn})
    scene("verify, prompt", "POST", f"profiles/{bob}/verifications?{said}", wav(prompt_of_slt()))
    signed = urlencode({"audience": "https://shop.example", "nonce": "n-1"})
    answer = server.request("POST", f"/v1/profiles/{ada}/verifications?{signed}", wav(clip("slt/door-4")), key=key)[1]
    token = next(value for value in answer.values() if isinstance(value, str) and value.count(".") == 2)
    scenes["verify, signed"] = {"body": masked(answer), "claims": masked(_claims(token))}
    scene("identify", "POST", "identifications", wav(clip("rms/long-2")))
    scene("identify, nobody", "POST", "identifications", wav(clip("kal16/long-2")))
    described = server.request("GET", "/openapi.json", key=key)[1]["paths"]
    scenes["routes"] = {path: sorted(methods) for path, methods in described.items() if path.startswith("/v1/")}
    scene("delete", "DELETE", f"profiles/{bob}")
    scene("deleted", "GET", f"profiles/{bob}")
    return scenes


class Requests(dict[str, Any]):
    """Requests of the Speaker Recognition API by their titles."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def scene(self, title: str, method: str, path: str, body: bytes | Json | None = None) -> Any:
        """One request; status and body of the answer are kept."""
        status, data = self._server.request(method, path, body, key=self._server.keys["azure"], azure=True)
        self[title] = {"status": status, "body": masked(data)}
        return data


FIRST, LAST, VERSION = "/spid/v1.0", "/speaker-recognition", "api-version=2021-09-05"
LOCALE = {"locale": "en-us"}


def _wav(name: str) -> bytes:
    return wav(clip(name))


def record_azure_phrase(server: Server) -> Json:
    """The Speaker Recognition API, first and last generation: a profile with a phrase."""
    scenes = Requests(server)
    scene = scenes.scene
    profile = scene("1: make", "POST", f"{FIRST}/verificationProfiles", LOCALE)["verificationProfileId"]
    path = f"{FIRST}/verificationProfiles/{profile}"
    for name in ("taken-1", "toothpaste", "taken-2", "taken-3"):
        scene(f"1: enroll, {name}", "POST", f"{path}/enroll", _wav(f"azure/awb-{name}"))
    scene("1: look", "GET", path)
    verify = f"{FIRST}/verify?verificationProfileId={profile}"
    scene("1: verify, accept", "POST", verify, _wav("azure/awb-taken-4"))
    scene("1: verify, other voice", "POST", verify, _wav("azure/slt-taken-1"))
    scene("1: verify, other words", "POST", verify, _wav("azure/awb-toothpaste"))
    scene("1: verify, silence", "POST", verify, wav(pause(3)))
    phrase = f"{LAST}/verification/text-dependent/profiles/{profile}"
    scene("3: verify, accept", "POST", f"{phrase}:verify?{VERSION}", _wav("azure/awb-taken-4"))
    scene("3: verify, other voice", "POST", f"{phrase}:verify?{VERSION}", _wav("azure/slt-taken-1"))
    missing = f"{LAST}/verification/text-dependent/profiles/{profile}"
    scene("3: no such profile", "GET", f"{missing[:-1]}{'1' if missing[-1] == '0' else '0'}?{VERSION}")
    scene("3: no version", "GET", missing)
    return scenes


def record_azure_free(server: Server) -> Json:
    """The Speaker Recognition API, last generation: profiles without a phrase."""
    scenes = Requests(server)
    scene = scenes.scene
    free = wav(beginning("rms/long-1", 21.5))
    for kind, act in (("verification", "verify"), ("identification", "identifySingleSpeaker")):
        base = f"{LAST}/{kind}/text-independent/profiles"
        made = scene(f"3: make, {kind}", "POST", f"{base}?{VERSION}", LOCALE)["profileId"]
        scene(f"3: enroll, {kind}", "POST", f"{base}/{made}/enrollments?{VERSION}", free)
        scene(f"3: look, {kind}", "GET", f"{base}/{made}?{VERSION}")
        group = f"&profileIds={made}" if kind == "identification" else ""
        who = "" if kind == "identification" else f"/{made}"
        for voice in ("rms", "awb"):
            said = wav(beginning(f"{voice}/long-2", 5))
            scene(f"3: {act}, {voice}", "POST", f"{base}{who}:{act}?{VERSION}{group}", said)
    return scenes
