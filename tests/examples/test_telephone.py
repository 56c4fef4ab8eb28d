"""The bridge to Asterisk, as a process of its own, with a peer that speaks AudioSocket as Asterisk does."""

import os
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest
import soundfile
import soxr

from streamauth.demo_data import demo_utterances
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from tests.server.rig import ADA, OTHER_PHRASE, PHRASE, STRANGER, server, spoken
from tests.server.web import key_of
from tests.serving import serving

ROOT = Path(__file__).resolve().parents[2]
FRAME_MS = 20


@dataclass(frozen=True)
class Asterisk:
    """The peer of the bridge: a dialplan and the calls that it makes.

    Attributes:
        port: Of the bridge's AudioSocket.
        web: Of its claims and verdicts.
    """

    port: int
    web: str

    def claims(self, call: uuid.UUID, name: str) -> str:
        """CURL(.../claims,uuid=...&name=...)"""
        request = Request(f"{self.web}/claims", f"uuid={call}&name={name}".encode(), method="POST")  # noqa: S310
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return str(answer.read().decode())

    def verdict(self, call: uuid.UUID) -> str:
        """CURL(.../verdicts/UUID)"""
        with urlopen(f"{self.web}/verdicts/{call}", timeout=60) as answer:  # noqa: S310
            return str(answer.read().decode())

    def call(self, who: uuid.UUID, pcm: bytes, rate_hz: int = 16_000, *, hang_up: bool = False) -> int | None:
        """AudioSocket(UUID,host:port); the kind of the last message that the bridge sent."""
        kind = {8_000: 0x10, 16_000: 0x12}[rate_hz]
        size = rate_hz * FRAME_MS // 1000 * 2
        last = None
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line:
            try:
                line.sendall(bytes((0x01, 0, 16)) + who.bytes)
                line.sendall(bytes((0x03, 0, 1)) + b"#")  # a key that is still being pressed
                for at in range(0, len(pcm), size):
                    piece = pcm[at : at + size]
                    line.sendall(bytes((kind,)) + len(piece).to_bytes(2, "big") + piece)
                if hang_up:
                    line.sendall(bytes((0x00, 0, 0)))
                while head := line.recv(3):
                    last = head[0]
            except OSError:
                pass
        return last


@contextmanager
def bridge(url: str, key: str | None) -> Iterator[Asterisk]:
    environment = os.environ | {"STREAMAUTH_URL": url, "PORT": "0", "WEB_PORT": "0"}
    if key is not None:
        environment["STREAMAUTH_API_KEY"] = key
    command = [sys.executable, str(ROOT / "examples" / "telephone.py")]
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.match(r"AudioSocket on \S+:(\d+), .* on (\S+)", process.stdout.readline())
            assert found is not None
            yield Asterisk(int(found[1]), found[2])
        finally:
            process.kill()


def test_a_call_is_verified_and_its_verdict_told_once(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched), bridge(url, key_of(watched)) as asterisk:
        for words, speaker, verdict in (
            (PHRASE, ADA, "accept"),
            (PHRASE, STRANGER, "reject"),
            (OTHER_PHRASE, ADA, "reject"),
        ):
            call = uuid.uuid4()
            assert asterisk.claims(call, "ada") == "ok"
            assert asterisk.call(call, spoken(words, speaker), hang_up=True) in (0x00, None)
            assert asterisk.verdict(call) == verdict
            assert asterisk.verdict(call) == "undecided"


def test_who_hangs_up_or_claims_nobody_is_not_accepted(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched), bridge(url, key_of(watched)) as asterisk:
        silent, unclaimed, unknown = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
        asterisk.claims(silent, "ada")
        asterisk.call(silent, b"", hang_up=True)
        asterisk.call(unclaimed, spoken(PHRASE, ADA))
        asterisk.claims(unknown, "nobody")
        asterisk.call(unknown, spoken(PHRASE, ADA))
        assert [asterisk.verdict(call) for call in (silent, unclaimed, unknown)] == ["undecided"] * 3
        assert asterisk.claims(unknown, "") == "bad claim"
        for garbage in (b"", b"\x01\x00", b"\x01\xff\xff" + bytes(10), bytes(100)):
            with socket.create_connection(("127.0.0.1", asterisk.port), timeout=60) as line:
                line.sendall(garbage)
        assert asterisk.claims(uuid.uuid4(), "ada") == "ok", "it is still there"


def test_without_a_server_nobody_is_accepted() -> None:
    with bridge("ws://127.0.0.1:9/v1/stream", None) as asterisk:
        call = uuid.uuid4()
        asterisk.claims(call, "ada")
        asterisk.call(call, bytes(32_000))
        assert asterisk.verdict(call) == "undecided"


@pytest.mark.parametrize(("voice", "verdict"), [("awb", "accept"), ("slt", "reject")])
def test_a_narrow_line_with_the_shipped_engines(tmp_path: Path, voice: str, verdict: str) -> None:
    """8 kHz, as a land line has it, enrolled over the same line."""
    from streamauth.client import EndUtterance, Mode, Start, stream_sync
    from streamauth.core.audio.pcm import AudioFormat, Encoding

    def line(who: str, number: int) -> bytes:
        samples, rate_hz = soundfile.read(demo_utterances()[who, f"door-{number}"].path, dtype="float32")
        narrow = soxr.resample(samples, rate_hz, 8_000)
        pause = np.zeros(8_000, np.float32)
        samples = np.clip(np.concatenate([pause, narrow, pause]), -1, 1)
        return bytes((samples * 32_767).astype("<i2"))

    def pieces(data: bytes, size: int) -> list[bytes]:
        return [data[at : at + size] for at in range(0, len(data), size)]

    def mulaw(pcm: bytes) -> bytes:
        values = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
        path = tmp_path / "line.raw"
        soundfile.write(path, values, 8_000, "ULAW", format="RAW")
        return path.read_bytes()

    settings = Settings().with_values({"server": {"port": 0}, "replay": {"refuse": False}}, "tests")
    authenticator = Authenticator.open(tmp_path / "home", settings)
    try:
        with serving(authenticator, settings) as url, bridge(url, None) as asterisk:
            enroll = Start(
                Mode.ENROLL,
                AudioFormat(8_000, 1, Encoding.MULAW),
                name="ada",
                phrase=demo_utterances()["awb", "door-1"].text,
            )
            # cut anywhere, as packets of a telephone line are
            taken: list[bytes | EndUtterance] = []
            for number in (1, 2, 3):
                taken += [*pieces(mulaw(line("awb", number)), 161), EndUtterance()]
            list(stream_sync(url, enroll, taken, pace=None))
            call = uuid.uuid4()
            asterisk.claims(call, "ada")
            asterisk.call(call, line(voice, 4), 8_000)
            assert asterisk.verdict(call) == verdict
    finally:
        authenticator.close()
