"""A sound card that is none: PulseAudio's null sink inside a test machine, seen by ALSA as ``streamauth_mic``.

What is played into the sink is recorded by the microphone, at real-time pace. Without anything played it gives zeros,
as a muted microphone does.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from streamauth.demo_data import demo_utterances
from tests.login.machine import Machine

SERVER = "unix:/run/pulse-test/native"
ENVIRONMENT = {
    "HOME": "/run/pulse-test",
    "PULSE_RUNTIME_PATH": "/run/pulse-test",
    "PULSE_LATENCY_MSEC": "40",
    "ALSA_CONFIG_PATH": "/run/pulse-test/asound.conf",
}
RATE_HZ = 16_000
_DEVICES = ("pcm.streamauth_mic", "pcm.!default")


def missing() -> list[str]:
    """What these tests need beside the machine and this one lacks."""
    import shutil

    plugin = list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
    lacking = [tool for tool in ("pulseaudio", "paplay", "flite") if shutil.which(tool) is None]
    return lacking + ([] if plugin else ["libasound2-plugins"])


class Card:
    """The sound card.

    Args:
        box: The machine that it is in.
    """

    def __init__(self, box: Machine) -> None:
        self._box = box
        self._server: subprocess.Popen[bytes] | None = None
        (plugin,) = Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")
        # PortAudio wants a default one, too
        devices = (f'{name} {{ type pulse server "{SERVER}" device "mic.monitor" }}' for name in _DEVICES)
        configuration = f'pcm_type.pulse {{ lib "{plugin}" }}\n' + "\n".join(devices) + "\n"
        box.run("sh", "-c", f"mkdir -p /run/pulse-test; cat > /run/pulse-test/asound.conf <<'E'\n{configuration}E")

    def plug_in(self) -> None:
        """Begin to record."""
        modules = (
            f"module-native-protocol-unix auth-anonymous=1 socket={SERVER.removeprefix('unix:')}",
            f"module-null-sink sink_name=mic rate={RATE_HZ} channels=1 format=s16le",
        )
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += [f"--load={module}" for module in modules]
        log = (self._box.folder / "pulse.log").open("ab")
        self._server = subprocess.Popen(self._inside(*command), stdout=log, stderr=log)
        log.close()
        deadline_s = time.monotonic() + 20
        while "S_ISSOCK" not in self._box.run("sh", "-c", f"test -S {SERVER[5:]} && echo S_ISSOCK", check=False):
            assert time.monotonic() < deadline_s
            time.sleep(0.1)

    def unplug(self) -> None:
        """It is gone."""
        if self._server is not None:
            self._box.run("sh", "-c", "kill -9 $(pidof pulseaudio)", check=False)
            self._server.wait(10)
            self._box.run("rm", "-f", SERVER[5:])
            self._server = None

    def play(self, *pieces: np.ndarray) -> subprocess.Popen[bytes]:
        """Play in the background: samples in [-1, 1], shape (n,), at ``RATE_HZ``."""
        audio = (np.clip(np.concatenate(pieces), -1, 1) * 32767).astype("<i2")
        file = self._box.folder / "play.raw"
        file.write_bytes(audio.tobytes())
        options = ("--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1", "--latency-msec=40")
        return subprocess.Popen(self._inside("paplay", f"--server={SERVER}", "--device=mic", *options, str(file)))

    def stop(self, playing: subprocess.Popen[bytes]) -> None:
        """End what is played, and what the server keeps of it."""
        self._box.run("sh", "-c", "kill $(pidof paplay)", check=False)
        playing.wait(10)

    def _inside(self, *command: str) -> list[str]:
        return self._box.inside("env", *(f"{name}={value}" for name, value in ENVIRONMENT.items()), *command)


@contextmanager
def card(box: Machine) -> Iterator[Card]:
    """A card that is plugged in."""
    made = Card(box)
    made.plug_in()
    try:
        yield made
    finally:
        made.unplug()


def quiet(seconds: float) -> np.ndarray:
    """Faint noise, shape (n,)."""
    return 1e-4 * np.random.default_rng(3).standard_normal(round(seconds * RATE_HZ))


def demo(voice: str, name: str) -> np.ndarray:
    """A demo utterance, shape (n,)."""
    samples, rate_hz = soundfile.read(demo_utterances()[voice, name].path)
    assert rate_hz == RATE_HZ
    return np.asarray(samples)


def flite(folder: Path, voice: str, text: str) -> np.ndarray:
    """Text spoken by one of flite's voices, shape (n,)."""
    file = folder / "flite.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(file)], check=True, timeout=60)
    samples, rate_hz = soundfile.read(file)
    assert rate_hz == RATE_HZ
    return np.asarray(samples)
