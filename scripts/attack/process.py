"""Where shots go: a server in a process of its own with the real engines, over sockets."""

import base64
import json
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.attack.shots import Known, Request, Shot, Talk
from scripts.attack.targets import ANSWER_S, OWNERS, Answer, attacked_settings, keys_in
from streamauth.core.audio.pcm import AudioFormat
from streamauth.demo_data import demo_utterances
from streamauth.engines.loader import Engines
from streamauth.protocol.messages import PATH
from streamauth.service.authenticator import Authenticator
from streamauth.store.store import Store


class ServerProcess:
    """``streamauth serve`` in a process of its own with the real engines, and what goes over its sockets."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, known: Known, log: Path) -> None:
        host, port = url.split("/")[2].split(":")
        self._place = host, int(port)
        self._process = process
        self._log = log
        self.known = known

    @property
    def log(self) -> str:
        """All that the process wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["ServerProcess"]:
        """One that runs, with two voices of the demonstration enrolled."""
        settings = attacked_settings()
        files = demo_utterances()
        with Store.open(folder, settings.store, {}) as store:
            authenticator = Authenticator(store, Engines(settings), settings)
            for name, voice in zip(OWNERS, ("slt", "rms"), strict=True):
                _enroll_files(authenticator, name, [files[voice, clip].path for clip in ("long-1", "long-2")])
            keys, ids = keys_in(store), [store.profiles.get(name).id for name in OWNERS]
        access = attacked_settings().access
        environment = os.environ | {"STREAMAUTH_HOME": str(folder)}
        environment |= {
            f"STREAMAUTH_ACCESS_{name.upper()}": str(getattr(access, name))
            for name in ("key_rate_per_min", "key_burst", "address_rate_per_min", "address_burst", "prompts_per_min")
        }
        log = folder / "server.log"
        command = [sys.executable, "-m", "streamauth", "serve", "--port", "0", "--json"]
        with (
            log.open("wb") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as process,
        ):
            try:
                assert process.stdout is not None
                url = str(json.loads(process.stdout.readline())["url"])
                target = cls(process, url, Known(keys, ids, OWNERS, {}), log)
                target.known = Known(
                    keys, ids, OWNERS, json.loads(target(Request("own", "GET", "/openapi.json")).messages[0])
                )
                yield target
            finally:
                process.terminate()

    def __call__(self, shot: Shot) -> Answer:
        """Send one."""
        answer = Answer()
        try:
            with socket.create_connection(self._place, timeout=ANSWER_S) as peer:
                if isinstance(shot, Talk):
                    self._talk(shot, peer, answer)
                elif isinstance(shot, Request):
                    self._request(shot, peer, answer)
        except TimeoutError:
            answer.failure = "no end within a quarter of an hour"
        except OSError:
            pass  # cut off, which an attacker may be
        return answer

    def ready(self) -> bool:
        """Whether the server says that it is."""
        return self._process.poll() is None and self(Request("", "GET", "/readyz")).status == 200

    def _request(self, shot: Request, peer: socket.socket, answer: Answer) -> None:
        name = "Authorization: Bearer" if shot.target.startswith("/v1") else "Ocp-Apim-Subscription-Key:"
        secret = self.known.keys[shot.key]
        lines = [f"{shot.method} {shot.target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        lines += [f"{name} {secret}"] if secret else []
        lines += [f"Content-Length: {len(shot.body)}", *(f"{name}: {value}" for name, value in shot.headers)]
        with suppress(OSError):
            peer.sendall("\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + shot.body)
        got = _all_of(peer)
        head, _, body = got.partition(b"\r\n\r\n")
        first = re.match(rb"HTTP/1\.1 (\d{3})", head)
        answer.status = int(first[1]) if first else 0
        answer.messages = [body.decode("utf-8", "replace")]
        answer.said = got.decode("utf-8", "replace")

    def _talk(self, shot: Talk, peer: socket.socket, answer: Answer) -> None:
        secret = self.known.keys[shot.key]
        lines = [f"GET {PATH} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
        ]
        lines += [f"Authorization: Bearer {secret}"] if secret else []
        peer.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        head = peer.recv(65_536)
        answer.status = int(head.split()[1]) if head[:5] == b"HTTP/" else 0
        with suppress(OSError):
            for number, frame in enumerate(shot.frames):
                peer.sendall(_frame(frame, odd=number % 41 == 40))
            if shot.early:
                return
            peer.shutdown(socket.SHUT_WR)
        answer.said = (head + _all_of(peer)).decode("utf-8", "replace")


def _enroll_files(authenticator: Authenticator, name: str, paths: list[Path]) -> None:
    import soundfile

    rate_hz = soundfile.info(paths[0]).samplerate
    with authenticator.enroll(name, AudioFormat(rate_hz), text_independent=True) as attempt:
        for path in paths:
            attempt.receive_audio(soundfile.read(path, dtype="int16")[0].tobytes())
            attempt.receive_audio(bytes(rate_hz))
        attempt.receive_end()


def _all_of(peer: socket.socket) -> bytes:
    got = bytearray()
    with suppress(ConnectionError):
        while piece := peer.recv(65_536):
            got += piece
    return bytes(got)


def _frame(data: str | bytes, *, odd: bool) -> bytes:
    """A frame of RFC 6455, masked; every so often one that it forbids."""
    body = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    first = (0x81 if isinstance(data, str) else 0x82) ^ (0x70 if odd else 0)
    if len(body) < 126:
        head = bytes([first, 0x80 | len(body)])
    elif len(body) < 65_536:
        head = bytes([first, 0x80 | 126]) + len(body).to_bytes(2, "big")
    else:
        head = bytes([first, 0x80 | 127]) + len(body).to_bytes(8, "big")
    return head + b"\0\0\0\0" + body
