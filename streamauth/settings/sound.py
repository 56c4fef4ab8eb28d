"""Settings of audio, speech and voice."""

from dataclasses import dataclass

from streamauth.settings.section import Section, setting


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
class VoiceSettings(Section):
    """Rolling windows of the speaker encoder, over voiced audio only."""

    encoder: str = setting("ge2e-noise", "Name of the speaker encoder; `streamauth models list` shows all")
    hop_ms: int = setting(400, "Step between two windows", unit="ms", low=50, high=5000)
    first_score_ms: int = setting(800, "Voiced audio before the first score", unit="ms", low=800, high=5000)
    threads: int = setting(1, "Threads of one encoder run", low=1, high=64)
