"""Whole evaluations, with the engines of the tests in this process."""

import stat
from collections.abc import Callable
from math import log
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.core.ports import Samples
from streamauth.core.sessions.base import Models
from streamauth.errors import AudioNotFinite, BadTrialList, EngineError, InputError, NotAudio
from streamauth.evaluation import trial_runner
from streamauth.evaluation.figures import figures
from streamauth.evaluation.labels import table
from streamauth.evaluation.run import Evaluation, run
from streamauth.evaluation.trial_runner import Scoring, TrialOutcome
from streamauth.evaluation.trials import read_trials
from streamauth.evaluation.work_folder import FOLDER
from streamauth.settings import Settings
from tests.fakes import BrokenEncoder, FakeEncoder, fake_models, pause, say

TALK = "open the front door please close the window my voice is my key"
PHRASE = "open the front door please"
SETTINGS = Settings()


class Rig:
    """A folder of recordings and a list over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.encoder = FakeEncoder()

    def record(self, name: str, *pieces: Samples) -> str:
        soundfile.write(self.folder / name, np.concatenate([pause(0.6), *pieces, pause(0.8)]), 16_000, subtype="FLOAT")
        return name

    def models(self, settings: Settings, *, with_words: bool) -> Models:
        models = fake_models(self.encoder)
        return models if with_words else Models(models.detector, models.encoder, models.calibration)

    def run(
        self,
        *lines: str,
        scoring: Scoring = Scoring.FULL,
        work: Path | None = None,
        progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    ) -> Evaluation:
        path = self.folder / "trials.txt"
        path.write_text("\n".join(lines), "utf-8")
        return run(read_trials(path, SETTINGS), SETTINGS, scoring, work=work, processes=1, progress=progress)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(tmp_path)

    class Engines:
        def __init__(self, settings: Settings) -> None:
            self._settings = settings

        def models(self, *, with_words: bool) -> Models:
            return made.models(self._settings, with_words=with_words)

    monkeypatch.setattr(trial_runner, "Engines", Engines)
    return made


def talks(rig: Rig) -> list[str]:
    for speaker in (1, 2):
        for take in (1, 2, 3):
            rig.record(f"{speaker}-{take}.wav", say(TALK, speaker, level=0.15 + 0.02 * take))
    return [
        "1 1-1.wav,1-2.wav 1-3.wav",
        "0 1-1.wav,1-2.wav 2-3.wav",
        "1 2-1.wav,2-2.wav 2-3.wav",
        "0 2-1.wav,2-2.wav 1-3.wav",
    ]


def scores(evaluation: Evaluation) -> list[float]:
    found = [outcome.score for outcome in evaluation.outcomes]
    assert None not in found
    return [score for score in found if score is not None]


def test_people_are_told_apart(rig: Rig) -> None:
    evaluation = rig.run(*talks(rig))
    assert [outcome.verdict for outcome in evaluation.outcomes] == ["accept", "reject", "accept", "reject"]
    assert min(scores(evaluation)[::2]) > 5 > -5 > max(scores(evaluation)[1::2])
    assert all(outcome.speech_s for outcome in evaluation.outcomes)
    found = figures(evaluation)
    assert (found["eer"], found["decision"]["far"], found["decision"]["frr"]) == (0, 0, 0)


def test_plain_scores_are_cosines_and_no_session_runs(rig: Rig) -> None:
    evaluation = rig.run(*talks(rig), scoring=Scoring.PLAIN)
    assert all(-1 <= score <= 1 for score in scores(evaluation))
    assert min(scores(evaluation)[::2]) > max(scores(evaluation)[1::2])
    assert {(outcome.verdict, outcome.speech_s) for outcome in evaluation.outcomes} == {(None, None)}


def test_phrases_count_in_full_and_not_in_plain_scoring(rig: Rig) -> None:
    for take in (1, 2, 3):
        rig.record(f"1-{take}.wav", say(PHRASE, 1, level=0.15 + 0.02 * take))
    rig.record("1-other.wav", say("close the window my voice", 1))
    rig.record("2-right.wav", say(PHRASE, 2))
    rig.record("2-other.wav", say("close the window my voice", 2))
    files = {"TC": "1-3.wav", "TW": "1-other.wav", "IC": "2-right.wav", "IW": "2-other.wav"}
    lines = [f"{kind} 1-1.wav,1-2.wav {file} {PHRASE}" for kind, file in files.items()]
    full = rig.run(*lines)
    assert [outcome.verdict for outcome in full.outcomes] == ["accept", "reject", "reject", "reject"]
    right, *wrong = scores(full)
    assert right > 3 > max(wrong)
    found = figures(full)
    assert found["eer"] == 0
    assert {kind: each["far"] for kind, each in found["by_class"].items()} == {"TW": 0, "IC": 0, "IW": 0}
    plain = scores(rig.run(*lines, scoring=Scoring.PLAIN))
    # the same voice is the same voice, whatever it says
    assert min(plain[:2]) > 0.9 > max(plain[2:])


def test_a_prior_in_the_settings_sets_the_threshold(rig: Rig) -> None:
    settings = SETTINGS.with_values({"decision": {"prior": 0.2, "cost_ratio": 10.0}}, "test")
    path = rig.folder / "trials.txt"
    path.write_text("\n".join(talks(rig)), "utf-8")
    evaluation = run(read_trials(path, settings), settings, processes=1)
    assert evaluation.threshold == pytest.approx(log(40))
    found = figures(evaluation)
    assert found["operating_point"] == {"target_far": None, "threshold": round(log(40), 6), "far": 0, "frr": 0}
    assert "At the threshold for the prior (LLR +3.69)" in table(found)


def test_a_phrase_that_was_not_enrolled_is_a_failure_to_enroll(rig: Rig) -> None:
    for take in (1, 2):
        rig.record(f"1-{take}.wav", say(PHRASE, 1))
    lines = ("TC 1-1.wav 1-2.wav close the window my voice", "TC 1-1.wav 1-2.wav " + PHRASE)
    evaluation = rig.run(*lines, "TW 1-1.wav 1-2.wav close the window my voice")
    assert [claimed.words for claimed in evaluation.failed_enrollments] == [("close", "the", "window", "my", "voice")]
    assert evaluation.outcomes[0] == evaluation.outcomes[2] == TrialOutcome(None)
    assert evaluation.outcomes[1].verdict == "accept"


@pytest.mark.parametrize("scoring", list(Scoring))
def test_too_little_speech_is_counted_and_never_accepted(rig: Rig, scoring: Scoring) -> None:
    rig.record("short.wav", say("open", 1))
    lines = (*talks(rig), "1 short.wav 1-3.wav", "1 1-1.wav short.wav", "0 2-1.wav short.wav")
    evaluation = rig.run(*lines, scoring=scoring)
    assert [claimed.files for claimed in evaluation.failed_enrollments] == [(rig.folder / "short.wav",)]
    assert evaluation.failed_tests == (rig.folder / "short.wav",)
    assert [outcome.score for outcome in evaluation.outcomes[4:]] == [None, None, None]
    found = figures(evaluation)
    assert (found["n_target"], found["n_nontarget"]) == (4, 3)
    assert (found["n_failed_enrol"], found["n_failed_test"]) == (1, 1)
    assert found["frr_at_far_01"] == 0.5
    if scoring is Scoring.FULL:
        assert found["decision"]["frr"] == 0.5
        assert found["decision"]["far"] == 0


def test_words_that_cannot_be_recognized_are_told(rig: Rig) -> None:
    rig.record("a.wav", say(PHRASE, 1))
    with pytest.raises(BadTrialList, match="does not know these words of the trial list: xyzzy"):
        rig.run("TC a.wav a.wav open the xyzzy", "IC a.wav a.wav open the xyzzy")


def test_unusable_audio_is_named(rig: Rig) -> None:
    lines = talks(rig)
    (rig.folder / "bad.wav").write_text("no audio")
    with pytest.raises(NotAudio, match=r"bad\.wav: "):
        rig.run(*lines, "0 1-1.wav bad.wav")
    samples = say(TALK, 1)
    samples[9000] = np.nan
    rig.record("nan.wav", samples)
    for line in ("0 1-1.wav nan.wav", "0 nan.wav 1-1.wav"):
        for scoring in Scoring:
            with pytest.raises(AudioNotFinite, match=r"nan\.wav: "):
                rig.run(*lines, line, scoring=scoring)


@pytest.mark.parametrize("at_call", [1, 9])
def test_a_failing_engine_ends_the_evaluation(rig: Rig, at_call: int) -> None:
    lines = talks(rig)
    rig.encoder = BrokenEncoder(at_call)
    with pytest.raises((EngineError, RuntimeError)):
        rig.run(*lines)


def test_each_recording_is_embedded_once(rig: Rig) -> None:
    lines = talks(rig)
    rig.run(*lines)
    few = rig.encoder.calls
    rig.encoder = FakeEncoder()
    rig.run(*lines, *["0 1-1.wav,1-2.wav 2-3.wav"] * 50)
    assert rig.encoder.calls == few


def test_what_was_worked_out_is_not_worked_out_again(rig: Rig, tmp_path: Path) -> None:
    lines, work = talks(rig), tmp_path / "work"
    steps: list[tuple[str, int, int]] = []
    once = rig.run(*lines, work=work, progress=lambda *step: steps.append(step))
    assert steps == [
        ("enrollments", 0, 2),
        ("enrollments", 1, 2),
        ("enrollments", 2, 2),
        ("trials", 0, 4),
        ("trials", 2, 4),
        ("trials", 4, 4),
    ]
    kept = work / FOLDER
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in kept.iterdir())
    rig.encoder = FakeEncoder()
    assert rig.run(*lines, work=work).outcomes == once.outcomes
    assert rig.encoder.calls == 0
    # a trial more needs the enrollment of one more person, and no recording is embedded again
    more = rig.run(*lines, "0 1-1.wav 2-3.wav", work=work)
    assert more.outcomes[:4] == once.outcomes
    assert 0 < rig.encoder.calls <= 12


def test_other_settings_recordings_and_scorings_are_worked_out_anew(rig: Rig, tmp_path: Path) -> None:
    lines, work = talks(rig), tmp_path / "work"
    once = rig.run(*lines, work=work)
    rig.record("1-3.wav", say(TALK, 2))
    other = rig.run(*lines, work=work)
    assert other.outcomes[0].verdict == "reject"
    assert other.outcomes[1] == once.outcomes[1]
    plain = rig.run(*lines, work=work, scoring=Scoring.PLAIN)
    assert all(-1 <= score <= 1 for score in scores(plain))
    strict = SETTINGS.with_values({"decision": {"min_speech_s": 9.0}}, "test")
    path = rig.folder / "trials.txt"
    undecided = run(read_trials(path, strict), strict, work=work, processes=1)
    assert {outcome.verdict for outcome in undecided.outcomes} == {"undecided"}


def test_half_written_results_count_as_none(rig: Rig, tmp_path: Path) -> None:
    lines, work = talks(rig), tmp_path / "work"
    once = rig.run(*lines, work=work)
    for file in (work / FOLDER).iterdir():
        file.write_bytes(file.read_bytes()[:20])
    assert rig.run(*lines, work=work).outcomes == once.outcomes


def test_copies_of_a_recording_are_one(rig: Rig, tmp_path: Path) -> None:
    lines = talks(rig)
    (rig.folder / "copy.wav").write_bytes((rig.folder / "1-3.wav").read_bytes())
    evaluation = rig.run(*lines, "1 1-1.wav,1-2.wav copy.wav", "0 2-1.wav,2-2.wav copy.wav", work=tmp_path / "work")
    assert evaluation.outcomes[4] == evaluation.outcomes[0]
    assert evaluation.outcomes[5] == evaluation.outcomes[3]


def test_nothing_is_left_behind_without_a_work_folder(rig: Rig) -> None:
    lines = talks(rig)
    before = set(rig.folder.rglob("*"))
    rig.run(*lines)
    assert set(rig.folder.rglob("*")) - before == {rig.folder / "trials.txt"}


def test_a_work_folder_that_cannot_be_made_is_told(rig: Rig) -> None:
    lines = talks(rig)
    with pytest.raises(InputError, match="work folder"):
        rig.run(*lines, work=rig.folder / "1-1.wav")
