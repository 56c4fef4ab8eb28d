"""A decoder process whose decoder does what the file's text says: the worst that a broken library could do."""

import ctypes
import os
import socket
import sys
import time
from pathlib import Path

import numpy as np

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.sources import AudioSource, Chunks
from streamauth.sources.decoder_process import main


def _open(path: Path, max_s: float) -> AudioSource:
    deed, _, where = path.read_text().removeprefix("fLaC ").partition(" ")

    def chunks() -> Chunks:
        yield bytes(3200)
        _do(deed, where)
        yield bytes(3200)

    return AudioSource(AudioFormat(16_000, 1, Encoding.S16LE), chunks(), 0.2)


def _do(deed: str, where: str) -> None:
    match deed:
        case "crash":
            ctypes.string_at(0)
        case "sleep":
            time.sleep(60)
        case "spin":
            while True:
                pass
        case "eat":
            np.ones(2**28).sum()
        case "write":
            Path(where).write_text("here I was")
        case "read":
            Path(where).read_text()
        case "append":
            os.write(os.open(where, os.O_WRONLY | os.O_APPEND), b"x" * 10)
        case "connect":
            host, port = where.split(":")
            socket.socket().connect((host, int(port)))
        case "fork":
            os.fork()
        case "run":
            os.execv("/bin/sh", ["sh", "-c", f"echo > {where}"])  # noqa: S606
        case "signal":
            os.kill(int(where), 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), _open)
