"""From any sample rate to the 16 kHz of the core.

Data path: PcmDecoder -> **Resampler** -> framing.
"""

import numpy as np
import soxr

from streamauth.core.audio.pcm import check_sample_rate
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples


class Resampler:
    """Resamples one stream, anti-aliased (soxr, quality HQ, linear phase).

    The output does not depend on how the input is cut into chunks, and is aligned with it: output sample ``n`` stands
    for the time ``n / 16000`` s of the input. What it depends on is some later input, so that up to 116 ms of audio
    wait inside (8 kHz: 116 ms, 11.025 kHz: 84 ms, 22.05 kHz: 41 ms, 24 kHz: 37 ms, 32 kHz: 58 ms, 44.1 kHz: 41 ms,
    48 kHz: 37 ms); ``finish`` brings them out. Over the whole stream ``round(n * 16000 / rate)`` samples come out for
    ``n`` samples. At 16 kHz the samples pass unchanged and at once.

    Args:
        source_rate_hz: Rate of what comes in, 8000 to 48000.

    Raises:
        UnsupportedSampleRate: The rate is no integer in that range.
    """

    def __init__(self, source_rate_hz: int) -> None:
        check_sample_rate(source_rate_hz)
        self._stream = None
        if source_rate_hz != SAMPLE_RATE_HZ:
            self._stream = soxr.ResampleStream(source_rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")

    def feed(self, samples: Samples) -> Samples:
        """Take samples at the source rate, shape (samples,); give those that are ready at 16 kHz, in [-1, 1]."""
        return samples if self._stream is None else _clamped(self._stream.resample_chunk(samples))

    def finish(self) -> Samples:
        """End the stream and give the last samples at 16 kHz; the resampler must not be used again."""
        rest = np.zeros(0, np.float32)
        return rest if self._stream is None else _clamped(self._stream.resample_chunk(rest, last=True))


def _clamped(samples: Samples) -> Samples:
    # the band limit lets clipped speech swing beyond full scale
    clamped: Samples = np.clip(samples, -1, 1)
    return clamped
