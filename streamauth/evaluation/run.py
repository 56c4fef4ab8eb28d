"""Runs the trials of a list: enrolls everyone once, then tests each recording against all its claims.

Data path: trial list -> enrollments -> tests -> outcomes -> figures -> table, JSON, report.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streamauth.errors import BadTrialList
from streamauth.evaluation.trial_runner import Reference, Scoring, TrialOutcome, TrialRunner, settings_for_evaluation
from streamauth.evaluation.trials import Enrolled, TrialList, check_files
from streamauth.evaluation.work_folder import WorkFolder, digest, fingerprint
from streamauth.evaluation.workers import Enrolling, Testing, Workers
from streamauth.settings import Settings

# A phrase is recognized anew for each trial, which takes most of the time: a job is to be done in seconds.
_CLAIMS_WITH_WORDS = 10
_CLAIMS = 1000
_RATES = tuple(10 ** (exponent / 10) for exponent in range(-30, -4))  # 0.1 % to 32 %
NOT_ENROLLED = TrialOutcome(None)
"""Of a trial that claims somebody who could not be enrolled."""

Progress = Callable[[str, int, int], None]
"""Is told the stage ("enrollments" or "trials"), how many are done, and of how many."""


@dataclass(frozen=True)
class Evaluation:
    """What became of a list.

    Attributes:
        trials: The list.
        outcomes: Of each trial, in its order.
        failed_enrollments: Those of which no recording could be taken.
        failed_tests: Recordings with too little speech for a score.
        scoring: What a score is.
        encoder_id: Of the encoder.
        threshold: What the session compares the score with; None in plain scoring.
        target_far: The rate that the threshold aims at; None likewise, and where a prior sets the threshold.
        thresholds: (false-accept rate aimed at, threshold) over the range of use; empty likewise.
    """

    trials: TrialList
    outcomes: tuple[TrialOutcome, ...]
    failed_enrollments: tuple[Enrolled, ...]
    failed_tests: tuple[Path, ...]
    scoring: Scoring
    encoder_id: str
    threshold: float | None = None
    target_far: float | None = None
    thresholds: tuple[tuple[float, float], ...] = ()

    def of(self, *, attacks: bool) -> "Evaluation":
        """The same of the trials that present recordings, or of those in which people speak."""
        pairs = zip(self.trials.trials, self.outcomes, strict=True)
        kept = [(trial, outcome) for trial, outcome in pairs if bool(trial.attack) is attacks]
        trials = TrialList(tuple(trial for trial, _ in kept), self.trials.text_dependent)
        return replace(self, trials=trials, outcomes=tuple(outcome for _, outcome in kept))


def run(
    trials: TrialList,
    settings: Settings,
    scoring: Scoring = Scoring.FULL,
    *,
    work: Path | None = None,
    processes: int | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Evaluation:
    """Run a list.

    Args:
        trials: The list.
        settings: The user's.
        scoring: What a score is.
        work: Where intermediate results are kept; None keeps nothing.
        processes: How many processes; None for one on each core.
        progress: Is told how far it is.

    Raises:
        FileMissing, AudioError: A recording is missing or cannot be used.
        BadTrialList: A phrase has a word that the recognizer does not know.
        EngineError: A model cannot be loaded, or failed.
        InternalError: A process died.
    """
    settings = settings_for_evaluation(settings)
    check_files(trials.files, settings.audio.max_attempt_s, settings.audio.max_file_mb)
    runner = TrialRunner(settings, scoring, trials.text_dependent)
    _check_words(trials, runner)
    kept = WorkFolder(work, fingerprint(settings, runner.models, scoring), runner.models.encoder.id)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with Workers(runner, processes or cores) as workers:
        references = _enroll_all(trials, workers, kept, progress)
        outcomes = _test_all(trials, references, workers, kept, progress)
    calibration = runner.models.calibration
    full = scoring is Scoring.FULL
    scored = {t.test for t, o in zip(trials.trials, outcomes, strict=True) if o.score is not None}
    untested = {t.test for t in trials.trials if references[t.claimed] is not None} - scored
    return Evaluation(
        trials,
        tuple(outcomes),
        tuple(claimed for claimed, reference in references.items() if reference is None),
        tuple(sorted(untested)),
        scoring,
        runner.models.encoder.id,
        runner.threshold if full else None,
        runner.target_far if full else None,
        tuple((far, calibration.threshold(far)) for far in _RATES) if full else (),
    )


def _check_words(trials: TrialList, runner: TrialRunner) -> None:
    recognizer = runner.models.recognizer
    if recognizer is not None:
        words = tuple(sorted({word for trial in trials.trials for word in trial.claimed.words or ()}))
        if unknown := recognizer.unknown_words(words):
            raise BadTrialList(f"The recognizer does not know these words of the trial list: {', '.join(unknown)}.")


def _enroll_all(
    trials: TrialList, workers: Workers, kept: WorkFolder, progress: Progress
) -> dict[Enrolled, Reference | None]:
    people = {
        claimed: digest(*map(kept.content, claimed.files), claimed.words)
        for claimed in dict.fromkeys(trial.claimed for trial in trials.trials)
    }
    found: dict[str, Reference | None] = {}
    jobs = []
    for claimed, key in people.items():
        before = kept.enrolled(key)
        if before is None:
            jobs.append(Enrolling(key, claimed.files, claimed.words))
        else:
            found[key] = before[0]
    # the same recordings under two names are one enrollment
    jobs = list({job.key: job for job in jobs}.values())
    total = len(found) + len(jobs)
    progress("enrollments", len(found), total)
    for job, reference in workers.enroll(jobs):
        kept.keep_enrolled(job.key, reference)
        found[job.key] = reference
        progress("enrollments", len(found), total)
    return {claimed: found[key] for claimed, key in people.items()}


def _test_all(
    trials: TrialList,
    references: dict[Enrolled, Reference | None],
    workers: Workers,
    kept: WorkFolder,
    progress: Progress,
) -> list[TrialOutcome]:
    outcomes = [NOT_ENROLLED] * len(trials.trials)
    # the same job may stand for several groups of trials, where recordings are copies of each other
    jobs: dict[str, tuple[Path, list[tuple[int, ...]]]] = {}
    for key, file, numbers in _jobs(trials, references, kept):
        jobs.setdefault(key, (file, []))[1].append(numbers)
    done = sum(references[trial.claimed] is None for trial in trials.trials)

    def settle(key: str, results: Sequence[TrialOutcome]) -> None:
        nonlocal done
        for numbers in jobs[key][1]:
            done += len(numbers)
            for number, outcome in zip(numbers, results, strict=True):
                outcomes[number] = outcome
        progress("trials", done, len(outcomes))

    def open_jobs() -> Iterator[Testing]:
        for key, (file, groups) in jobs.items():
            before = kept.outcomes(key, len(groups[0]))
            if before is not None:
                settle(key, before)
                continue
            claims = (
                (trials.trials[number].claimed, references[trials.trials[number].claimed]) for number in groups[0]
            )
            known = tuple((claimed.words, reference) for claimed, reference in claims if reference is not None)
            yield Testing(key, file, known, kept.windows(file))

    progress("trials", done, len(outcomes))
    for job, (results, windows) in workers.test(open_jobs()):
        if len(windows) > len(job.known):
            kept.keep_windows(job.file, windows)
        kept.keep_outcomes(job.key, results)
        settle(job.key, results)
    return outcomes


def _jobs(
    trials: TrialList, references: dict[Enrolled, Reference | None], kept: WorkFolder
) -> Iterator[tuple[str, Path, tuple[int, ...]]]:
    """(key, recording, numbers of trials) of each job."""
    by_file: dict[Path, list[int]] = defaultdict(list)
    for number, trial in enumerate(trials.trials):
        if references[trial.claimed] is not None:
            by_file[trial.test].append(number)
    names = {claimed: digest(*map(kept.content, claimed.files), claimed.words) for claimed in references}
    size = _CLAIMS_WITH_WORDS if trials.text_dependent else _CLAIMS
    for file, all_numbers in by_file.items():
        for first in range(0, len(all_numbers), size):
            numbers = tuple(all_numbers[first : first + size])
            claims = (names[trials.trials[number].claimed] for number in numbers)
            yield digest(kept.content(file), *claims), file, numbers
