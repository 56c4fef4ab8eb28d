"""Settings of the microphone login."""

from dataclasses import dataclass

from streamauth.core.settings import Section, setting


@dataclass(frozen=True)
class LoginSettings(Section):
    """How people log in to this machine by voice."""

    device: str = setting("", "Microphone of logins, by its ALSA name or a part of it; empty takes the default")
    digits: int = setting(4, "Random digits that are asked for at a login", unit="digits", low=4, high=12)
    max_listen_s: float = setting(12.0, "Longest time that one login listens", unit="s", low=3, high=60)
    silence_s: float = setting(5.0, "Time after which a login without any speech is over", unit="s", low=1, high=30)
    max_connections: int = setting(32, "Programs that ask the daemon at the same time", low=1, high=1000)
    max_connections_per_user: int = setting(4, "Most of these for one user other than root", low=1, high=1000)
