"""``streamauth`` on files and on a microphone: exit code and the one JSON object."""

import contextlib
import io
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from streamauth.cli.main import main
from tests.golden.fixed import environment, masked
from tests.golden.speech import PHRASE, RATE_HZ, Pcm, clip, file, join, pause, prompt_of_slt, wav

Json = dict[str, Any]


def run(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and standard output of a command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue()
    raise AssertionError("a command ends with SystemExit")


def told(*arguments: str | Path) -> Json:
    """Exit code and JSON object of a command; of a live one the last, which comes after the events."""
    code, out = run(*arguments, "--json")
    *events, line = out.splitlines()
    assert not events or "--mic" in arguments or arguments[0] == "listen"
    return {"exit": code, "out": json.loads(line)}


def _scenes(*wanted: tuple[str, ...] | tuple[str | Path, ...]) -> Json:
    return {str(title): masked(told(*arguments)) for title, *arguments in wanted}


def _file_of(home: Path, name: str, samples: Pcm) -> Path:
    path = home / f"{name}.wav"
    path.write_bytes(wav(samples))
    return path


def record_enroll(home: Path) -> Json:
    """Enrollments; they must come before all others."""
    with environment(home):
        home.mkdir(parents=True, exist_ok=True)
        free = _file_of(home, "free", clip("rms/long-1")[: 10 * RATE_HZ])
        return _scenes(
            ("phrase", "enroll", "ada", *(file(f"slt/door-{number}") for number in (1, 2, 3)), "--phrase", PHRASE),
            ("text-independent", "enroll", "bob", free, "--text-independent"),
            ("other words", "enroll", "dan", file("slt/coffee"), "--phrase", PHRASE),
            ("profiles", "profiles", "show", "ada"),
        )


def record_attempts(home: Path) -> Json:
    """Verification and identification of files."""
    with environment(home):
        return _scenes(
            ("verify, accept", "verify", "ada", file("slt/door-4")),
            ("verify, other voice", "verify", "ada", file("awb/door-4")),
            ("verify, voice only", "verify", "bob", file("rms/long-2")),
            ("identify", "identify", file("rms/long-2")),
            ("no such file", "verify", "ada", home / "nothing.wav"),
            ("no such person", "verify", "zoe", file("slt/door-4")),
        )


def record_words(home: Path) -> Json:
    """Phrases and prompts on files."""
    scenes: Json = {}
    with environment(home):
        said = _file_of(home, "prompt", prompt_of_slt())
        drawn = told("prompt", "new", "ada")
        scenes["prompt, new"] = masked(drawn)
        both = _file_of(home, "both", join(clip("slt/door-4"), prompt_of_slt()))
        scenes["verify, prompt"] = masked(told("verify", "ada", both, "--prompt", drawn["out"]["prompt"]))
        scenes["verify, prompt used up"] = masked(told("verify", "ada", both, "--prompt", drawn["out"]["prompt"]))
        scenes["prompt, check"] = masked(told("prompt", "check", told("prompt", "new")["out"]["prompt"], said))
        scenes["phrase"] = masked(told("phrase", PHRASE, file("slt/door-4"), file("slt/window")))
    for scene in ("prompt, check", "phrase"):
        for result in scenes[scene]["out"]["results"]:
            result["file"] = Path(result["file"]).stem
    for result in scenes["phrase"]["out"]["results"]:
        # products in 8 bits are rounded otherwise on another processor
        result["llr"] = "positive" if result["llr"] > 0 else "negative"
        result["evidence"] = sorted(result["evidence"])
    return scenes


class SoundCard(ModuleType):
    """Stands in for the package ``sounddevice``: one device that records the given audio, then nothing more.

    All audio is there at once, as a device gives it to a program that was busy. It must not be longer than what may
    wait for the program, 10 s.
    """

    class PortAudioError(Exception):
        """As in the package."""

    def __init__(self, samples: Pcm) -> None:
        super().__init__("sounddevice")
        self._samples = samples
        self.default = SimpleNamespace(device=[0, 0])

    def query_hostapis(self) -> tuple[dict[str, str], ...]:
        """As in the package."""
        return ({"name": "ALSA"},)

    def query_devices(self) -> list[dict[str, Any]]:
        """As in the package."""
        return [{"name": "Headset", "hostapi": 0, "max_input_channels": 1, "default_samplerate": float(RATE_HZ)}]

    def check_input_settings(self, **settings: Any) -> None:
        """As in the package."""
        if settings["samplerate"] != RATE_HZ or settings["channels"] != 1:
            raise self.PortAudioError("Invalid sample rate or number of channels")

    def InputStream(self, **settings: Any) -> "Recording":
        """As in the package."""
        return Recording(self._samples, settings)


class Recording:
    """A stream of the sound card."""

    def __init__(self, samples: Pcm, settings: dict[str, Any]) -> None:
        self._samples, self._settings = samples, settings
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """As in the package."""
        self._thread.start()

    def close(self, ignore_errors: bool = True) -> None:
        """As in the package."""
        self._thread.join()

    def _run(self) -> None:
        size, dtype = self._settings["blocksize"], self._settings["dtype"]
        samples = self._samples if dtype == "int16" else (self._samples / 32768).astype(dtype)
        for at in range(0, len(samples) - size + 1, size):
            block = np.ascontiguousarray(samples[at : at + size, None])
            self._settings["callback"](block, size, None, SimpleNamespace(input_overflow=False))


@contextmanager
def microphone(*parts: Pcm) -> Iterator[None]:
    """A microphone that hears these."""
    samples = join(*parts)
    assert len(samples) < 9.9 * RATE_HZ
    with patch.dict(sys.modules, {"sounddevice": SoundCard(samples)}):
        yield


def record_microphone(home: Path) -> Json:
    """Commands at the microphone, in the order in which they build on each other."""
    scenes: Json = {}

    def scene(name: str, heard: Sequence[Pcm], *arguments: str) -> None:
        with microphone(*heard):
            scenes[name] = masked(told(*arguments))

    with environment(home):
        free = [clip("awb/long-1")[: 9 * RATE_HZ], pause(0.6)]
        scene("enroll, text-independent", free, "enroll", "mia", "--text-independent", "--mic")
        scene("verify, accept", [clip("slt/door-4"), pause(2)], "verify", "ada", "--mic")
        scene("listen, accept", [clip("slt/door-4"), pause(2)], "listen", "ada")
        scene("listen, prompt", [prompt_of_slt()], "listen", "bob", "--new-prompt", "words")
        scene("identify", [clip("rms/long-2")[: 9 * RATE_HZ]], "identify", "--mic", "--among", "ada,bob")
    return scenes
