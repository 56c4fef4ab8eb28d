"""Every setting: name, default, unit, range and help, in one place.

A value comes from, in rising order of strength: the default here, ``config.toml`` in the data folder
(``[section]`` then ``name = value``), the environment (``STREAMAUTH_SECTION_NAME``), the command line.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from streamauth.core.settings import (
    AdaptationSettings,
    AttemptSettings,
    AudioSettings,
    CoreSettings,
    DecisionSettings,
    EnrollmentSettings,
    PhraseSettings,
    PromptSettings,
    ReplaySettings,
    Section,
    SpeechSettings,
    VoiceSettings,
    cast,
    is_setting,
)
from streamauth.errors import BadSetting
from streamauth.settings.access import AccessSettings
from streamauth.settings.azure import AzureSettings
from streamauth.settings.doors import DoorSettings, KioskSettings
from streamauth.settings.downloads import ModelSettings
from streamauth.settings.hosting import ServerSettings, StoreSettings
from streamauth.settings.login import LoginSettings
from streamauth.settings.microphone import MicrophoneSettings

__all__ = [
    "AccessSettings",
    "AdaptationSettings",
    "AttemptSettings",
    "AudioSettings",
    "AzureSettings",
    "DecisionSettings",
    "DoorSettings",
    "EnrollmentSettings",
    "KioskSettings",
    "LoginSettings",
    "MicrophoneSettings",
    "ModelSettings",
    "PhraseSettings",
    "PromptSettings",
    "ReplaySettings",
    "ServerSettings",
    "Settings",
    "SpeechSettings",
    "StoreSettings",
    "VoiceSettings",
    "all_settings",
    "data_folder",
    "environment_name",
    "key_folder",
    "load_settings",
    "origins",
]

_PREFIX = "STREAMAUTH_"
OTHER_VARIABLES = frozenset(f"{_PREFIX}{name}" for name in ("HOME", "MODELS", "API_KEY", "URL", "SEALING_KEY"))
"""Variables that are no settings: folders, secrets, and where programs beside the product look."""
_NEARLY = 0.8  # STREAMAUT, STEAMAUTH and STREMAUTH are above, AUTH and STREAM below


@dataclass(frozen=True)
class Settings(CoreSettings):
    """All settings."""

    server: ServerSettings = field(default_factory=ServerSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    azure: AzureSettings = field(default_factory=AzureSettings)
    login: LoginSettings = field(default_factory=LoginSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    door: DoorSettings = field(default_factory=DoorSettings)
    kiosk: KioskSettings = field(default_factory=KioskSettings)
    microphone: MicrophoneSettings = field(default_factory=MicrophoneSettings)

    def with_values(self, values: Mapping[str, Mapping[str, Any]], origin: str) -> "Settings":
        """A copy with values replaced, given as ``{section: {name: value}}``.

        Raises:
            BadSetting: Unknown section or name, wrong type, or out of range; ``origin`` is named in the message.
        """
        changed: dict[str, Any] = {}
        for section_name, pairs in values.items():
            section = getattr(self, section_name, None)
            if not isinstance(section, Section) or not isinstance(pairs, Mapping):
                raise BadSetting(f"{origin}: there is no section of settings called {section_name!r}.")
            known = {item.name: item for item in fields(section) if is_setting(item)}  # type: ignore[arg-type]
            for name in pairs:
                if name not in known:
                    raise BadSetting(f"{origin}: there is no setting {section_name}.{name}.")
            try:
                fresh = {name: cast(known[name], value) for name, value in pairs.items()}
                changed[section_name] = replace(section, **fresh)  # type: ignore[type-var]
            except BadSetting as error:
                raise BadSetting(f"{origin}: {section_name}.{error.message}") from None
        return replace(self, **changed)


def all_settings() -> Iterator[tuple[str, "Field[Any]"]]:
    """Every setting as (section name, field), in order."""
    defaults = Settings()
    for section in fields(defaults):
        for item in filter(is_setting, fields(getattr(defaults, section.name))):
            yield section.name, item


def environment_name(section: str, name: str) -> str:
    """The environment variable of a setting."""
    return f"STREAMAUTH_{section}_{name}".upper()


def data_folder() -> Path:
    """``$STREAMAUTH_HOME``, else the usual data folder of the platform; not created here."""
    if home := os.environ.get("STREAMAUTH_HOME"):
        return Path(home)
    from platformdirs import user_data_path

    return user_data_path("streamauth")


def key_folder(home: Path) -> Path:
    """Where the sealing key of a data folder is made where no setting says so; not created here.

    Outside of the usual data folder, so that a copy of that is worthless by itself: ``/etc/streamauth`` for root, else
    the platform's folder of settings. In a folder that was chosen (``$STREAMAUTH_HOME``) the key is inside, so that the
    folder is complete.
    """
    if os.environ.get("STREAMAUTH_HOME") or home != data_folder():
        return home
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/etc/streamauth")
    from platformdirs import user_config_path

    return user_config_path("streamauth")


def load_settings(home: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from defaults, ``config.toml`` and the environment.

    Raises:
        BadSetting: A value is unknown, of a wrong type or out of range.
    """
    settings = Settings()
    for values, origin in _layers(home, os.environ if environment is None else environment):
        settings = settings.with_values(values, origin)
    return settings


def origins(home: Path | None = None, environment: Mapping[str, str] | None = None) -> dict[tuple[str, str], str]:
    """Where each setting that is not at its default comes from, by section and name: a file or a variable.

    Raises:
        BadSetting: As of ``load_settings``.
    """
    found: dict[tuple[str, str], str] = {}
    for values, origin in _layers(home, os.environ if environment is None else environment):
        Settings().with_values(values, origin)
        found.update({(section, name): origin for section, pairs in values.items() for name in pairs})
    return found


def _layers(home: Path | None, environment: Mapping[str, str]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Values and where they come from, weakest first."""
    path = (home or data_folder()) / "config.toml"
    if path.is_file():
        try:
            yield tomllib.loads(path.read_text("utf-8")), path.name
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise BadSetting(f"{path.name} cannot be read: {error}") from None
    known = {environment_name(section, item.name): (section, item.name) for section, item in all_settings()}
    tails = tuple(_folded(f"{section}{item}") for section, item in known.values())
    for name in environment:
        if name not in known and name not in OTHER_VARIABLES and _is_meant_for_us(name, tails):
            # ignored, a misspelled name would leave a lower security in place, in silence
            from difflib import get_close_matches  # takes long to import, and is hardly ever needed

            meant = get_close_matches(name.upper(), [*known, *OTHER_VARIABLES], 1, 0.75)
            raise BadSetting(
                f"{name}: there is no such setting. {f'Did you mean {meant[0]}? ' if meant else ''}"
                "`streamauth config show` lists all; unset the variable or correct it."
            )
    for name, (section, item_name) in known.items():
        if name in environment:
            yield {section: {item_name: environment[name]}}, name


def _is_meant_for_us(name: str, tails: tuple[str, ...]) -> bool:
    """Whether a variable is one of ours by its prefix, or by a setting's name behind a prefix that is nearly ours."""
    if name.upper().startswith(_PREFIX):
        return True
    folded = _folded(name)
    if name.startswith("_") or not folded.endswith(tails):
        return False
    from difflib import SequenceMatcher

    prefix = _folded(_PREFIX)
    heads = (folded.removesuffix(tail) for tail in tails if folded.endswith(tail))
    return any(SequenceMatcher(None, head, prefix).ratio() > _NEARLY for head in heads)


def _folded(name: str) -> str:
    return name.upper().replace("_", "")
