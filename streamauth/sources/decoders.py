"""Files of strangers, decoded in a confined process: what a decoder does wrong ends it, and not the server.

Data path: **file** -> child of ``decoder_process`` -> chunks -> PcmDecoder. WAV of plain PCM needs no library and is
read in this process. Where the system is not Linux, there is no such process, and all is decoded here.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.errors import AudioError, DecoderFailed, StreamAuthError, all_errors
from streamauth.sources import AudioSource, Chunks, too_long
from streamauth.sources.decoder_process import HEAD

_MODULE = "streamauth.sources.decoder_process"
_MOST_FRAME_BYTES = 16_777_216
_SPARE_S = 5.0


class Decoders:
    """Confined processes that decode; threads may share it. The one that makes them starts with the first file.

    Args:
        memory_mb: Memory of one that decodes, in 10^6 bytes.
        step_s: Longest time until its next samples, and its processor time for each minute of audio, in seconds.
        module: What runs in the process.
    """

    def __init__(self, *, memory_mb: float, step_s: float, module: str = _MODULE) -> None:
        self._memory_mb = memory_mb
        self._step_s = step_s
        self._module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._asking: socket.socket | None = None

    @staticmethod
    def available() -> bool:
        """Whether this system has what it takes."""
        return sys.platform == "linux"

    def open(self, path: Path, max_s: float) -> AudioSource:
        """Open a file of any kind; errors as of ``open_audio``, also while reading.

        Raises:
            DecoderFailed: The process that decoded it was ended, or took too long.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                ours.settimeout(self._step_s + _SPARE_S)
                request = {
                    "max_s": max_s,
                    "memory_mb": self._memory_mb,
                    "step_s": self._step_s,
                    "cpu_s": self._step_s * (1 + max_s / 60),
                }
                self._ask(path, request, theirs)
            frames = _frames(ours)
            header = json.loads(next(frames))
            layout = AudioFormat(header["rate"], header["channels"], Encoding(header["encoding"]))
            return _Decoded(layout, _chunks(frames, layout, max_s), header["duration_s"], ours)
        except (OSError, ValueError, KeyError, TypeError, StopIteration):
            ours.close()
            raise DecoderFailed from None
        except StreamAuthError:
            ours.close()
            raise

    def close(self) -> None:
        """End the process; a file that is being read is read to its end."""
        with self._lock:
            self._end()

    def _ask(self, path: Path, request: dict[str, float], out: socket.socket) -> None:
        file = os.open(path, os.O_RDONLY)
        try:
            with self._lock:
                for again in (True, False):
                    try:
                        socket.send_fds(self._started(), [json.dumps(request).encode()], [file, out.fileno()])
                        return
                    except OSError:
                        self._end()
                        if not again:
                            raise
        finally:
            os.close(file)

    def _started(self) -> socket.socket:
        if self._asking is None or self._process is None or self._process.poll() is not None:
            self._end()
            self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            package = Path(__file__).parents[2]
            environment = {"PYTHONPATH": os.pathsep.join((str(package), *filter(None, sys.path)))}
            environment |= {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
            environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", self._module, str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # libraries print what they find in files there
                    env=environment,
                )
        return self._asking

    def _end(self) -> None:
        if self._asking is not None:
            self._asking.close()
            self._asking = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_SPARE_S)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process = None


class _Decoded(AudioSource):
    """Audio from another process.

    Args:
        peer: Where it comes from; closed with the source, also where nothing of it was read.
    """

    def __init__(self, layout: AudioFormat, chunks: Chunks, duration_s: float | None, peer: socket.socket) -> None:
        super().__init__(layout, chunks, duration_s)
        self._peer = peer

    def close(self) -> None:
        """See AudioSource."""
        super().close()
        self._peer.close()


def _chunks(frames: Iterator[bytes], layout: AudioFormat, max_s: float) -> Chunks:
    left = round(max_s * layout.sample_rate_hz + 1) * layout.frame_bytes
    try:
        for chunk in frames:
            left -= len(chunk)
            if left < 0:
                raise too_long(max_s)
            yield chunk
    except OSError:
        raise DecoderFailed from None


def _frames(peer: socket.socket) -> Iterator[bytes]:
    """The bodies of header and samples, up to the end.

    Raises:
        AudioError: What the process says of the file.
        DecoderFailed: It ended without a word, or says what it may not.
    """
    while True:
        kind, size = HEAD.unpack(_exactly(peer, HEAD.size))
        if size > _MOST_FRAME_BYTES:
            raise DecoderFailed
        body = _exactly(peer, size)
        if kind == b"z":
            return
        if kind == b"e":
            raise _error_of(json.loads(body))
        yield body


def _exactly(peer: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        if not (got := peer.recv(min(size - len(parts), 262_144))):
            raise DecoderFailed
        parts += got
    return bytes(parts)


def _error_of(told: dict[str, Any]) -> AudioError:
    kind = next((kind for kind in all_errors() if kind.code == told["code"] and issubclass(kind, AudioError)), None)
    return DecoderFailed() if kind is None else kind(str(told["message"])[:500])
