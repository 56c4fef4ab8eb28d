from dataclasses import replace

import numpy as np
import pytest

from streamauth.core.audio.quality import Quality
from streamauth.core.ports import Embedding
from streamauth.core.voice.calibration import Cohort
from streamauth.core.voice.pooling import VoiceSample, unit
from streamauth.core.voice.scoring import Gallery
from tests.fakes import FAKE_CALIBRATION

QUIET = Quality(-20.0, 40.0, 0.0, 0.0, -20.0, False)
RANDOM = np.random.default_rng(3)


def embedding() -> Embedding:
    return unit(RANDOM.standard_normal(16).astype(np.float32))


def test_without_a_cohort_the_cosine_is_calibrated() -> None:
    voice, mine, other = embedding(), embedding(), embedding()
    first, second = Gallery([mine, other], FAKE_CALIBRATION).compare(VoiceSample(voice, 2.0), QUIET)
    assert first.score == pytest.approx(float(voice @ mine), abs=1e-6)
    assert first.llr == pytest.approx(40 * first.score - 28)
    assert second.score == pytest.approx(float(voice @ other), abs=1e-6)
    assert (first.speech_s, second.speech_s) == (2.0, 2.0)


def test_with_a_cohort_the_score_is_counted_in_its_spreads_from_both_sides() -> None:
    people = np.stack([embedding() for _ in range(12)])
    voice, mine = embedding(), embedding()
    calibration = replace(FAKE_CALIBRATION, cohort=Cohort(people, 5))
    (found,) = Gallery([mine], calibration).compare(VoiceSample(voice, 2.0), QUIET)
    sides = [np.sort(people @ side)[-6:-1] for side in (mine, voice)]
    normalized = np.mean([(found.score - scores.mean()) / scores.std() for scores in sides])
    assert found.llr == pytest.approx(40 * normalized - 28, rel=1e-4)


def test_who_resembles_everybody_gets_a_lower_llr_at_the_same_cosine() -> None:
    ordinary = unit(np.ones(16, np.float32))
    people = np.stack([unit(ordinary + 0.3 * embedding()) for _ in range(12)])
    calibration = replace(FAKE_CALIBRATION, cohort=Cohort(people, 5))
    odd = unit(np.array([1.0, -1.0] * 8, np.float32))
    # voices at the same angle from their voiceprints, one among the cohort, one far from it
    usual, unusual = (
        Gallery([side], calibration).best(VoiceSample(unit(side + 0.3 * embedding()), 2.0), QUIET)
        for side in (ordinary, odd)
    )
    assert usual.score == pytest.approx(unusual.score, abs=0.1)
    assert usual.llr < unusual.llr


def test_the_best_of_several_voiceprints_counts() -> None:
    voice, other = embedding(), embedding()
    gallery = Gallery([other, voice], FAKE_CALIBRATION)
    assert gallery.best(VoiceSample(voice, 2.0), QUIET).score == pytest.approx(1.0)
