"""Settings of downloading models."""

from dataclasses import dataclass

from streamauth.core.settings import Section, fixed, setting


@dataclass(frozen=True)
class ModelSettings(Section):
    """Download and unpacking of models."""

    mirror: str = setting("", "Folder or URL that models are taken from instead of their own addresses")
    proxy: str = setting("", "URL of an HTTP proxy; empty means the one of the environment (HTTPS_PROXY, NO_PROXY)")
    timeout_s: float = setting(30.0, "Longest wait for an answer, or for its next part", unit="s", low=0.1, high=3600)
    tries: int = fixed(5, "Times that a download which failed is tried")
    max_download_mb: float = setting(
        4096.0, "Largest download where its size is not known", unit="MB", low=0.001, high=1_000_000
    )
    max_unpacked_mb: float = setting(8192.0, "Largest content of an archive", unit="MB", low=0.001, high=1_000_000)
    max_unpacked_files: int = setting(2000, "Most files in an archive", low=1, high=1_000_000)
    min_free_mb: float = setting(200.0, "Disk space that stays free", unit="MB", low=0, high=1_000_000)
