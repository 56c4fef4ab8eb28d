"""The daemon of the tests with real sudo: the product's own, on fake engines and a controlled microphone.

``control.json`` in its folder tells what the next openings of the microphone do: ``pcm`` is played at real-time pace
and followed by faint noise, ``error`` names an error to raise, ``die_after_s`` unplugs it.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamauth import errors
from streamauth.login.daemon import serve
from streamauth.login.state import DaemonState
from streamauth.login.users import unix_user
from streamauth.login.voices import LoginVoices, MicrophoneChoice
from streamauth.service.authenticator import Authenticator
from streamauth.store.store import Store
from tests.fakes import pause, pcm
from tests.login.machine import USERS
from tests.login.rig import CHUNK_BYTES, FORMAT, PHRASE, FakeEngines, enroll, settings

CHUNK_S = 0.1


class ControlledMicrophone:
    """See above."""

    format = FORMAT

    def __init__(self, folder: Path) -> None:
        self._file = folder / "control.json"
        self._control: dict[str, Any] = {}

    @contextmanager
    def open(self) -> Iterator["ControlledMicrophone"]:
        self._control = json.loads(self._file.read_text())
        if name := self._control.get("error"):
            raise getattr(errors, name)
        yield self

    def __iter__(self) -> Iterator[bytes]:
        audio = Path(self._control["pcm"]).read_bytes() if "pcm" in self._control else b""
        noise, began_s, number = pcm(pause(CHUNK_S)), time.monotonic(), 0
        while True:
            number += 1
            time.sleep(max(0.0, began_s + number * CHUNK_S - time.monotonic()))
            if number * CHUNK_S >= self._control.get("die_after_s", 1e9):
                raise errors.MicrophoneUnplugged
            chunk = audio[(number - 1) * CHUNK_BYTES : number * CHUNK_BYTES]
            yield chunk.ljust(CHUNK_BYTES, b"\0") if self._control.get("zeros") else chunk or noise

    def check(self, name: str) -> None:
        raise errors.MicrophoneAbsent

    def described(self) -> MicrophoneChoice:
        return MicrophoneChoice(("fake",), "fake", "It is the only one.")


def main(folder: Path, *options: str) -> None:
    logging.basicConfig(format="%(message)s")
    attempts = {"free_failures": 5, "lock_after": 2 if "lock" in options else 10}
    configuration = settings(attempts=attempts, login={"silence_s": 1.5})
    home = folder / ("home-" + "-".join(options))
    with Store.open(home, configuration.store) as store:
        authenticator = Authenticator(store, FakeEngines(configuration), configuration)
        voices = LoginVoices(authenticator, ControlledMicrophone(folder))
        for name, (_, speaker) in USERS.items():
            user = unix_user(name)
            if not voices.standing(user).enrolled:
                enroll(authenticator, user, speaker, phrase=PHRASE if "phrase" in options else None)
        state = DaemonState(home / "login.json")
        for service in () if "bare" in options else ("sudo", "su", "su-l", "sshd"):
            state.enable(service, True)
        serve(voices, state, None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
