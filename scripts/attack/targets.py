"""Where shots go: an application in this process, and the login daemon's conversation."""

import asyncio
import json
import random
import socket
import string
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from scripts.attack.shots import STRANGER, Known, Lines, Request, Shot, Talk
from streamauth.azure.mount import azure_mounts
from streamauth.errors import StoreBusy, UnknownProfile
from streamauth.login.conversation import Conversation, Peer
from streamauth.login.state import DaemonState
from streamauth.login.users import UnixUser
from streamauth.login.voices import LoginVoices
from streamauth.protocol.messages import PATH
from streamauth.server.app import Application
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from streamauth.store.records import EnrollmentRecord, ProfileKind
from streamauth.store.schema import DEFAULT_TENANT
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, voiceprint
from tests.login.rig import FakeMicrophone, enroll
from tests.server.rig import FakeEngines

PHRASE = "open the front door please"
OWNERS = ("vqcanaryada", "vqcanarybob")
"""Names of people whose voices are known, which the attacker knows, too."""
UNHEARD_OF = "vqcanaryeve"
"""One whose name the attacker does not know, and must not learn."""
_OWN_TENANT = "attacker"
_FREE = 10_000_000
ANSWER_S = 900.0
"""After so long there is no end; a machine that is busy with other things must not look like that."""


@dataclass
class Answer:
    """What came back.

    Attributes:
        status: Of HTTP; 101 for a stream; 0 where there was none.
        said: All of it as one text, headers too.
        failure: What went wrong inside, where that can be seen.
    """

    status: int = 0
    said: str = ""
    failure: str = ""
    messages: list[str] = field(default_factory=list)


def attacked_settings() -> Settings:
    """Default settings but for how often somebody may ask: the point is what is asked."""
    free = {"key_rate_per_min": _FREE, "key_burst": 10**6, "address_rate_per_min": _FREE, "address_burst": 10**6}
    free |= {"prompts_per_min": 100_000, "prompt_burst": 100_000, "requests_per_address": 10_000}
    return Settings().with_values(
        {"access": free, "server": {"port": 0, "call_timeout_s": 300.0}, "store": {"busy_timeout_s": 60.0}}, "fuzz"
    )


def keys_in(store: Store) -> dict[str, str]:
    """Keys of an attacker: some of the tenant of the owners, one with all rights in a tenant of its own."""
    made = {"": "", "wrong": "sa_" + "A" * 43}
    for name, scopes, tenant in (
        ("verify", (Scope.VERIFY, Scope.IDENTIFY), DEFAULT_TENANT),
        ("enroll", (Scope.ENROLL,), DEFAULT_TENANT),
        ("own", tuple(Scope), _OWN_TENANT),
    ):
        made[name] = store.api_keys.create(name, scopes, tenant=tenant)[1]
    return made


