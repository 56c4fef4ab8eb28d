"""The process that decodes files of strangers: it forks one confined child for each, and touches none itself.

Started by ``sources.decoders`` with one end of a socket. For each file comes a line of JSON with two descriptors: the
file, and where the samples go, as frames of a kind (one byte), a length (four) and a body: ``h`` header, ``a`` samples,
``e`` error, ``z`` end.
"""

import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from streamauth.errors import AudioError, DecoderFailed
from streamauth.sources import AudioSource
from streamauth.sources.confinement import confine
from streamauth.sources.files import open_audio

HEAD = struct.Struct(">cI")
"""Of a frame: its kind, and the length of what follows."""

Open = Callable[[Path, float], AudioSource]
_MOST_REQUEST_BYTES = 4096
_DESCRIPTORS = 16


def main(handle: int, opener: Open | None = None) -> None:
    """Serve until the other side is gone.

    Args:
        handle: Descriptor of the socket.
        opener: Opens a file, given its path and the longest audio in seconds.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal; whoever started this ends it by hanging up
    _load()
    with socket.socket(fileno=handle) as asked:
        while True:
            request, descriptors, _, _ = socket.recv_fds(asked, _MOST_REQUEST_BYTES, 2)
            if len(descriptors) != 2:
                return
            if not os.fork():
                asked.detach()
                _child(json.loads(request), descriptors[0], descriptors[1], opener or _opened)
            for descriptor in descriptors:
                os.close(descriptor)


def _child(request: dict[str, float], file: int, out: int, opener: Open) -> None:
    """Decode one file; never returns."""
    try:
        os.closerange(3, min(file, out))
        os.closerange(min(file, out) + 1, max(file, out))
        os.closerange(max(file, out) + 1, max(file, out) + 64)
        memory_bytes, cpu_s = int(request["memory_mb"] * 1e6), int(request["cpu_s"]) + 1
        confine(file, memory_bytes=memory_bytes, cpu_s=cpu_s, descriptors=out + _DESCRIPTORS)
        # a library that sleeps or waits is ended by this; where the reader is slow, the time begins anew
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        with socket.socket(fileno=out) as peer:
            try:
                signal.setitimer(signal.ITIMER_REAL, request["step_s"])
                with opener(Path(f"/proc/self/fd/{file}"), request["max_s"]) as source:
                    _send(peer, b"h", json.dumps(_described(source)).encode())
                    for chunk in source:
                        signal.setitimer(signal.ITIMER_REAL, 0)
                        _send(peer, b"a", chunk)
                        signal.setitimer(signal.ITIMER_REAL, request["step_s"])
                _send(peer, b"z", b"")
            except (MemoryError, Exception) as error:
                told = error if isinstance(error, AudioError) else DecoderFailed()
                _send(peer, b"e", json.dumps(told.as_dict()).encode())
    finally:
        os._exit(0)


def _opened(path: Path, max_s: float) -> AudioSource:
    return open_audio(path, max_s=max_s)


def _described(source: AudioSource) -> dict[str, object]:
    layout = source.format
    return {
        "rate": layout.sample_rate_hz,
        "channels": layout.channels,
        "encoding": layout.encoding.value,
        "duration_s": source.duration_s,
    }


def _send(peer: socket.socket, kind: bytes, body: bytes) -> None:
    peer.sendall(HEAD.pack(kind, len(body)) + body)


def _load() -> None:
    """Import all that a child needs, as it cannot open any file."""
    import streamauth.sources.libsndfile
    import streamauth.sources.media
    import streamauth.sources.wav

    streamauth.sources.libsndfile.warm_up()
    streamauth.sources.media.warm_up()


if __name__ == "__main__":
    main(int(sys.argv[1]))
