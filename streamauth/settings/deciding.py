"""Settings of enrollment, decision and attempts."""

from dataclasses import dataclass

from streamauth.settings.section import Section, setting


@dataclass(frozen=True)
class EnrollmentSettings(Section):
    """What an enrollment must bring."""

    max_templates: int = setting(4, "Further voiceprints of one person, for other rooms or devices", low=0, high=100)
    utterances: int = setting(3, "Utterances of the pass phrase", low=1, high=20)
    min_utterance_speech_s: float = setting(0.8, "Least net speech of one utterance", unit="s", low=0.8, high=10)
    text_independent_speech_s: float = setting(
        20.0, "Net speech for a text-independent voiceprint", unit="s", low=2, high=300
    )
    min_level_dbfs: float = setting(-50.0, "Quietest mean level of speech", unit="dBFS", low=-90, high=-10)
    min_snr_db: float = setting(8.0, "Least estimated signal-to-noise ratio", unit="dB", low=-20, high=60)
    max_clipped_fraction: float = setting(0.01, "Largest share of speech samples at full scale", low=0, high=1)
    max_dc_offset: float = setting(0.3, "Largest mean of the samples, of full scale", low=0, high=1)
    keep_audio_s: float = setting(
        0.0,
        "Enrolled speech of a profile that is kept, encrypted, so that its voiceprint can be rebuilt; 0 keeps none",
        unit="s",
        low=0,
        high=600,
    )
    consistency_far: float = setting(
        0.02, "False-accept rate at which another utterance counts as the same voice", low=1e-6, high=0.5
    )


@dataclass(frozen=True)
class DecisionSettings(Section):
    """When to accept, when to reject, when to give up."""

    operating_point: str = setting(
        "balanced",
        "How often a wrong voice may be accepted, per attempt: 3 %, 1 % or 0.1 %",
        choices=("convenience", "balanced", "strict"),
    )
    target_far: float = setting(
        0.0, "False-accept rate aimed at, in place of the operating point; 0 leaves that", low=0, high=0.5
    )
    prior: float = setting(
        0.0, "How likely a speaker is the claimed one, to decide by costs instead; 0 does not", low=0, high=0.999
    )
    cost_ratio: float = setting(
        10.0, "With a prior: cost of a false accept, a false reject costing 1", low=0.001, high=1_000_000
    )
    min_speech_s: float = setting(0.8, "Net speech before any accept", unit="s", low=0.8, high=30)
    early_speech_s: float = setting(
        1.6, "Net speech before the voice alone is decided while more may come", unit="s", low=0.8, high=30
    )
    decide_speech_s: float = setting(
        5.0, "Net speech at which the voice alone is decided at the latest", unit="s", low=0.8, high=120
    )
    max_speech_s: float = setting(15.0, "Net speech after which an attempt is over", unit="s", low=1, high=600)
    max_time_s: float = setting(
        30.0, "Audio, silence included, after which an attempt is over", unit="s", low=1, high=3600
    )
    continuous_window_s: float = setting(
        4.0, "Recent speech whose score a continuous session shows", unit="s", low=1.6, high=60
    )

    @property
    def first_look_s(self) -> float:
        """Net speech, in seconds, before the voice alone is decided while more may come."""
        return max(self.min_speech_s, self.early_speech_s)


@dataclass(frozen=True)
class AdaptationSettings(Section):
    """Voiceprints that follow their owners' voices."""

    enabled: bool = setting(False, "Let very confident accepts move a voiceprint a little")
    margin_llr: float = setting(4.0, "LLR over the threshold from which an accept counts", unit="nats", low=1, high=50)
    rate: float = setting(0.05, "Share of the new voice in the voiceprint", low=0.001, high=0.3)
    min_similarity: float = setting(
        0.9, "Cosine to the enrolled voiceprint under which it never goes", low=0.5, high=0.999
    )


@dataclass(frozen=True)
class AttemptSettings(Section):
    """Failed attempts per profile, counted over all entrances; the defaults follow NIST SP 800-63B, 5.2.3."""

    free_failures: int = setting(5, "Failures before a delay", low=0, high=1000)
    base_delay_s: float = setting(30.0, "First delay; it doubles with each further failure", unit="s", low=0, high=3600)
    max_delay_s: float = setting(3600.0, "Longest delay", unit="s", low=0, high=86_400)
    lock_after: int = setting(10, "Failures in a row that lock the profile", low=1, high=10_000)
