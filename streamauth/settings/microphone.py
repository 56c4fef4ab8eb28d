"""Settings of the microphone of this machine."""

from dataclasses import dataclass

from streamauth.core.settings import Section, setting


@dataclass(frozen=True)
class MicrophoneSettings(Section):
    """The microphone of ``listen`` and of ``--mic``."""

    device: str = setting("", "Microphone by name, a part of it, or number, where --device is not given")
