"""What a login by voice costs: time from the last word to the verdict, the daemon's idle CPU, its memory.

python -m scripts.measure.login [--times 5] [--idle 20]

The real models, the daemon and its client; the microphone is a file at real-time pace, a phrase of the demo's voices.
"""

import argparse
import os
import pwd
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import psutil
import soundfile
from numpy.typing import NDArray

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided
from streamauth.demo_data import demo_utterances
from streamauth.errors import LoginDaemonAbsent
from streamauth.login.client import LoginClient
from streamauth.login.daemon import Daemon, own_listener
from streamauth.login.state import OWN_SERVICE, DaemonState
from streamauth.login.users import TENANT, unix_user
from streamauth.login.voices import LoginVoices, MicrophoneChoice
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings

VOICE = "slt"
PHRASE = "please open the door and let me come in"
FORMAT = AudioFormat(16_000)
CHUNK = 480


def _settings() -> Settings:
    # the same recording again and again is what a replay is
    return Settings().with_values({"replay": {"refuse": False}}, "measure")


def demo(name: str) -> NDArray[np.int16]:
    """A demo utterance, shape (n,), int16 at 16 kHz."""
    samples, _ = soundfile.read(demo_utterances()[VOICE, name].path, dtype="int16")
    return np.asarray(samples, np.int16)


def last_word(samples: NDArray[np.int16]) -> int:
    """Where speech ends: the last sample over -40 dBFS."""
    return int(np.flatnonzero(np.abs(samples.astype(np.int32)) > 328)[-1]) + 1


class PacedMicrophone:
    """Plays samples at real-time pace, then faint noise; remembers when the last word was over."""

    format = FORMAT

    def __init__(self, samples: NDArray[np.int16]) -> None:
        noise = np.random.default_rng(1).normal(0, 3, 16_000 * 5).astype(np.int16)
        self.samples = np.concatenate([samples, noise])
        self._spoken = last_word(samples)
        self.spoken_at_s = 0.0

    @contextmanager
    def open(self) -> Iterator["PacedMicrophone"]:
        """See ``Microphones``."""
        yield self

    def check(self, name: str) -> None:
        """See ``Microphones``."""

    def described(self) -> MicrophoneChoice:
        """See ``Microphones``."""
        return MicrophoneChoice(("file",), "file", "It is a file.")

    def __iter__(self) -> Iterator[bytes]:
        began_s = time.monotonic()
        self.spoken_at_s = began_s + self._spoken / FORMAT.sample_rate_hz
        for at in range(0, self.samples.size, CHUNK):
            time.sleep(max(0.0, began_s + (at + CHUNK) / FORMAT.sample_rate_hz - time.monotonic()))
            yield self.samples[at : at + CHUNK].tobytes()


def latencies(home: Path, times: int) -> list[float]:
    """Seconds from the last word to the verdict at the client, of accepted logins."""
    user = unix_user(pwd.getpwuid(os.getuid()).pw_name)
    authenticator = Authenticator.open(home=home, settings=_settings())
    microphone = PacedMicrophone(demo("door-4"))
    voices = LoginVoices(authenticator, microphone)
    attempt = authenticator.enroll(user.profile, FORMAT, phrase=PHRASE, tenant=TENANT)
    with attempt:
        for name in ("door-1", "door-2", "door-3"):
            attempt.receive_audio(demo(name).tobytes())
        if not attempt.session.complete:
            raise SystemExit("the demo voice could not be enrolled")
    voices.warm_up()
    path = home / "run" / "login.sock"
    daemon = Daemon(own_listener(path), voices, DaemonState(home / "login.json"), authenticator.settings.login)
    thread = Thread(target=daemon.run)
    thread.start()
    found = []
    try:
        for _ in range(times):
            with LoginClient(path) as client:
                client.ask(user.name, OWN_SERVICE, digits=False)
                verdict = client.listen().verdict
                if verdict != "accept":
                    raise SystemExit(f"a login ended with {verdict}")
                found.append(time.monotonic() - microphone.spoken_at_s)
    finally:
        daemon.stop()
        thread.join()
        authenticator.close()
    return found


def undisturbed(home: Path) -> tuple[float, float]:
    """Audio after the last word that a decision waits for, and CPU time of it, in seconds: whatever else runs here."""
    user = unix_user(pwd.getpwuid(os.getuid()).pw_name)
    microphone = PacedMicrophone(demo("door-4"))
    samples = microphone.samples
    with closing(Authenticator.open(home=home, settings=_settings())) as authenticator:
        for _ in range(2):  # the first one loads the models
            with authenticator.verify(user.profile, FORMAT, tenant=TENANT) as attempt:
                for at in range(0, samples.size, CHUNK):
                    began_s = time.process_time()
                    events = attempt.receive_audio(samples[at : at + CHUNK].tobytes())
                    cpu_s = time.process_time() - began_s
                    if any(isinstance(event, Decided) for event in events):
                        break
    return (at + CHUNK - last_word(demo("door-4"))) / FORMAT.sample_rate_hz, cpu_s


def _answers(path: Path) -> bool:
    try:
        LoginClient(path).close()
    except LoginDaemonAbsent:
        return False
    return True


def idle(home: Path, seconds: float) -> tuple[float, float]:
    """Share of one core that the idle daemon takes, and its memory in MB."""
    path = home / "idle" / "login.sock"
    command = [sys.executable, "-m", "streamauth", "login", "daemon", "--socket", str(path)]
    process = subprocess.Popen(command, env={**os.environ, "STREAMAUTH_HOME": str(home)})
    try:
        while not _answers(path):
            time.sleep(0.2)
        time.sleep(3.0)  # the models are warm
        seen = psutil.Process(process.pid)
        before = seen.cpu_times()
        time.sleep(seconds)
        after = seen.cpu_times()
        used_s = after.user + after.system - before.user - before.system
        return used_s / seconds, seen.memory_info().rss / 2**20
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="logins")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds to watch the idle daemon")
    options = parser.parse_args()
    spoken = demo("door-4")
    with tempfile.TemporaryDirectory() as folder:
        found = latencies(Path(folder), options.times)
        audio_s, cpu_s = undisturbed(Path(folder))
        share, memory = idle(Path(folder), options.idle)
    print(f"phrase of {last_word(spoken) / 16_000:.1f} s, {len(found)} logins")
    print(f"last word to verdict: median {statistics.median(found):.2f} s, slowest {max(found):.2f} s")
    print(f"of that on an idle machine: {audio_s:.2f} s of audio and {cpu_s:.2f} s of CPU")
    print(f"idle daemon: {share:.2%} of a core, {memory:.0f} MB")


if __name__ == "__main__":
    main()
