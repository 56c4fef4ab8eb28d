from pathlib import Path

import pytest

from streamauth.errors import BadTrialList, FileMissing
from streamauth.evaluation.trials import Kind, check_files, read_trials
from streamauth.settings import Settings

SETTINGS = Settings()


def written(folder: Path, *lines: str) -> Path:
    path = folder / "trials.txt"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_lists_without_phrases(tmp_path: Path) -> None:
    path = written(tmp_path, "# made by hand", "", "1 a.wav,b/c.wav d.wav", "0\ta.wav  e.wav")
    trials = read_trials(path, SETTINGS)
    assert not trials.text_dependent
    first, second = trials.trials
    assert (first.kind, second.kind) == (Kind.TARGET, Kind.NONTARGET)
    assert first.kind.target
    assert not second.kind.target
    assert first.claimed.files == (tmp_path / "a.wav", tmp_path / "b" / "c.wav")
    assert first.claimed.words is None
    assert trials.files == [tmp_path / name for name in ("a.wav", "b/c.wav", "d.wav", "e.wav")]
    assert trials.same_file == 0


def test_lists_with_phrases(tmp_path: Path) -> None:
    lines = [f"{kind} a.wav,b.wav c.wav Open the door, 2 times!" for kind in ("TC", "TW", "IC", "IW")]
    trials = read_trials(written(tmp_path, *lines), SETTINGS, root=Path("/elsewhere"))
    assert trials.text_dependent
    assert [trial.kind.target for trial in trials.trials] == [True, False, False, False]
    assert {trial.claimed.words for trial in trials.trials} == {("open", "the", "door", "two", "times")}
    assert trials.trials[0].test == Path("/elsewhere/c.wav")


def test_trials_that_test_an_enrolled_file_are_counted(tmp_path: Path) -> None:
    assert read_trials(written(tmp_path, "1 a.wav a.wav", "0 a.wav b.wav"), SETTINGS).same_file == 1


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("2 a.wav b.wav", "'2' is not one of"),
        ("tc a.wav b.wav open the door", "'tc' is not one of"),
        ("1 a.wav", "three fields"),
        ("1 a.wav b.wav c.wav", "three fields"),
        ("1 a.wav,,b.wav c.wav", "enrollment files"),
        ("TC a.wav b.wav open the door", "cannot be in one list"),
        ("0 a.wav b.wav @attack", "marks at the end"),
        ("0 a.wav b.wav @room=hall", "marks at the end"),
        ("0 a.wav b.wav @group=a @group=b", "marks at the end"),
        ("1 a.wav b.wav @attack=loudspeaker", "to be refused"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(BadTrialList, match="Line 3 of the trial list: .*" + what):
        read_trials(written(tmp_path, "# comment", "1 a.wav b.wav", line, "0 a.wav c.wav"), SETTINGS)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("TC a.wav b.wav", "A trial with a phrase is"),
        ("TC a.wav b.wav ...", "has no words"),
        (f"TC a.wav b.wav {'word ' * 21}", "more than 20 words"),
        (f"TC {','.join(['a.wav'] * 21)} b.wav open the door", "1 to 20 enrollment files"),
        ("0 a.wav b.wav", "cannot be in one list"),
    ],
)
def test_bad_lines_with_phrases_are_named(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(BadTrialList, match="Line 2 of the trial list: .*" + what):
        read_trials(written(tmp_path, "IC a.wav b.wav open the door", line), SETTINGS)


@pytest.mark.parametrize("lines", [[], ["# nothing"], ["1 a.wav b.wav"], ["0 a.wav b.wav"]])
def test_a_list_needs_both_kinds_of_trials(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(BadTrialList, match="at least one target and one non-target"):
        read_trials(written(tmp_path, *lines), SETTINGS)


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"no-such\.txt"):
        read_trials(tmp_path / "no-such.txt", SETTINGS)
    (tmp_path / "trials.txt").write_bytes(b"1 \xff\xfe b.wav")
    with pytest.raises(BadTrialList, match="UTF-8"):
        read_trials(tmp_path / "trials.txt", SETTINGS)


def test_all_missing_files_are_told_shortened(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"7 of the 7 audio files are missing: .*0\.wav.*4\.wav and 2 more\."):
        check_files([tmp_path / f"{number}.wav" for number in range(7)], 60, 10)


def test_marks_of_groups_and_of_recordings_that_are_presented(tmp_path: Path) -> None:
    lines = ["1 a.wav b.wav @group=women", "0 a.wav c.wav", "0 a.wav d.wav @attack=loudspeaker @group=women"]
    trials = read_trials(written(tmp_path, *lines), SETTINGS).trials
    assert [(trial.group, trial.attack) for trial in trials] == [("women", ""), ("", ""), ("women", "loudspeaker")]
    with pytest.raises(BadTrialList, match="at least one target and one non-target"):
        read_trials(written(tmp_path, lines[0], lines[2]), SETTINGS)
    spoken = read_trials(written(tmp_path, "TC a.wav b.wav open it @group=x", "IC a.wav c.wav open it"), SETTINGS)
    assert spoken.trials[0].claimed.words == ("open", "it")
