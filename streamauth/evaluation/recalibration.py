"""Calibration on the user's own recordings: are there enough, and is it better than before?

A folder for each person, two recordings or more in each: the first enrolls, the others are tried, as they are and under
the conditions of ``conditions.EVALUATED``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.sessions.base import Models
from streamauth.core.voice.calibration import Calibration, Cohort
from streamauth.core.voice.voiceprint import middle
from streamauth.errors import StreamAuthError, TooFewRecordings
from streamauth.evaluation.conditions import EVALUATED, degrade
from streamauth.evaluation.fitting import Person, Trials, crossed, fit, trials_of, uncalibrated
from streamauth.evaluation.metrics import cllr, eer, min_cllr
from streamauth.evaluation.replay import Look, Probe
from streamauth.settings import Settings

LEAST_PEOPLE = 10
ENOUGH_PEOPLE = 40
COHORT_PEOPLE = 20
"""So many more than that, and they are the cohort; of twice as many more, every second one."""
COHORT_TOP = 15
SEED = 1

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Recalibration:
    """What came of it.

    Attributes:
        calibration: The new one, fitted on everybody.
        people: Persons whose recordings were tried.
        probes: Their recordings beside those that enroll.
        enough: Whether there were enough people to rely on it.
        before: Rates of the former calibration on these recordings; None where there was none.
        after: Rates of new ones, each on people that it was not fitted on.
        skipped: Recordings with too little speech in them, or that cannot be read.
    """

    calibration: Calibration
    people: int
    probes: int
    enough: bool
    before: dict[str, float] | None
    after: dict[str, float]
    skipped: tuple[Path, ...]

    @property
    def better(self) -> bool:
        """Whether the new one's LLRs cost less than the former's, or there was none."""
        return self.before is None or self.after["cllr"] < self.before["cllr"]

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        cohort = self.calibration.cohort
        return {
            "encoder": self.calibration.encoder_id,
            "people": self.people,
            "probes": self.probes,
            "cohort": 0 if cohort is None else len(cohort.embeddings),
            "enough": self.enough,
            "skipped": [str(path) for path in self.skipped],
            "before": self.before,
            "after": self.after,
        }


def recordings_of(folder: Path) -> dict[str, list[Path]]:
    """Recordings by person, in order of their names.

    Raises:
        TooFewRecordings: Fewer than ``LEAST_PEOPLE`` have two or more.
    """
    people = {
        each.name: sorted(path for path in each.iterdir() if path.is_file() and not path.name.startswith("."))
        for each in sorted(folder.iterdir() if folder.is_dir() else ())
        if each.is_dir()
    }
    people = {name: paths for name, paths in people.items() if len(paths) > 1}
    if len(people) < LEAST_PEOPLE:
        raise TooFewRecordings(
            f"Calibration needs a folder for each of at least {LEAST_PEOPLE} people with two recordings or more in "
            f"each; {len(people)} were found. With {ENOUGH_PEOPLE} it can be relied on."
        )
    return people


def recalibrate(
    people: dict[str, list[Path]],
    models: Models,
    former: Calibration | None,
    settings: Settings,
    read: Callable[[Path], Samples],
    progress: Progress,
) -> Recalibration:
    """Fit a calibration on recordings.

    Args:
        people: From ``recordings_of``.
        models: The detector and the encoder.
        former: The calibration of the encoder so far.
        settings: Of the product.
        read: Gives a recording, shape (samples,), float32 at 16 kHz, or raises StreamAuthError.
        progress: Told (what is done, how many people are done, of how many).

    Raises:
        TooFewRecordings: Too many of them cannot be used.
    """
    models = replace(models, calibration=uncalibrated(models.encoder.id))
    rng = np.random.default_rng(SEED)
    skipped: list[Path] = []

    def usable(path: Path) -> Samples | None:
        try:
            audio = read(path)
        except StreamAuthError:
            skipped.append(path)
            return None
        return audio[: round(settings.audio.max_attempt_s * SAMPLE_RATE_HZ)]

    first = {name: audio for name, paths in people.items() if (audio := usable(paths[0])) is not None}
    heard: list[Person] = []
    for number, (name, audio) in enumerate(first.items()):
        progress("Listening", number, len(first))
        others = [talk for who, talk in first.items() if who != name]
        more = [(path, clip) for path in people[name][1:] if (clip := usable(path)) is not None]
        person = _person((people[name][0], audio), more, others, models, settings, rng, skipped)
        if person is not None:
            heard.append(person)
    progress("Listening", len(first), len(first))
    if len(heard) < LEAST_PEOPLE:
        raise TooFewRecordings
    tried, cohort = _split(heard, former)
    encoder_id, least_s = models.encoder.id, settings.decision.first_look_s
    after = _rates(crossed(tried, cohort, encoder_id, least_s))
    trials, before = trials_of(tried, cohort), None
    if former is not None:
        before = _rates([(trials if former.cohort is cohort else trials_of(tried, former.cohort), former)])
    probes = sum(len(person.probes[EVALUATED[0]]) for person in tried)
    calibration = fit(trials, cohort, encoder_id, least_s)
    enough = len(tried) >= ENOUGH_PEOPLE
    return Recalibration(calibration, len(tried), probes, enough, before, after, tuple(skipped))


def _person(
    enrolling: tuple[Path, Samples],
    tried: Sequence[tuple[Path, Samples]],
    others: Sequence[Samples],
    models: Models,
    settings: Settings,
    rng: np.random.Generator,
    skipped: list[Path],
) -> Person | None:
    voiceprint = Probe(enrolling[1], models, settings).enrolled()
    if voiceprint is None:
        skipped.append(enrolling[0])
        return None
    probes: dict[str, list[list[Look]]] = {name: [] for name in EVALUATED}
    for path, audio in tried:
        if Probe(audio, models, settings).looks():
            for name in EVALUATED:
                probes[name].append(Probe(degrade(name, audio, rng, others), models, settings).looks())
        else:
            skipped.append(path)
    return Person(voiceprint, probes) if probes[EVALUATED[0]] else None


def _split(heard: Sequence[Person], former: Calibration | None) -> tuple[list[Person], Cohort | None]:
    """Who is tried, and the cohort: some of these people where they are many, else the former one.

    A cohort that does not normalize stays: the encoder does better so (``scripts/measure/calibrate.py`` tries both).
    """
    if former is not None and former.normalizer is None:
        return list(heard), former.cohort
    spare = len(heard) - ENOUGH_PEOPLE
    if spare < COHORT_PEOPLE:
        return list(heard), None if former is None else former.cohort
    cohort = heard[ENOUGH_PEOPLE::2] if spare >= 2 * COHORT_PEOPLE else heard[ENOUGH_PEOPLE:]
    chosen = {id(person) for person in cohort}
    tried = [person for person in heard if id(person) not in chosen]
    return tried, Cohort(np.stack([middle(person.voiceprint) for person in cohort]), COHORT_TOP)


def _rates(measured: Sequence[tuple[Trials, Calibration]]) -> dict[str, float]:
    """Rates over all looks, each calibration with the bound of its own."""
    same = np.concatenate([trials.same for trials, _ in measured])
    llr = np.concatenate([trials.llr(calibration) for trials, calibration in measured])
    margin = np.concatenate([trials.llr(calibration) - calibration.threshold(0.01) for trials, calibration in measured])
    return {
        "eer": eer(llr[same], llr[~same]),
        "cllr": cllr(llr[same], llr[~same]),
        "min_cllr": min_cllr(llr[same], llr[~same]),
        "far_at_target_01": float(np.mean(margin[~same] >= 0)),
        "frr_at_target_01": float(np.mean(margin[same] < 0)),
    }
