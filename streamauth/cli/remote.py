"""Runs an attempt on a server, for ``stream`` and ``demo``."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from streamauth.client import Start, stream_sync
from streamauth.core.audio.pcm import PcmInput
from streamauth.core.events import Decided, Event
from streamauth.errors import ServerUnreachable


def decide_remotely(
    url: str,
    start: Start,
    chunks: Iterable[PcmInput],
    speed: float,
    on_event: Callable[[Event], None],
    *,
    api_key: str | None = None,
    authorities: Path | None = None,
    certificate: Path | None = None,
) -> Decided:
    """Stream audio to a server until it decides; the decision.

    Args:
        url: The server's streaming endpoint.
        start: What for, and the format of the audio.
        chunks: The audio.
        speed: Times real-time pace; 0 sends as fast as the server takes it.
        on_event: Told every event.
        api_key: What the server knows this program by.
        authorities: File of the certificates to trust.
        certificate: File of this device's own certificate and key.

    Raises:
        StreamAuthError: The server cannot be reached, or ended the session with an error.
    """
    trust = {"authorities": authorities, "certificate": certificate}
    messages = stream_sync(url, start, _as_bytes(chunks), pace=speed or None, api_key=api_key, **trust)
    for message in messages:
        if isinstance(message, Event):
            on_event(message)
        if isinstance(message, Decided):
            return message
    raise ServerUnreachable("The server ended the session without a decision. Nothing was accepted.")


def _as_bytes(chunks: Iterable[PcmInput]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk.tobytes() if isinstance(chunk, np.ndarray) else bytes(chunk)
