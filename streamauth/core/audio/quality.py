"""Level, clipping, offset and noise of audio, in constant memory."""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from streamauth.core.events import Reason
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.settings import EnrollmentSettings

SILENCE_DBFS = -120.0
_NARROW_DB = -60.0
_FULL_SCALE = 0.985  # slightly under 1: resampling rounds the flat tops of clipped waves


def dbfs(power: float) -> float:
    """Mean power of samples in [-1, 1] as dB of full scale, at least SILENCE_DBFS."""
    return max(SILENCE_DBFS, 10.0 * float(np.log10(max(power, 1e-12))))


def clipped_samples(frame: Samples) -> int:
    """Samples that stand at full scale beside another one that does: a lone peak is no clipping."""
    high = np.abs(frame) >= _FULL_SCALE
    return int(np.count_nonzero(high[1:] & high[:-1]))


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of a stretch of audio.

    Attributes:
        speech_dbfs: Mean level of the voiced audio.
        snr_db: Estimated signal-to-noise ratio, up to 60.
        clipped_fraction: Share of voiced samples at full scale, in [0, 1].
        dc_offset: Magnitude of the mean of all samples, in [0, 1].
        high_band_db: Power above 4 kHz, of the voiced audio's whole; from -60, as over a telephone line, to 0.
        digital_silence: Whether every sample was the same.
    """

    speech_dbfs: float
    snr_db: float
    clipped_fraction: float
    dc_offset: float
    high_band_db: float
    digital_silence: bool

    def problems(self, limits: EnrollmentSettings) -> tuple[Reason, ...]:
        """What is wrong with it, for enrollment."""
        if self.digital_silence:
            return (Reason.DIGITAL_SILENCE,)
        found = []
        if self.clipped_fraction > limits.max_clipped_fraction:
            found.append(Reason.CLIPPED)
        if self.dc_offset > limits.max_dc_offset:
            found.append(Reason.DC_OFFSET)
        if self.speech_dbfs < limits.min_level_dbfs:
            found.append(Reason.TOO_QUIET)
        elif self.snr_db < limits.min_snr_db:
            found.append(Reason.TOO_NOISY)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class FrameMeasures:
    """What is measured of a frame as it was recorded (offset not removed).

    Attributes:
        samples: How many there are.
        mean: Their mean.
        energy: Sum of their squares.
        lowest: The least sample.
        highest: The greatest.
        clipped: Samples at full scale.
        voiced: Whether it lies in an utterance.
        band_energy: Of a voiced frame, over all bins of its spectrum but the first; else 0.
        high_energy: Likewise of the upper half of them.
    """

    samples: int
    mean: float
    energy: float
    lowest: float
    highest: float
    clipped: int
    voiced: bool
    band_energy: float = 0.0
    high_energy: float = 0.0

    @classmethod
    def of(cls, frame: Samples, voiced: bool) -> "FrameMeasures":
        """The measures of a frame of any length but 0."""
        band = high = 0.0
        if voiced:
            power_by_bin = np.abs(np.fft.rfft(frame)[1:]) ** 2
            band, high = float(power_by_bin.sum()), float(power_by_bin[power_by_bin.size // 2 :].sum())
        mean, energy = float(frame.mean(dtype=np.float64)), float(np.dot(frame, frame))
        return cls(
            frame.size, mean, energy, float(frame.min()), float(frame.max()), clipped_samples(frame), voiced, band, high
        )

    @property
    def power(self) -> float:
        """Mean power without the offset."""
        return max(0.0, self.energy / self.samples - self.mean * self.mean)


class QualityMeter:
    """Measures one stretch of audio, frame by frame.

    The noise power is the 10th percentile of the frame powers: pauses and closures between sounds are frequent
    enough in speech for the quietest tenth to be the background (compare minimum statistics, Martin 2001).

    Args:
        memory_s: What lies this far back counts by 1/e; None forgets nothing.
    """

    def __init__(self, memory_s: float | None = None) -> None:
        self._memory_samples = None if memory_s is None else memory_s * SAMPLE_RATE_HZ
        self._frames_by_db: NDArray[np.float64] = np.zeros(int(-SILENCE_DBFS) + 1)
        self._speech_energy = 0.0
        self._speech_samples = 0.0
        self._clipped = 0.0
        self._high_energy = 0.0
        self._band_energy = 0.0
        self._sum = 0.0
        self._samples = 0
        self._lowest = np.inf
        self._highest = -np.inf

    def add(self, frame: FrameMeasures) -> None:
        """Take the next frame."""
        if self._memory_samples is not None:
            self._forget(exp(-frame.samples / self._memory_samples))
        self._samples += frame.samples
        self._sum += frame.mean * frame.samples
        self._lowest = min(self._lowest, frame.lowest)
        self._highest = max(self._highest, frame.highest)
        power = frame.power
        self._frames_by_db[round(-dbfs(power))] += 1
        if frame.voiced:
            self._speech_energy += power * frame.samples
            self._speech_samples += frame.samples
            self._clipped += frame.clipped
            self._band_energy += frame.band_energy
            self._high_energy += frame.high_energy

    def _forget(self, share: float) -> None:
        self._frames_by_db *= share
        self._speech_energy *= share
        self._speech_samples *= share
        self._clipped *= share
        self._high_energy *= share
        self._band_energy *= share

    def result(self) -> Quality:
        """The quality of all audio taken so far."""
        speech = self._speech_energy / max(1, self._speech_samples)
        # the histogram runs from loud to quiet; walk it from the quiet end
        quiet_first = np.cumsum(self._frames_by_db[::-1])
        tenth = int(np.searchsorted(quiet_first, max(1.0, 0.1 * float(quiet_first[-1]))))
        noise = 10.0 ** ((SILENCE_DBFS + tenth) / 10.0)
        high = self._high_energy / self._band_energy if self._band_energy else 0.0
        return Quality(
            speech_dbfs=dbfs(speech),
            snr_db=min(60.0, 10.0 * float(np.log10(max(speech - noise, 1e-3 * noise) / noise))),
            clipped_fraction=self._clipped / max(1, self._speech_samples),
            dc_offset=abs(self._sum) / max(1, self._samples),
            high_band_db=max(_NARROW_DB, 10.0 * float(np.log10(max(high, 1e-9)))),
            digital_silence=self._samples > 0 and self._lowest == self._highest,
        )
