"""Voice activity by the WebRTC detector: a Gaussian mixture per frequency band, 0.3 % of one core."""

import _webrtcvad  # the package around it looks for its own version, which takes longer than all the rest
import numpy as np

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, SpeechDetectorStream
from streamauth.errors import EngineError

FRAME_SAMPLES = 480


class WebrtcDetector:
    """WebRTC voice activity detection in frames of 30 ms; answers 0 or 1 only.

    Args:
        aggressiveness: From 0 to 3: how readily a frame is called noise.
    """

    frame_samples = FRAME_SAMPLES

    def __init__(self, aggressiveness: int = 2) -> None:
        self.id = f"webrtc-{aggressiveness}"
        self._aggressiveness = aggressiveness

    def stream(self) -> SpeechDetectorStream:
        """State for one new stream."""
        return _WebrtcStream(self._aggressiveness)


class _WebrtcStream:
    def __init__(self, aggressiveness: int) -> None:
        self._vad = _webrtcvad.create()
        _webrtcvad.init(self._vad)
        _webrtcvad.set_mode(self._vad, aggressiveness)

    def probability(self, frame: Samples) -> float:
        if frame.shape != (FRAME_SAMPLES,):
            raise EngineError()
        pcm = np.minimum(np.maximum(np.rint(frame * 32768.0), -32768), 32767).astype("<i2")
        return float(_webrtcvad.process(self._vad, SAMPLE_RATE_HZ, pcm.tobytes(), FRAME_SAMPLES))

    def voicing(self) -> float:
        return 1.0