class InProcess:
    """The application with quick fakes in the place of the engines, called without a socket."""

    def __init__(self, application: Application, authenticator: Authenticator, known: Known) -> None:
        self._asgi = application.asgi
        self._store = authenticator.store
        self._random = random.Random(1)
        self.known = known

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator["InProcess"]:
        """One that runs, with its owners enrolled."""
        settings = attacked_settings()
        with Store.open(folder, settings.store, {}) as store:
            keys = keys_in(store)
            ids = [_enrolled(store, OWNERS[0], 1, PHRASE), _enrolled(store, OWNERS[1], 2)]
            _enrolled(store, UNHEARD_OF, 3)
            ids += [_enrolled(store, "own", STRANGER, tenant=_OWN_TENANT)] * 3
            authenticator = Authenticator(store, FakeEngines(), settings)
            async with Application.running(
                authenticator, settings, local=True, mounts=azure_mounts(settings)
            ) as application:
                target = cls(application, authenticator, Known(keys, ids, OWNERS, {}))
                described = await target(Request("own", "GET", "/openapi.json"))
                api = json.loads(described.messages[0])
                target.known = Known(keys, ids, OWNERS, api)
                yield target
                await application.finish()

    def rest(self) -> None:
        """Give everybody back what the shots took, or else all that follows is refused at once."""
        for name in OWNERS:
            self._store.attempts.unlock(self._store.profiles.get(name).id)
        with suppress(UnknownProfile, StoreBusy):  # deleted, even where it cannot be wiped at once
            self._store.profiles.delete(self._store.profiles.get("own", tenant=_OWN_TENANT).id)
        self.known.ids[2:] = [_enrolled(self._store, "own", STRANGER, tenant=_OWN_TENANT)] * 3

    async def __call__(self, shot: Shot) -> Answer:
        """Send one."""
        answer = Answer()
        try:
            async with asyncio.timeout(ANSWER_S):
                if isinstance(shot, Talk):
                    await self._talk(shot, answer)
                elif isinstance(shot, Request):
                    await self._request(shot, answer)
        except TimeoutError:
            answer.failure = "no end within a quarter of an hour"
        except Exception as error:
            answer.failure = f"{type(error).__name__} left the application"
        return answer

    def _scope(self, kind: str, target: str, headers: list[tuple[str, str]], key: str) -> dict[str, Any]:
        # the server's parser lets no other characters through to the application (tests/server/test_hostile.py)
        path, _, query = quote(target, safe=string.printable).partition("?")
        sent = [("host", "127.0.0.1:8765"), *headers]
        if key and (secret := self.known.keys[key]):
            name, value = ("authorization", f"Bearer {secret}")
            if not path.startswith("/v1") and self._random.random() < 0.9:
                name, value = "ocp-apim-subscription-key", secret
            sent.append((name, value))
        raw = [(name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in sent]
        address = ".".join(["10", *(str(self._random.randrange(256)) for _ in range(3))])
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8765),
            "client": (address, 40_000),
            "scheme": "http" if kind == "http" else "ws",
            "root_path": "",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": raw,
            "state": {},
            "extensions": {},
            "subprotocols": [],
        }

    async def _request(self, shot: Request, answer: Answer) -> None:
        headers = [*shot.headers, ("content-length", str(len(shot.body)))]
        scope = self._scope("http", shot.target, headers, shot.key) | {"method": shot.method}
        pieces = [shot.body[at : at + 65_536] for at in range(0, len(shot.body), 65_536)] or [b""]
        body = bytearray()

        async def receive() -> dict[str, Any]:
            if pieces:
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
            await asyncio.sleep(ANSWER_S)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.said = str(
                    [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
                )
            else:
                body.extend(message.get("body", b""))

        await self._asgi(scope, receive, send)
        answer.messages = [body.decode("utf-8", "replace")]
        answer.said += answer.messages[0]

    async def _talk(self, shot: Talk, answer: Answer) -> None:
        scope = self._scope("websocket", PATH, [], shot.key)
        frames = iter(shot.frames)
        over = asyncio.Event()
        connected = False

        async def receive() -> dict[str, Any]:
            nonlocal connected
            if not connected:
                connected = True
                return {"type": "websocket.connect"}
            frame = next(frames, None)
            if isinstance(frame, str):
                return {"type": "websocket.receive", "text": frame}
            if frame is not None:
                return {"type": "websocket.receive", "bytes": frame}
            if not shot.early:
                # an end was said, mostly: then the server speaks last
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await over.wait()
            return {"type": "websocket.disconnect", "code": 1001}

        async def send(message: Any) -> None:
            match message["type"]:
                case "websocket.accept":
                    answer.status = 101
                case "websocket.send":
                    answer.messages.append(message["text"])
                case "websocket.close":
                    answer.messages.append(f"close {message.get('code')} {message.get('reason')}")
                    over.set()
                case "http.response.start" | "websocket.http.response.start":
                    answer.status = message["status"]
                case _:
                    answer.messages.append(message.get("body", b"").decode("utf-8", "replace"))

        await self._asgi(scope, receive, send)
        answer.said = " ".join(answer.messages)


class LoginDaemon:
    """The login daemon's side of a connection, for users of any number."""

    def __init__(self, voices: LoginVoices, state: DaemonState) -> None:
        self._voices = voices
        self._state = state

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["LoginDaemon"]:
        """One whose users have voices."""
        settings = attacked_settings().with_values({"enrollment": {"text_independent_speech_s": 3.0}}, "fuzz")
        with Store.open(folder, settings.store, {}) as store:
            authenticator = Authenticator(store, FakeEngines(), settings)
            voices = LoginVoices(authenticator, FakeMicrophone(audio=b""))  # makes the tenant
            for number, name in ((0, "root"), (1, "daemon")):
                enroll(authenticator, UnixUser(name, number))
            state = DaemonState(folder / "login.json")
            state.enable("sudo", True)
            yield cls(voices, state)

    def __call__(self, shot: Lines) -> Answer:
        """Send one."""
        answer = Answer()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(shot.data[:100_000])
            ours.shutdown(socket.SHUT_WR)
            try:
                Conversation(theirs, Peer(shot.uid), self._voices, self._state).run()
            except Exception as error:
                answer.failure = f"{type(error).__name__} left the conversation"
            theirs.shutdown(socket.SHUT_RDWR)
            ours.settimeout(5)
            got = b"".join(iter(lambda: ours.recv(65_536), b""))
        answer.messages = got.decode("utf-8", "replace").splitlines()
        answer.said = " ".join(answer.messages)
        return answer


def _enrolled(store: Store, name: str, speaker: int, phrase: str | None = None, tenant: str = DEFAULT_TENANT) -> str:
    """The id of a new profile that knows the voice of one of the fakes."""
    kind = ProfileKind.TEXT_INDEPENDENT if phrase is None else ProfileKind.TEXT_DEPENDENT
    profile = store.profiles.create(name, kind, phrase=phrase, tenant=tenant)
    record = EnrollmentRecord(FakeEncoder.id, voiceprint(speaker)[None], 3.0, 4.0)
    store.enrollments.add(profile.id, record, phrase=phrase, voiceprint=record.voiceprint)
    return profile.id
