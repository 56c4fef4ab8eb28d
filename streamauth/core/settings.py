"""The sections of settings that the core works with, and what a section is: fields with help, unit and legal range.

The other sections and whatever reads files or the environment lie above, in ``streamauth/settings``. A ``fixed`` value
is no setting: the shipped calibrations or stated error rates hold for just this value, or nobody has a reason to
change it. It is a field all the same, so that a test or a measurement can say what another value would do.
"""

from dataclasses import Field, dataclass, field, fields
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


def fixed(default: Any, help: str, *, unit: str = "") -> Any:
    """A dataclass field that no file, environment or command line sets."""
    return field(default=default, metadata={"help": help, "unit": unit})


def is_setting(item: "Field[Any]") -> bool:
    """Whether a field of a section can be set by an operator."""
    return "choices" in item.metadata


class Section:
    """Base of the sections: checks ranges when made."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            if is_setting(item):
                check(item, getattr(self, item.name))


def cast(item: "Field[Any]", value: Any) -> Any:
    """The value as the setting's type.

    Raises:
        BadSetting: It cannot be one.
    """
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


def check(item: "Field[Any]", value: Any) -> None:
    """Refuse a value out of range.

    Raises:
        BadSetting: It is.
    """
    meta = item.metadata
    low, high, choices = meta["low"], meta["high"], meta["choices"]
    if choices and value not in choices:
        raise BadSetting(f"{item.name} must be one of {', '.join(choices)}.")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise BadSetting(f"{item.name} must be from {low} to {high} {meta['unit']}".rstrip() + ".")


@dataclass(frozen=True)
class AudioSettings(Section):
    """Audio that is taken in."""

    max_attempt_s: float = setting(
        120.0, "Longest audio of one verification or identification attempt", unit="s", low=1, high=3600
    )
    max_enroll_s: float = setting(300.0, "Longest audio of one enrollment call", unit="s", low=1, high=3600)
    max_continuous_s: float = setting(43_200.0, "Longest continuous session", unit="s", low=1, high=604_800)
    max_file_mb: float = setting(512.0, "Largest audio file that is opened", unit="MB", low=0.001, high=65_536)


@dataclass(frozen=True)
class SpeechSettings(Section):
    """Voice activity and utterance boundaries."""

    detector: str = setting("webrtc", "Voice activity detector", choices=("webrtc", "silero"))
    aggressiveness: int = fixed(2, "WebRTC detector: how readily it takes a frame for noise, 0 to 3")
    min_silence_ms: int = setting(420, "Silence that ends an utterance", unit="ms", low=30, high=5000)
    onset_probability: float = fixed(0.5, "Speech probability of a frame that begins speech")
    offset_probability: float = fixed(0.35, "Speech probability under which a frame may end speech")
    min_speech_ms: int = fixed(120, "Speech shorter than this is taken for noise", unit="ms")
    pause_ms: int = fixed(90, "Silence after which words that are complete are judged at once", unit="ms")
    pad_ms: int = fixed(90, "Audio kept as voiced on both sides of speech", unit="ms")
    voicing_probability: float = fixed(0.4, "Probability from which a frame carries a voice")
    min_voice_ms: int = fixed(60, "A voice heard for less time is taken for noise", unit="ms")
    voiceless_onset_ms: int = fixed(180, "Speech without a voice that may begin a word", unit="ms")
    voicing_hold_ms: int = fixed(390, "Time that speech may be without a voice, as in voiceless sounds", unit="ms")
    max_utterance_s: float = fixed(20.0, "An utterance is cut at this length", unit="s")


@dataclass(frozen=True)
class VoiceSettings(Section):
    """Rolling windows of the speaker encoder, over voiced audio only."""

    encoder: str = setting("ge2e-noise-int8", "Name of the speaker encoder; `streamauth models list` shows all")
    hop_ms: int = setting(400, "Step between two windows", unit="ms", low=50, high=5000)
    threads: int = setting(1, "Threads of one encoder run", low=1, high=64)
    first_score_ms: int = fixed(800, "Voiced audio before the first score", unit="ms")


@dataclass(frozen=True)
class PhraseSettings(Section):
    """Pass-phrase recognition."""

    locale: str = setting("en-US", "Language of new pass phrases, which chooses the recognizer (BCP 47)")
    vosk_model: str = setting("", "Folder of a Vosk model to use for every language instead of the registry's")
    min_llr: float = setting(
        0.0,
        "Likelihood ratio from which the words count as said; models without one ignore it",
        unit="nats",
        low=-20,
        high=20,
    )
    judge: bool = setting(True, "Ask a second model, where the language has one, whether the pass phrase was said")
    own_renderings_alone: bool = setting(
        False, "Allow pass phrases in languages without a recognizer, by how each person says theirs"
    )
    timeout_ms: int = setting(
        1500, "Silence after which an unfinished pass phrase is over", unit="ms", low=0, high=10_000
    )
    propose_sounds: bool = setting(
        True, "Take words that the dictionary does not have, if they are said as their spelling proposes"
    )
    min_phones: int = setting(8, "Shortest pass phrase", unit="speech sounds", low=1, high=100)
    min_bits: float = setting(20.0, "Least estimated strength of a pass phrase", unit="bits", low=0, high=200)
    max_words: int = fixed(20, "Longest pass phrase", unit="words")
    lead_ms: int = fixed(240, "Audio before speech that the recognizer also hears", unit="ms")


@dataclass(frozen=True)
class PromptSettings(Section):
    """Random prompts."""

    kind: str = setting("words", "What prompts are made of", choices=("digits", "words"))
    digits: int = setting(6, "Digits of a prompt", unit="digits", low=4, high=12)
    words: int = setting(3, "Words of a prompt", unit="words", low=2, high=8)
    lifetime_s: float = setting(60.0, "Time to say a prompt, from when it is drawn", unit="s", low=5, high=3600)
    max_open: int = setting(8, "Prompts of one profile that may wait to be said", low=1, high=10_000)
    timeout_ms: int = setting(3000, "Silence after which an unfinished prompt is over", unit="ms", low=0, high=10_000)
    stretch_margin: float = fixed(2.5, "LLR under the threshold at which a stretch is another voice", unit="nats")


@dataclass(frozen=True)
class EnrollmentSettings(Section):
    """What an enrollment must bring."""

    max_templates: int = setting(4, "Further voiceprints of one person, for other rooms or devices", low=0, high=100)
    utterances: int = setting(3, "Utterances of the pass phrase", low=1, high=20)
    text_independent_speech_s: float = setting(
        20.0, "Net speech for a text-independent voiceprint", unit="s", low=2, high=300
    )
    min_level_dbfs: float = setting(-50.0, "Quietest mean level of speech", unit="dBFS", low=-90, high=-10)
    min_snr_db: float = setting(8.0, "Least estimated signal-to-noise ratio", unit="dB", low=-20, high=60)
    min_phrase_llr: float = setting(
        -4.0,
        "Likelihood ratio from which the pass phrase counts as said at enrollment; models without one ignore it",
        unit="nats",
        low=-20,
        high=20,
    )
    keep_audio_s: float = setting(
        0.0,
        "Enrolled speech of a profile that is kept, encrypted, so that its voiceprint can be rebuilt; 0 keeps none",
        unit="s",
        low=0,
        high=600,
    )
    consent: str = setting(
        "", "Version of the text that people must have agreed to before they are enrolled; empty asks for none"
    )
    unused_days: float = setting(
        0.0,
        "Time without an accept or another enrollment after which a profile is deleted; 0 keeps it",
        unit="days",
        low=0,
        high=36_500,
    )
    min_utterance_speech_s: float = fixed(0.8, "Least net speech of one utterance", unit="s")
    max_clipped_fraction: float = fixed(0.01, "Largest share of speech samples at full scale")
    max_dc_offset: float = fixed(0.3, "Largest mean of the samples, of full scale")
    consistency_far: float = fixed(0.02, "False-accept rate at which another utterance counts as the same voice")


@dataclass(frozen=True)
class DecisionSettings(Section):
    """When to accept, when to reject, when to give up."""

    operating_point: str = setting(
        "balanced",
        "How often a wrong voice may be accepted, per attempt: 3 %, 1 %, 0.1 %, or the 0.01 % of NIST SP 800-63B-4",
        choices=("convenience", "balanced", "strict", "nist"),
    )
    target_far: float = setting(
        0.0, "Target false-accept rate, in place of the operating point; 0 means not used", low=0, high=0.5
    )
    prior: float = setting(
        0.0,
        "Probability that a speaker is the claimed one, to decide by costs instead; 0 means not used",
        low=0,
        high=0.999,
    )
    cost_ratio: float = setting(
        10.0, "With a prior: cost of a false accept, where a false reject costs 1", low=0.001, high=1_000_000
    )
    min_speech_s: float = setting(0.8, "Net speech before any accept", unit="s", low=0.8, high=30)
    early_speech_s: float = setting(
        1.6, "Net speech before an early decision on the voice alone", unit="s", low=0.8, high=30
    )
    decide_speech_s: float = setting(
        5.0, "Net speech at which the voice alone is decided in any case", unit="s", low=0.8, high=120
    )
    max_speech_s: float = setting(15.0, "Net speech after which an attempt is over", unit="s", low=1, high=600)
    max_time_s: float = setting(
        30.0, "Audio, silence included, after which an attempt is over", unit="s", low=1, high=3600
    )
    continuous_window_s: float = fixed(4.0, "Recent speech whose score a continuous session shows", unit="s")

    @property
    def first_look_s(self) -> float:
        """Net speech, in seconds, before the voice alone is decided while more may come."""
        return max(self.min_speech_s, self.early_speech_s)


@dataclass(frozen=True)
class ReplaySettings(Section):
    """Recordings that are played again."""

    refuse: bool = setting(
        True, "Refuse what was heard before: in the enrollment, or in an attempt whose trail is kept"
    )
    keep_trails: int = setting(10, "Trails of attempts that are kept of one profile, encrypted", low=0, high=200)
    keep_days: float = setting(90.0, "Time that the trail of an attempt is kept", unit="days", low=0.01, high=3660)
    resend_s: float = setting(
        60.0,
        "Time in which an attempt that ended without a decision may be sent once more under its id; 0 never",
        unit="s",
        low=0,
        high=600,
    )


@dataclass(frozen=True)
class AdaptationSettings(Section):
    """Voiceprints that follow their owners' voices."""

    enabled: bool = setting(False, "Let very confident accepts move a voiceprint a little")
    margin_llr: float = fixed(4.0, "LLR over the threshold from which an accept counts", unit="nats")
    rate: float = fixed(0.05, "Share of the new voice in the voiceprint")
    min_similarity: float = fixed(0.9, "Cosine to the enrolled voiceprint under which it never goes")


@dataclass(frozen=True)
class AttemptSettings(Section):
    """Failed attempts per profile, counted over all entrances; the defaults follow NIST SP 800-63B, 5.2.3."""

    free_failures: int = setting(5, "Failures before a delay", low=0, high=1000)
    base_delay_s: float = setting(30.0, "First delay; it doubles with each further failure", unit="s", low=0, high=3600)
    max_delay_s: float = setting(3600.0, "Longest delay", unit="s", low=0, high=86_400)
    lock_after: int = setting(10, "Failures in a row that lock the profile", low=1, high=10_000)
    charged_candidates: int = setting(
        10,
        "An identification among at most so many named profiles is an attempt on each of them",
        low=0,
        high=1000,
    )


@dataclass(frozen=True)
class CoreSettings:
    """The sections that the core takes."""

    audio: AudioSettings = field(default_factory=AudioSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    phrase: PhraseSettings = field(default_factory=PhraseSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    enrollment: EnrollmentSettings = field(default_factory=EnrollmentSettings)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)
    attempts: AttemptSettings = field(default_factory=AttemptSettings)
    replay: ReplaySettings = field(default_factory=ReplaySettings)
