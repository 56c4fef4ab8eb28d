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

from streamauth.errors import BadSetting


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that knows its help text, unit and legal range."""
    return field(default=default, metadata={"help": help, "unit": unit, "low": low, "high": high, "choices": choices})


class _Section:
    """Base of the sections: checks ranges when made."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            _check(item, getattr(self, item.name))


@dataclass(frozen=True)
class AudioSettings(_Section):
    """Audio that is taken in."""

    max_attempt_s: float = setting(
        120.0, "Longest audio of one verification or identification attempt", unit="s", low=1, high=3600
    )
    max_enroll_s: float = setting(300.0, "Longest audio of one enrollment call", unit="s", low=1, high=3600)
    max_continuous_s: float = setting(43_200.0, "Longest continuous session", unit="s", low=1, high=604_800)
    max_file_mb: float = setting(512.0, "Largest audio file that is opened", unit="MB", low=0.001, high=65_536)


@dataclass(frozen=True)
class SpeechSettings(_Section):
    """Voice activity and utterance boundaries."""

    detector: str = setting("webrtc", "Voice activity detector", choices=("webrtc", "silero"))
    aggressiveness: int = setting(2, "WebRTC detector: how readily it calls a frame noise", low=0, high=3)
    onset_probability: float = setting(0.5, "Speech probability of a frame that begins speech", low=0.01, high=0.99)
    offset_probability: float = setting(
        0.35, "Speech probability under which a frame may end speech", low=0.0, high=0.99
    )
    min_speech_ms: int = setting(120, "Speech shorter than this is taken for noise", unit="ms", low=0, high=2000)
    pause_ms: int = setting(
        150, "Silence after which words that are complete are judged at once", unit="ms", low=30, high=2000
    )
    min_silence_ms: int = setting(420, "Silence that ends an utterance", unit="ms", low=30, high=5000)
    pad_ms: int = setting(90, "Audio kept as voiced on both sides of speech", unit="ms", low=0, high=1000)
    max_utterance_s: float = setting(20.0, "An utterance is cut at this length", unit="s", low=1, high=120)


@dataclass(frozen=True)
class VoiceSettings(_Section):
    """Rolling windows of the speaker encoder, over voiced audio only."""

    encoder: str = setting("ge2e", "Name of the speaker encoder in models/registry.toml")
    hop_ms: int = setting(400, "Step between two windows", unit="ms", low=50, high=5000)
    first_score_ms: int = setting(800, "Voiced audio before the first score", unit="ms", low=800, high=5000)
    threads: int = setting(1, "Threads of one encoder run", low=1, high=64)


@dataclass(frozen=True)
class PhraseSettings(_Section):
    """Pass-phrase recognition."""

    vosk_model: str = setting("", "Folder of a Vosk model to use instead of the embedded English one")
    min_llr: float = setting(
        0.5, "Likelihood ratio from which the words count as said; models without one ignore it", unit="nats",
        low=-20, high=20,
    )
    lead_ms: int = setting(240, "Audio before speech that the recognizer also hears", unit="ms", low=0, high=2000)
    patience_ms: int = setting(
        1500, "Silence after which an unfinished pass phrase is over", unit="ms", low=0, high=10_000
    )
    max_words: int = setting(20, "Longest pass phrase", unit="words", low=1, high=100)
    min_phones: int = setting(8, "Shortest pass phrase", unit="speech sounds", low=1, high=100)
    min_bits: float = setting(20.0, "Least estimated strength of a pass phrase", unit="bits", low=0, high=200)


@dataclass(frozen=True)
class PromptSettings(_Section):
    """Random prompts."""

    kind: str = setting("digits", "What prompts are made of", choices=("digits", "words"))
    digits: int = setting(6, "Digits of a prompt", unit="digits", low=4, high=12)
    words: int = setting(4, "Words of a prompt", unit="words", low=2, high=8)
    lifetime_s: float = setting(60.0, "Time to say a prompt, from when it is drawn", unit="s", low=5, high=3600)
    max_open: int = setting(8, "Prompts of one profile that may wait to be said", low=1, high=10_000)
    patience_ms: int = setting(3000, "Silence after which an unfinished prompt is over", unit="ms", low=0, high=10_000)
    stretch_margin: float = setting(
        2.5, "LLR under the threshold at which a stretch of speech is another voice", unit="nats", low=0, high=50
    )


