"""The same speech through every entrance and coding: the same decision, with the shipped engines."""

import io
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from streamauth.cli.main import run
from streamauth.client import EndUtterance, Mode, Start, pcm_chunks, stream_sync
from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import Decided, Enrolled
from streamauth.demo_data import demo_utterances
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from tests.serving import serving

pytestmark = pytest.mark.system

RATE_HZ = 16_000
PHRASE = demo_utterances()["awb", "door-1"].text
SUBTYPES = {Encoding.S16LE: "PCM_16", Encoding.F32LE: "FLOAT", Encoding.MULAW: "ULAW", Encoding.ALAW: "ALAW"}
OVERRIDES: dict[str, dict[str, Any]] = {
    "replay": {"refuse": False},
    "access": {"disclosure": "number"},
    "attempts": {"free_failures": 1000, "lock_after": 1000},
}


def samples(voice: str, name: str) -> Any:
    """Speech as float32 samples that are whole 16-bit steps."""
    return soundfile.read(demo_utterances()[voice, name].path, dtype="int16")[0].astype(np.float32) / 32_768


def raw(voice: str, name: str, encoding: Encoding) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples(voice, name), RATE_HZ, SUBTYPES[encoding], format="RAW")
    return file.getvalue()


def wav(voice: str, name: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples(voice, name), RATE_HZ, "PCM_16", format="WAV")
    return file.getvalue()


class Entrances:
    """A server and a command line over one data folder that knows ada (the voice awb)."""

    def __init__(self, url: str, profile_id: str, home: Path) -> None:
        self.url, self.profile_id, self.home = url, profile_id, home

    def socket(self, voice: str, name: str, encoding: Encoding) -> tuple[str, float]:
        audio = AudioFormat(RATE_HZ, 1, encoding)
        chunks = pcm_chunks(raw(voice, name, encoding), audio)
        *_, decided = stream_sync(self.url, Start(Mode.VERIFY, audio, name="ada"), chunks, pace=None)
        assert isinstance(decided, Decided)
        assert decided.llr is not None
        return decided.verdict.value, decided.llr

    def rest(self, body: bytes, content_type: str) -> tuple[str, float]:
        told, _ = self.told(body, content_type)
        return told["decision"], told["llr"]

    def told(self, body: bytes, content_type: str) -> tuple[dict[str, Any], list[str]]:
        base = self.url.replace("ws", "http", 1).removesuffix("/v1/stream")
        request = urllib.request.Request(  # noqa: S310 - the test's own
            f"{base}/v1/profiles/{self.profile_id}/verifications", body, {"Content-Type": content_type}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            told = json.load(answer)
        return told, told["reasons"]


@pytest.fixture(scope="module")
def entrances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrances]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings().with_values({"server": {"port": 0}, **OVERRIDES}, "tests")
    authenticator = Authenticator.open(home, settings)
    with serving(authenticator, settings) as url:
        audio = AudioFormat(RATE_HZ)
        said = (
            chunk for number in (1, 2, 3) for chunk in (raw("awb", f"door-{number}", Encoding.S16LE), EndUtterance())
        )
        start = Start(Mode.ENROLL, audio, name="ada", phrase=PHRASE)
        assert isinstance(list(stream_sync(url, start, said, pace=None))[-1], Enrolled)
        yield Entrances(url, authenticator.store.profiles.get("ada").id, home)
    authenticator.close()


@pytest.mark.parametrize(("voice", "name", "decision"), [("awb", "door-4", "accept"), ("slt", "door-4", "reject")])
def test_every_entrance_decides_alike(
    entrances: Entrances,
    voice: str,
    name: str,
    decision: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = wav(voice, name)
    (tmp_path / "a.wav").write_bytes(file)
    monkeypatch.setenv("STREAMAUTH_HOME", str(entrances.home))
    monkeypatch.setenv("STREAMAUTH_ATTEMPTS_FREE_FAILURES", "1000")
    monkeypatch.setenv("STREAMAUTH_ATTEMPTS_LOCK_AFTER", "1000")
    run(["verify", "ada", str(tmp_path / "a.wav"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["decision"] == decision
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + file + b"\r\n--x--\r\n"
    exact = {
        "body": entrances.rest(file, "audio/wav"),
        "form": entrances.rest(form, "multipart/form-data; boundary=x"),
        "s16le": entrances.socket(voice, name, Encoding.S16LE),
        "f32le": entrances.socket(voice, name, Encoding.F32LE),
    }
    for entrance, (verdict, llr) in exact.items():
        assert (entrance, verdict) == (entrance, decision)
        assert llr == pytest.approx(told["llr"], abs=1e-3), entrance
    # eight bits a sample are another sound, a little
    for encoding in (Encoding.MULAW, Encoding.ALAW):
        verdict, llr = entrances.socket(voice, name, encoding)
        assert verdict == decision
        assert llr == pytest.approx(told["llr"], abs=3)


@pytest.mark.parametrize(("name", "declared_hz"), [("door-4", 8_000), ("long-2", 32_000), ("door-4", RATE_HZ)])
def test_a_wrong_sample_rate_is_suspected_in_words_at_every_entrance(
    entrances: Entrances,
    name: str,
    declared_hz: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = raw("awb", name, Encoding.S16LE)
    audio = AudioFormat(declared_hz)
    *_, decided = stream_sync(entrances.url, Start(Mode.VERIFY, audio, name="ada"), pcm_chunks(sent, audio), pace=None)
    assert isinstance(decided, Decided)
    file = io.BytesIO()
    soundfile.write(file, samples("awb", name), declared_hz, "PCM_16", format="WAV")
    _, by_rest = entrances.told(file.getvalue(), "audio/wav")
    monkeypatch.setenv("STREAMAUTH_HOME", str(entrances.home))
    monkeypatch.setenv("STREAMAUTH_ATTEMPTS_FREE_FAILURES", "1000")
    monkeypatch.setenv("STREAMAUTH_ATTEMPTS_LOCK_AFTER", "1000")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent)))
    run(["verify", "ada", "-", "--rate", str(declared_hz), "--json"])
    by_pipe = json.loads(capsys.readouterr().out)["reasons"]
    right = declared_hz == RATE_HZ
    for reasons in ([reason.value for reason in decided.reasons], by_rest, by_pipe):
        assert ("other_rate" in reasons) is not right
        assert ("voice_match" in reasons and "phrase_match" in reasons) is right, "never an accept"
