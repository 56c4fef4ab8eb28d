"""Real-time streaming voice authentication: who speaks, and what is said.

The public names are resolved at first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamauth.version import __version__ as __version__

if TYPE_CHECKING:
    from streamauth.client import EndUtterance, Mode, Start, stream, stream_sync
    from streamauth.core.audio.pcm import AudioFormat
    from streamauth.core.events import Decided, Event, Reason, Verdict
    from streamauth.errors import StreamAuthError
    from streamauth.service.authenticator import Authenticator
    from streamauth.settings import Settings, load_settings

_HOMES = {
    "AudioFormat": "streamauth.core.audio.pcm",
    "Authenticator": "streamauth.service.authenticator",
    "Decided": "streamauth.core.events",
    "EndUtterance": "streamauth.client",
    "Event": "streamauth.core.events",
    "Mode": "streamauth.client",
    "Reason": "streamauth.core.events",
    "Settings": "streamauth.settings",
    "Start": "streamauth.client",
    "StreamAuthError": "streamauth.errors",
    "Verdict": "streamauth.core.events",
    "load_settings": "streamauth.settings",
    "stream": "streamauth.client",
    "stream_sync": "streamauth.client",
}

__all__ = [  # noqa: RUF022 - in the order a reader meets them
    "Authenticator",
    "AudioFormat",
    "Event",
    "Decided",
    "Verdict",
    "Reason",
    "stream",
    "stream_sync",
    "Start",
    "Mode",
    "EndUtterance",
    "Settings",
    "load_settings",
    "StreamAuthError",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'streamauth' has no attribute {name!r}")