@dataclass(frozen=True)
class EnrollmentSettings(_Section):
    """What an enrollment must bring."""

    utterances: int = setting(3, "Utterances of the pass phrase", low=1, high=20)
    min_utterance_speech_s: float = setting(0.8, "Least net speech of one utterance", unit="s", low=0.8, high=10)
    text_independent_speech_s: float = setting(
        20.0, "Net speech for a text-independent voiceprint", unit="s", low=2, high=300
    )
    min_level_dbfs: float = setting(-50.0, "Quietest mean level of speech", unit="dBFS", low=-90, high=-10)
    min_snr_db: float = setting(8.0, "Least estimated signal-to-noise ratio", unit="dB", low=-20, high=60)
    max_clipped_fraction: float = setting(0.01, "Largest share of speech samples at full scale", low=0, high=1)
    max_dc_offset: float = setting(0.3, "Largest mean of the samples, of full scale", low=0, high=1)
    consistency_far: float = setting(
        0.02, "False-accept rate at which another utterance counts as the same voice", low=1e-6, high=0.5
    )


@dataclass(frozen=True)
class DecisionSettings(_Section):
    """When to accept, when to reject, when to give up."""

    target_far: float = setting(0.01, "False-accept rate aimed at", low=1e-6, high=0.5)
    min_speech_s: float = setting(0.8, "Net speech before any accept", unit="s", low=0.8, high=30)
    decide_speech_s: float = setting(
        5.0, "Net speech at which the voice alone is decided at the latest", unit="s", low=0.8, high=120
    )
    max_speech_s: float = setting(15.0, "Net speech after which an attempt is over", unit="s", low=1, high=600)
    max_time_s: float = setting(
        30.0, "Audio, silence included, after which an attempt is over", unit="s", low=1, high=3600
    )
    early_accept_margin: float = setting(
        4.0, "LLR over the threshold that accepts before the decision point", unit="nats", low=0, high=50
    )
    early_reject_margin: float = setting(
        6.0, "LLR under the threshold that rejects before the decision point", unit="nats", low=0, high=50
    )
    continuous_window_s: float = setting(
        4.0, "Recent speech that a continuous session judges", unit="s", low=1.6, high=60
    )


@dataclass(frozen=True)
class AttemptSettings(_Section):
    """Failed attempts per profile, counted over all entrances; the defaults follow NIST SP 800-63B, 5.2.3."""

    free_failures: int = setting(5, "Failures before a delay", low=0, high=1000)
    base_delay_s: float = setting(30.0, "First delay; it doubles with each further failure", unit="s", low=0, high=3600)
    max_delay_s: float = setting(3600.0, "Longest delay", unit="s", low=0, high=86_400)
    lock_after: int = setting(10, "Failures in a row that lock the profile", low=1, high=10_000)


@dataclass(frozen=True)
class ServerSettings(_Section):
    """The streaming server."""

    host: str = setting("127.0.0.1", "Address to listen on; only loopback addresses are allowed")
    port: int = setting(8765, "Port to listen on; 0 takes a free one", low=0, high=65_535)
    max_sessions: int = setting(64, "Sessions at the same time", low=1, high=10_000)
    max_message_bytes: int = setting(262_144, "Largest message", unit="bytes", low=1024, high=16_777_216)
    max_queue_s: float = setting(30.0, "Audio that may wait to be worked on", unit="s", low=0.5, high=600)
    idle_timeout_s: float = setting(20.0, "Longest time without a message", unit="s", low=0.1, high=3600)
    max_session_s: float = setting(600.0, "Longest session, continuous ones excepted", unit="s", low=1, high=86_400)
    workers: int = setting(2, "Threads that run the engines", low=1, high=256)
    shutdown_grace_s: float = setting(5.0, "Time that running sessions get at shutdown", unit="s", low=0, high=600)


