from dataclasses import replace
from math import log

import numpy as np
import pytest

from streamauth.core.audio.quality import Quality
from streamauth.core.ports import Embedding
from streamauth.core.voice.calibration import Calibration, Cohort
from streamauth.core.voice.pooling import VoiceSample, unit
from streamauth.evaluation.fitting import LOST, Person, Trials, change_bound, fit, trials_of
from streamauth.evaluation.metrics import cllr, min_cllr
from streamauth.evaluation.replay import Look

QUIET = Quality(-20.0, 40.0, 0.0, 0.0, -20.0, False)
NOISY = Quality(-20.0, 8.0, 0.0, 0.0, -20.0, False)
DIM, LOOKS = 24, 8


def people(count: int, seed: int) -> list[Person]:
    """People whose voices scatter around their own directions, more so in noise and in short windows."""
    random = np.random.default_rng(seed)

    def scattered(centre: Embedding, by: float) -> Embedding:
        return unit((centre + by * random.standard_normal(DIM) / np.sqrt(DIM)).astype(np.float32))

    found = []
    for _ in range(count):
        centre = unit(random.standard_normal(DIM).astype(np.float32))
        probes = {}
        for name, quality, spread in (("quiet", QUIET, 0.6), ("noise", NOISY, 1.2)):
            offset = scattered(centre, spread)
            looks = []
            for number in range(LOOKS):
                speech_s = 0.8 + 0.4 * number
                whole = scattered(offset, 0.5 / np.sqrt(speech_s))
                looks.append(
                    Look(VoiceSample(whole, speech_s), VoiceSample(scattered(offset, 0.6), min(1.6, speech_s)), quality)
                )
            probes[name] = [looks]
        found.append(Person(scattered(centre, 0.3), probes))
    return found


@pytest.fixture(scope="module")
def fitted() -> tuple[Calibration, Cohort]:
    cohort = Cohort(np.stack([person.voiceprint for person in people(30, 1)]), 10)
    return fit(trials_of(people(40, 2), cohort), cohort, "encoder", 0.8), cohort


def test_every_look_of_every_probe_meets_every_person() -> None:
    some = people(3, 5)
    trials = trials_of([*some, Person(some[0].voiceprint, {})], None)
    assert trials.score.shape == (3 * 2 * LOOKS * 4,)
    assert trials.same.sum() == 3 * 2 * LOOKS
    assert len(set(trials.attempt.tolist())) == 3 * 2 * 4
    # the looks of an attempt follow each other, with more and more speech
    assert (np.diff(trials.side[:LOOKS, 0]) > 0).all()
    # a bare trial is the cosine
    look = some[0].probes["quiet"][0][0]
    assert trials.score[0] == pytest.approx(float(look.voice.embedding @ some[0].voiceprint), abs=1e-6)


def test_other_people_of_the_same_kind_get_calibrated_llrs(fitted: tuple[Calibration, Cohort]) -> None:
    calibration, cohort = fitted
    trials = trials_of(people(40, 3), cohort)
    llr = trials.llr(calibration)
    target, nontarget = llr[trials.same], llr[~trials.same]
    assert cllr(target, nontarget) < 1.15 * min_cllr(target, nontarget)
    assert np.mean(nontarget >= calibration.threshold(0.01)) < 0.03
    assert np.mean(nontarget >= calibration.threshold(0.05)) == pytest.approx(0.05, abs=0.03)


def test_looking_again_and_again_needs_a_higher_bound(fitted: tuple[Calibration, Cohort]) -> None:
    calibration, cohort = fitted
    assert calibration.threshold(0.01, rolling=True) > calibration.threshold(0.01)
    trials = trials_of(people(40, 4), cohort)
    llr = np.where(trials.same, -np.inf, trials.llr(calibration))
    highest = [llr[trials.attempt == attempt].max() for attempt in np.unique(trials.attempt[~trials.same])]
    assert np.mean(np.array(highest) >= calibration.threshold(0.01, rolling=True)) < 0.03


def test_the_early_reject_loses_hardly_anybody(fitted: tuple[Calibration, Cohort]) -> None:
    calibration, cohort = fitted
    assert calibration.reject_llr < 0
    trials = trials_of(people(40, 2), cohort)
    accept = calibration.threshold(0.01, rolling=True)
    lost = total = 0
    for attempt in np.unique(trials.attempt[trials.same]):
        llr = trials.llr(calibration)[trials.attempt == attempt]
        reached = np.flatnonzero(llr >= accept)
        if reached.size:
            total += 1
            lost += bool((llr[: reached[0]] < calibration.reject_llr).any())
    assert total > 40
    assert lost <= LOST * total + 1


def test_only_rates_that_the_people_can_tell_are_measured(fitted: tuple[Calibration, Cohort]) -> None:
    few = fit(trials_of(people(12, 7), None), None, "encoder", 0.8)
    assert min(rate for rate, _ in few.thresholds) == 0.1
    assert min(rate for rate, _ in fitted[0].thresholds) == 0.01
    assert few.threshold(0.001) == pytest.approx(few.threshold(0.1) + log(100))


def steady(llr: list[float]) -> Trials:
    """One attempt by the right person, whose windows bring these LLRs, 0.4 s each."""
    count = len(llr)
    side = np.stack((np.log(0.4 * np.arange(1, count + 1)), np.full(count, 4.0), np.full(count, -2.0)), axis=1)
    values = np.array(llr)
    zero = np.zeros(count, np.int64)
    return Trials(values, side, np.ones(count, bool), zero, zero, values, np.full(count, 1.6), 1)


def test_the_change_bound_lies_above_what_the_right_voice_brings_about(fitted: tuple[Calibration, Cohort]) -> None:
    bare = replace(
        fitted[0],
        scale=(1.0, *(0.0,) * 6),
        offset=(0.0,) * 7,
        ranges=((-9.0, 9.0), (-9.0, 9.0), (-9.0, 9.0)),
    )
    # a dip of four windows at -8 sums up to 8 nats of fresh evidence
    dip = [10.0] * 20 + [-8.0] * 4 + [10.0] * 20
    assert change_bound(steady(dip), bare) > 8.0
    assert change_bound(steady([10.0] * 44), bare) < change_bound(steady(dip), bare)
