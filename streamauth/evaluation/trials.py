"""Lists of trials: who is claimed, by which recordings, and which recording is tested.

Two forms, one trial a line; ``#`` begins a comment line. File names have no white space:

- text-independent, as VoxCeleb's: ``1|0 enrol1[,enrol2...] test``, 1 for the same speaker;
- text-dependent: ``TC|TW|IC|IW enrol1[,enrol2...] test phrase words``: the target speaker or an impostor, with the
  correct or wrong phrase; the words are those that the claimed person enrolled.

Two marks may stand at the end of a line: ``@group=NAME`` puts the claimed person into a group, for which rates are
given; ``@attack=CONDITION`` says that the test presents a recording of the claimed person (ISO/IEC 30107-3), which is
to be refused (0, IC), and is in no rate but that of such attacks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from streamauth.core.phrase.words import normalize
from streamauth.errors import BadPhrase, BadTrialList, FileMissing
from streamauth.settings import Settings
from streamauth.sources import naming

MAX_UTTERANCES = 20
"""Most enrollment files of a trial with a phrase."""

_TOLD = 5  # as many file names as a message holds


class Kind(StrEnum):
    """What a trial is."""

    TARGET = "1"
    NONTARGET = "0"
    TARGET_CORRECT = "TC"
    TARGET_WRONG = "TW"
    IMPOSTOR_CORRECT = "IC"
    IMPOSTOR_WRONG = "IW"

    @property
    def target(self) -> bool:
        """Whether it is to be accepted."""
        return self in (Kind.TARGET, Kind.TARGET_CORRECT)

    @property
    def text_dependent(self) -> bool:
        """Whether a phrase belongs to it."""
        return self not in (Kind.TARGET, Kind.NONTARGET)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Who is claimed.

    Attributes:
        files: The recordings that enroll.
        words: The pass phrase; None if text-independent.
    """

    files: tuple[Path, ...]
    words: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One comparison.

    Attributes:
        kind: What it is.
        claimed: Who is claimed.
        test: The recording that is tested.
        group: Of people, to which the claimed one belongs; empty for none.
        attack: In which condition a recording is presented; empty for a person who speaks.
    """

    kind: Kind
    claimed: Enrolled
    test: Path
    group: str = ""
    attack: str = ""


@dataclass(frozen=True, slots=True)
class TrialList:
    """A list of trials, at least one of them a target and one not.

    Attributes:
        trials: In the order of the file.
        text_dependent: Whether there are phrases.
    """

    trials: tuple[Trial, ...]
    text_dependent: bool

    @property
    def files(self) -> list[Path]:
        """Every recording, once, in order."""
        return list(dict.fromkeys(file for trial in self.trials for file in (*trial.claimed.files, trial.test)))

    @property
    def same_file(self) -> int:
        """Trials whose tested recording is also one that enrolls, so that they tell nothing."""
        return sum(trial.test in trial.claimed.files for trial in self.trials)


def read_trials(path: Path, settings: Settings, root: Path | None = None) -> TrialList:
    """Read a list.

    Args:
        path: The list, UTF-8.
        settings: Limits of phrases and enrollments.
        root: The folder that its file names count from; that of the list if None.

    Raises:
        FileMissing: The list cannot be read.
        BadTrialList: A line is none of the forms, or of another form than the first; or a kind of trial is missing.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError:
        raise FileMissing(f"The trial list {path} cannot be read.") from None
    except UnicodeDecodeError:
        raise BadTrialList(f"The trial list {path} is no UTF-8 text.") from None
    trials = tuple(_trials(text.splitlines(), path.parent if root is None else root, settings))
    if {trial.kind.target for trial in trials if not trial.attack} != {True, False}:
        raise BadTrialList("The trial list needs at least one target and one non-target trial.")
    return TrialList(trials, trials[0].kind.text_dependent)


def _trials(lines: Iterable[str], root: Path, settings: Settings) -> Iterator[Trial]:
    text_dependent: bool | None = None
    # one object for each person claimed, however many trials there are
    people: dict[Enrolled, Enrolled] = {}
    for number, line in enumerate(lines, 1):
        fields, marks = _marks(line.split(), number)
        if not fields or fields[0].startswith("#"):
            continue
        try:
            kind = Kind(fields[0])
        except ValueError:
            raise _bad(number, f"{fields[0][:20]!r} is not one of {', '.join(Kind)}.") from None
        if text_dependent is None:
            text_dependent = kind.text_dependent
        if kind.text_dependent is not text_dependent:
            raise _bad(number, "Trials with and without a phrase cannot be in one list.")
        if text_dependent and len(fields) < 4:
            raise _bad(number, "A trial with a phrase is: kind, enrollment files, test file, the words of the phrase.")
        if not text_dependent and len(fields) != 3:
            raise _bad(number, "A trial is three fields: 1 or 0, enrollment files, test file, without spaces in them.")
        names = fields[1].split(",")
        if not all(names) or (text_dependent and len(names) > MAX_UTTERANCES):
            most = f"1 to {MAX_UTTERANCES}" if text_dependent else "one or more"
            raise _bad(number, f"There must be {most} enrollment files, with one comma between two.")
        words = None
        if text_dependent:
            try:
                words = normalize(" ".join(fields[3:]), max_words=settings.phrase.max_words)
            except BadPhrase as error:
                raise _bad(number, error.message) from None
        if marks.get("attack") and kind not in (Kind.NONTARGET, Kind.IMPOSTOR_CORRECT):
            raise _bad(number, "A recording that is presented is to be refused: its trial is 0 or IC.")
        claimed = Enrolled(tuple(root / name for name in names), words)
        yield Trial(kind, people.setdefault(claimed, claimed), root / fields[2], **marks)


def _marks(fields: list[str], number: int) -> tuple[list[str], dict[str, str]]:
    """The fields of a line without its marks, and these."""
    marks = {}
    while fields and fields[-1].startswith("@"):
        name, _, value = fields.pop()[1:].partition("=")
        if name not in ("group", "attack") or not value or name in marks:
            raise _bad(number, "The marks at the end of a line are @group=NAME and @attack=CONDITION, each once.")
        marks[name] = value
    return fields, marks


def _bad(number: int, what: str) -> BadTrialList:
    return BadTrialList(f"Line {number} of the trial list: {what}")


def check_files(files: Iterable[Path], max_s: float, max_mb: float) -> None:
    """See that every recording is there and begins as audio, before any of them is worked on.

    Raises:
        FileMissing: Some are missing.
        AudioError: One is no audio, which is named.
    """
    from streamauth.sources.files import open_audio

    files = list(files)
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        more = f" and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
        told = ", ".join(missing[:_TOLD]) + more
        raise FileMissing(f"{len(missing)} of the {len(files)} audio files are missing: {told}. Give --root DIR.")
    for file in files:
        with naming(file):
            open_audio(file, max_s=max_s, max_mb=max_mb).close()