@dataclass(frozen=True)
class StoreSettings(_Section):
    """Where profiles are kept and how they are sealed."""

    url: str = setting("", "SQLAlchemy URL of the store; empty means streamauth.db in the data folder")
    key_file: str = setting("", "File of the sealing key; empty means sealing.key in the data folder")
    key_command: str = setting("", "Command that prints the sealing key, such as a key service's")
    busy_timeout_s: float = setting(10.0, "Longest wait for another process's write", unit="s", low=0, high=600)


@dataclass(frozen=True)
class Settings:
    """All settings."""

    audio: AudioSettings = field(default_factory=AudioSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    phrase: PhraseSettings = field(default_factory=PhraseSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    enrollment: EnrollmentSettings = field(default_factory=EnrollmentSettings)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    attempts: AttemptSettings = field(default_factory=AttemptSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    store: StoreSettings = field(default_factory=StoreSettings)

    def with_values(self, values: Mapping[str, Mapping[str, Any]], origin: str) -> "Settings":
        """A copy with values replaced, given as ``{section: {name: value}}``.

        Raises:
            BadSetting: Unknown section or name, wrong type, or out of range; ``origin`` is named in the message.
        """
        changed: dict[str, Any] = {}
        for section_name, pairs in values.items():
            section = getattr(self, section_name, None)
            if not isinstance(section, _Section) or not isinstance(pairs, Mapping):
                raise BadSetting(f"{origin}: there is no section of settings called {section_name!r}.")
            known = {item.name: item for item in fields(section)}  # type: ignore[arg-type]
            for name in pairs:
                if name not in known:
                    raise BadSetting(f"{origin}: there is no setting {section_name}.{name}.")
            try:
                cast = {name: _cast(known[name], value) for name, value in pairs.items()}
                changed[section_name] = replace(section, **cast)  # type: ignore[type-var]
            except BadSetting as error:
                raise BadSetting(f"{origin}: {section_name}.{error.message}") from None
        return replace(self, **changed)


def all_settings() -> Iterator[tuple[str, "Field[Any]"]]:
    """Every setting as (section name, field), in order."""
    defaults = Settings()
    for section in fields(defaults):
        for item in fields(getattr(defaults, section.name)):
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


def load_settings(home: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from defaults, ``config.toml`` and the environment.

    Raises:
        BadSetting: A value is unknown, of a wrong type or out of range.
    """
    settings = Settings()
    path = (home or data_folder()) / "config.toml"
    if path.is_file():
        try:
            settings = settings.with_values(tomllib.loads(path.read_text("utf-8")), path.name)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise BadSetting(f"{path.name} cannot be read: {error}") from None
    environment = os.environ if environment is None else environment
    for section, item in all_settings():
        name = environment_name(section, item.name)
        if name in environment:
            settings = settings.with_values({section: {item.name: environment[name]}}, name)
    return settings


def _cast(item: "Field[Any]", value: Any) -> Any:
    kind: type[Any] = type(item.default)
    try:
        if kind is bool:
            words = {"true": True, "false": False, "1": True, "0": False}
            return value if isinstance(value, bool) else words[str(value).lower()]
        if isinstance(value, bool) or (kind is int and isinstance(value, float) and value != int(value)):
            raise ValueError
        return kind(value)
    except (ValueError, KeyError, TypeError):
        raise BadSetting(f"{item.name} must be of type {kind.__name__}.") from None


def _check(item: "Field[Any]", value: Any) -> None:
    meta = item.metadata
    low, high, choices = meta["low"], meta["high"], meta["choices"]
    if choices and value not in choices:
        raise BadSetting(f"{item.name} must be one of {', '.join(choices)}.")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise BadSetting(f"{item.name} must be from {low} to {high} {meta['unit']}".rstrip() + ".")
