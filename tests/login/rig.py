"""What tests of the login daemon share: fake engines, a microphone that plays, the daemon in a thread."""

import atexit
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import Any

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.phrase.words import DIGITS
from streamauth.core.ports import PhraseRecognizer, SpeakerEncoder
from streamauth.core.sessions.base import Models
from streamauth.engines.loader import Engines
from streamauth.errors import MicrophoneAbsent, StreamAuthError
from streamauth.login import protocol
from streamauth.login.client import LoginClient
from streamauth.login.daemon import Daemon, own_listener
from streamauth.login.state import DaemonState
from streamauth.login.users import TENANT, UnixUser
from streamauth.login.voices import LoginVoices, MicrophoneChoice
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, fake_models, pause, pcm, say

FORMAT = AudioFormat(16_000)
CHUNK_BYTES = 3200
PHRASE = "open the front door please"
OWNER, OTHER = 1, 6


class FakeEngines(Engines):
    """The fakes in place of what the settings name."""

    def __init__(self, settings: Settings, encoder: FakeEncoder | None = None) -> None:
        super().__init__(settings)
        self.loaded = fake_models(encoder)

    def models(self, *, with_words: bool, locale: str | None = None) -> Models:
        return self.loaded

    def encoder(self) -> SpeakerEncoder:
        return self.loaded.encoder

    def recognizer(self, locale: str | None = None) -> PhraseRecognizer:
        assert self.loaded.recognizer is not None
        return self.loaded.recognizer


@dataclass
class FakeMicrophone:
    """Plays what it is given, then faint noise for ever.

    Attributes:
        audio: To play at the next opening, PCM of ``FORMAT``.
        error: Raised at the next opening instead.
        dies: Raised when the audio is over.
        pace: Of real time; 0 plays at once and then ends.
        opened: How often it was opened.
        first_byte_at_s: When the first chunk was given, by time.monotonic.
    """

    audio: bytes = b""
    error: StreamAuthError | None = None
    dies: StreamAuthError | None = None
    pace: float = 0.0
    opened: int = 0
    in_use: bool = False
    format: AudioFormat = FORMAT
    noise: bytes = field(default_factory=lambda: pcm(pause(0.1)))

    @contextmanager
    def open(self) -> Iterator["FakeMicrophone"]:
        if self.error is not None:
            raise self.error
        assert not self.in_use, "two at the microphone"
        self.opened += 1
        self.in_use = True
        try:
            yield self
        finally:
            self.in_use = False

    def check(self, name: str) -> None:
        if name != "fake":
            raise MicrophoneAbsent

    def described(self) -> MicrophoneChoice:
        return MicrophoneChoice(("fake", "other"), "fake", "It is the only one.")

    def __iter__(self) -> Iterator[bytes]:
        began_s = time.monotonic()
        for number, at in enumerate(range(0, len(self.audio), CHUNK_BYTES)):
            if self.pace:
                time.sleep(max(0.0, began_s + (number + 1) * 0.1 / self.pace - time.monotonic()))
            yield self.audio[at : at + CHUNK_BYTES]
        if self.dies is not None:
            raise self.dies
        while self.pace:
            time.sleep(0.1 / self.pace)
            yield self.noise


def settings(**values: Any) -> Settings:
    """Quick to enroll; a few values replaced."""
    fresh: dict[str, Any] = {"enrollment": {"text_independent_speech_s": 3.0}, "replay": {"refuse": False}}
    return Settings().with_values(fresh | values, "test")


def me() -> UnixUser:
    """The user that the tests run as."""
    import pwd

    entry = pwd.getpwuid(os.getuid())
    return UnixUser(entry.pw_name, entry.pw_uid)


def spoken(text: str, speaker: int = OWNER) -> bytes:
    """Words, or digits as they are shown, said by a speaker."""
    words = " ".join(DIGITS[int(word)] if word.isdecimal() else word for word in text.split())
    return pcm(pause(0.4), say(words, speaker), pause(0.6))


FREE_SPEECH = " ".join(("open the front door please close window my voice is key",) * 3)


def free_speech(speaker: int = OWNER) -> bytes:
    """Enough for an enrollment without a phrase."""
    return pcm(pause(0.4), say(FREE_SPEECH, speaker), pause(0.8))


@dataclass
class Rig:
    """A daemon that runs.

    Attributes:
        path: Of its socket.
        voices: Its voices.
        microphone: Its microphone.
        state: Which services may ask.
    """

    path: Path
    voices: LoginVoices
    microphone: FakeMicrophone
    state: DaemonState
    daemon: Daemon

    @property
    def authenticator(self) -> Authenticator:
        return self.voices.authenticator

    def failures(self, user: UnixUser | None = None) -> int:
        return self.voices.standing(user or me()).failures


def enroll(authenticator: Authenticator, user: UnixUser, speaker: int = OWNER, phrase: str | None = None) -> None:
    """Put a voice into the store, as `streamauth login setup` does."""
    attempt = authenticator.enroll(user.profile, FORMAT, phrase=phrase, text_independent=phrase is None, tenant=TENANT)
    audio = free_speech(speaker) if phrase is None else spoken(phrase, speaker) * 3
    with attempt:
        attempt.receive_audio(audio)
        assert attempt.session.complete
        assert attempt.error is None


@cache
def _enrolled(phrase: str | None) -> Path:
    """A data folder that knows this user, made once and copied for each test."""
    home = Path(mkdtemp())
    atexit.register(shutil.rmtree, home)
    with Store.open(home, settings().store) as store:
        voices = LoginVoices(Authenticator(store, FakeEngines(settings()), settings()), FakeMicrophone())
        enroll(voices.authenticator, me(), phrase=phrase)
    return home


@contextmanager
def running(
    folder: Path,
    configuration: Settings | None = None,
    *,
    encoder: FakeEncoder | None = None,
    phrase: str | None = None,
) -> Iterator[Rig]:
    """A daemon in a thread, with this user enrolled and ``sudo`` enabled."""
    configuration = configuration or settings()
    microphone = FakeMicrophone()
    shutil.copytree(_enrolled(phrase), folder / "home")
    with Store.open(folder / "home", configuration.store) as store:
        authenticator = Authenticator(store, FakeEngines(configuration, encoder), configuration)
        voices = LoginVoices(authenticator, microphone)
        state = DaemonState(folder / "home" / "login.json")
        state.enable("sudo", True)
        path = folder / "run" / "login.sock"
        daemon = Daemon(own_listener(path), voices, state, configuration.login)
        thread = Thread(target=daemon.run)
        thread.start()
        try:
            yield Rig(path, voices, microphone, state, daemon)
        finally:
            daemon.stop()
            thread.join(timeout=60)
            assert not thread.is_alive()


def login(rig: Rig, speaker: int = OWNER, say: str | None = None, service: str = "sudo") -> protocol.Judged:
    """Log this user in: the digits, or other words, said by a speaker."""
    with LoginClient(rig.path) as client:
        asked = client.ask(me().name, service)
        rig.microphone.audio = spoken(say or asked.say, speaker)
        return client.listen()
