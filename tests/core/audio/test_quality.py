import numpy as np
import pytest
from numpy.typing import NDArray

from streamauth.core.audio.quality import FrameMeasures, Quality, QualityMeter
from streamauth.core.events import Reason
from streamauth.settings import EnrollmentSettings

RNG = np.random.default_rng(3)


def measure(audio: NDArray[np.float64], speech: slice) -> Quality:
    meter = QualityMeter()
    for start in range(0, len(audio) - 479, 480):
        voiced = speech.start <= start < speech.stop
        meter.add(FrameMeasures.of(audio[start : start + 480].astype(np.float32), voiced))
    return meter.result()


def talk(level: float, noise: float) -> NDArray[np.float64]:
    """0.6 s of noise, 1.2 s of a modulated tone, 0.6 s of noise."""
    t = np.arange(38_400) / 16_000
    tone = level * np.sin(2 * np.pi * 300 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    tone[:9600] = tone[28_800:] = 0
    return np.asarray(tone + noise * RNG.standard_normal(t.size))


SPEECH = slice(9600, 28_800)
LIMITS = EnrollmentSettings()


def test_clean_speech_has_no_problem() -> None:
    quality = measure(talk(0.3, 1e-4), SPEECH)
    assert quality.problems(LIMITS) == ()
    assert quality.snr_db > 40


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_the_noise_estimate_is_near_the_truth(snr_db: float) -> None:
    audio = talk(0.3, 0.0)
    power = float(np.mean(audio[SPEECH] ** 2))
    noisy = audio + np.sqrt(power / 10 ** (snr_db / 10)) * RNG.standard_normal(audio.size)
    assert measure(noisy, SPEECH).snr_db == pytest.approx(snr_db, abs=2.0)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (np.clip(8 * talk(0.3, 1e-4), -1, 1), Reason.CLIPPED),
        (talk(0.3, 1e-4) * 0.003, Reason.TOO_QUIET),
        (talk(0.05, 0.05), Reason.TOO_NOISY),
        (talk(0.3, 1e-4) + 0.4, Reason.DC_OFFSET),
        (np.zeros(38_400), Reason.DIGITAL_SILENCE),
    ],
)
def test_each_fault_is_named(audio: NDArray[np.float64], reason: Reason) -> None:
    assert reason in measure(audio, SPEECH).problems(LIMITS)


def test_a_lone_peak_at_full_scale_is_no_clipping() -> None:
    audio = talk(0.3, 1e-4)
    audio[12_000::4000] = 1.0
    assert measure(audio, SPEECH).clipped_fraction == 0.0
