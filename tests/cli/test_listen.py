"""``streamauth listen``: hooks, lock, recovery of the microphone, the daemon, and a narrow terminal."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
import soundfile
from rich.console import Console

from streamauth.cli import listen as command
from streamauth.cli.hooks import Absence, Hooks
from streamauth.cli.live import LiveView
from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import (
    Decided,
    Event,
    LevelMeasured,
    Reason,
    ScoreUpdated,
    SpeechEnded,
    SpeechStarted,
    UtteranceTaken,
    Verdict,
    WordsHeard,
)
from streamauth.errors import MicrophoneUnplugged, StreamAuthError
from streamauth.login import protocol
from streamauth.login.guidance import TO_READ
from streamauth.sources import microphone as source
from tests.cli.rig import PHRASE as HELLO
from tests.cli.rig import Outcome, Shell, voice
from tests.login.rig import OTHER, PHRASE, me, running, spoken


class FakeMicrophone:
    """Plays the next of ``takes`` at each opening, a hundredth of a second a time, then raises its error or ends."""

    takes: ClassVar[list[tuple[Any, StreamAuthError | None]]] = []
    opened: ClassVar[list[object]] = []
    format = AudioFormat(16_000, 1, Encoding.F32LE)

    def __init__(self, device: object, **_: object) -> None:
        self.opened.append(device)
        self._samples, self._error = self.takes.pop(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, self._samples.size, 1600):
            yield self._samples[at : at + 1600].astype("<f4").tobytes()
        if self._error is not None:
            raise self._error


@pytest.fixture
def takes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, StreamAuthError | None]]:
    FakeMicrophone.takes, FakeMicrophone.opened = [], []
    monkeypatch.setattr(source, "Microphone", FakeMicrophone)
    monkeypatch.setattr(protocol, "SOCKET", "/nonexistent/login.sock")
    monkeypatch.setattr(command, "_LOOK_AGAIN_S", 0.0)
    return FakeMicrophone.takes


def samples(who: str, *utterances: str) -> Any:
    """Utterances one after the other, shape (n,)."""
    return np.concatenate([soundfile.read(voice(who, utterance))[0] for utterance in utterances])


def script(folder: Path, name: str) -> tuple[str, Path]:
    """A program that appends what it is given to a file."""
    program, told = folder / name, folder / f"{name}.txt"
    program.write_text(f"#!/bin/sh\ncat >> {told}\n")
    program.chmod(0o755)
    return str(program), told


def decisions(told: Path) -> list[str]:
    return [json.loads(line)["decision"] for line in told.read_text().splitlines()] if told.exists() else []


def test_programs_run_on_accept_and_reject(
    enrolled: Shell, takes: list[tuple[Any, StreamAuthError | None]], tmp_path: Path
) -> None:
    accept, accepted = script(tmp_path, "accept")
    reject, rejected = script(tmp_path, "reject")
    hooks = ("--on-accept", accept, "--on-reject", reject)
    takes.append((samples("slt", "door-4"), None))
    assert enrolled("listen", "alice", *hooks).code == 0
    assert (decisions(accepted), decisions(rejected)) == (["accept"], [])
    takes.append((samples("rms", "door-4"), None))
    outcome = enrolled("listen", "alice", "--json", *hooks)
    assert (outcome.code, lines(outcome)[-1]["decision"]) == (1, "reject")
    assert (decisions(accepted), decisions(rejected)) == (["accept"], ["reject"])
    assert "door" not in accepted.read_text()  # the words are told to no program
    takes.append((samples("slt", "door-4"), None))
    outcome = enrolled("listen", "alice", "--on-accept", "/nonexistent/program")
    assert outcome.code == 0
    assert "cannot be run" in outcome.err


def lines(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.out.splitlines()]


EVENTS = {"level", "speech_started", "score", "words"}


@pytest.mark.parametrize(
    ("command", "kinds", "last"),
    [
        (("listen", "alice"), EVENTS, {"type": "decision", "decision": "accept"}),
        (
            ("listen", "alice", "--new-prompt", "digits"),
            {"prompt", *EVENTS},
            {"type": "decision", "decision": "reject"},
        ),
        (("listen", "alice", "--continuous"), {"decision", *EVENTS}, {"type": "ended", "decision": "accept"}),
        (("verify", "alice", "--mic"), EVENTS, {"type": "decision", "decision": "accept"}),
        (("identify", "--mic"), {"level", "ranking"}, {"type": "decision", "name": "alice"}),
        (("enroll", "carol", "--mic", "--phrase", HELLO), {"level", "utterance_taken"}, {"type": "enrollment"}),
    ],
)
def test_each_event_of_a_microphone_is_a_line_of_json(
    enrolled: Shell,
    takes: list[tuple[Any, StreamAuthError | None]],
    command: tuple[str, ...],
    kinds: set[str],
    last: dict[str, str],
) -> None:
    takes.append((samples("slt", "door-4"), None))
    *events, outcome = lines(enrolled(*command, "--json"))
    assert kinds <= {event["type"] for event in events}
    assert outcome | last == outcome


@pytest.mark.parametrize(
    ("command", "shows_score"),
    [(("enroll", "carol", "--mic", "--phrase", HELLO), False), (("verify", "alice", "--mic"), True)],
)
def test_a_terminal_shows_how_loud_it_is(
    enrolled: Shell,
    takes: list[tuple[Any, StreamAuthError | None]],
    command: tuple[str, ...],
    shows_score: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen, show = Console(file=io.StringIO(), width=80), LiveView.show

    def followed(view: LiveView, event: Event) -> None:
        show(view, event)
        screen.print(view.render())

    monkeypatch.setattr(LiveView, "show", followed)
    takes.append((samples("slt", "door-4"), None))
    enrolled(*command)
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    meters = {line.partition("  speech")[0] for line in lines if line.startswith("level")}
    assert len(meters) > 5
    assert any("▮▮▮▮" in meter for meter in meters)
    assert any(line.startswith("score") for line in lines) is shows_score


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("listen", "alice"), "Say your pass phrase."),
        (("listen", "alice", "--continuous"), "Say your pass phrase. Go on talking after it; Ctrl-C ends."),
        (("listen", "carol"), "Talk about anything for a few seconds."),
        (("verify", "alice", "--mic"), "Say your pass phrase."),
        (("identify", "--mic"), "Talk about anything for a few seconds."),
        (("verify", "alice", "--mic", "--new-prompt", "digits"), "Say your pass phrase, then, within 60 s:"),
    ],
)
def test_it_is_told_what_to_say(
    enrolled: Shell, takes: list[tuple[Any, StreamAuthError | None]], command: tuple[str, ...], said: str
) -> None:
    if "carol" in command:
        assert enrolled("enroll", "carol", voice("rms", "long-1"), "--text-independent").code == 0
    takes.append((samples("slt", "door-4"), None))
    assert said in " ".join(enrolled(*command).err.split())


def test_free_speech_has_a_text_to_read(shell: Shell, takes: list[tuple[Any, StreamAuthError | None]]) -> None:
    takes.append((samples("rms", "long-1"), None))
    outcome = shell("enroll", "bob", "--mic", "--text-independent")
    assert (outcome.code, TO_READ[:40] in outcome.err) == (0, True)


def picture(view: LiveView, *events: Event) -> str:
    for event in events:
        view.show(event)
    with view.console.capture() as captured:
        view.console.print(view.render())
    return captured.get()


def test_free_speech_shows_how_much_is_to_come_while_it_is_spoken() -> None:
    view = LiveView(Console(file=io.StringIO(), width=80), None, speech_s=20.0)
    assert "about 20 s to go" in picture(view)
    started = SpeechStarted(16_000, 16_000)
    assert "about 15 s to go" in picture(view, started, LevelMeasured(6 * 16_000, -20.0, 0.5, clipped=False))
    told = picture(view, UtteranceTaken(10 * 16_000, 1, 0, 8.0, 12.0, None), SpeechEnded(10 * 16_000, 0, 10 * 16_000))
    assert "about 12 s to go" in told
    assert told.partition("\nspeech")[2].count("▮") == 30 * 8 // 20
    assert "that is enough" in picture(view, UtteranceTaken(30 * 16_000, 2, 0, 20.0, 0.0, None))


@pytest.mark.parametrize(
    ("rms_dbfs", "clipped", "hint"),
    [
        (-20.0, False, ""),
        (-33.0, False, ""),  # the loudest of a voice of -40 dB
        (-40.0, False, "too quiet: come closer"),  # of one of -45 dB
        (-90.0, False, "nothing is heard"),
        (-10.0, True, "too loud: step back"),
    ],
)
def test_what_is_wrong_with_the_level_is_told_within_three_seconds(rms_dbfs: float, clipped: bool, hint: str) -> None:
    view = LiveView(Console(file=io.StringIO(), width=80), 0.0)
    levels = [LevelMeasured(1_600 * n, rms_dbfs, 0.5, clipped) for n in range(1, 30)]
    told = picture(view, *levels)
    assert hint in told
    assert bool(hint) is (len(told.splitlines()) == 3)


def test_an_error_is_the_last_line(enrolled: Shell, takes: list[tuple[Any, StreamAuthError | None]]) -> None:
    takes.append((samples("slt", "door-4")[:8000], MicrophoneUnplugged()))
    *events, error = lines(enrolled("listen", "alice", "--json"))
    assert {event["type"] for event in events} >= {"level"}
    assert error["error"]["code"] == "microphone_unplugged"


def test_the_session_is_locked_when_another_one_speaks(
    enrolled: Shell, takes: list[tuple[Any, StreamAuthError | None]], tmp_path: Path
) -> None:
    lock, locked = script(tmp_path, "lock")
    change, changed = script(tmp_path, "change")
    takes.append((np.concatenate([samples("slt", "door-4"), samples("rms", "long-2"), samples("slt", "long-2")]), None))
    outcome = enrolled("listen", "alice", "--continuous", "--lock-command", lock, "--on-change", change)
    assert outcome.code in (0, 1, 3)
    assert decisions(locked) == ["reject"]
    assert decisions(changed)[0] == "reject"


def test_the_session_is_locked_when_nobody_speaks_for_long(
    enrolled: Shell, takes: list[tuple[Any, StreamAuthError | None]], tmp_path: Path
) -> None:
    lock, locked = script(tmp_path, "lock")
    takes.append((np.concatenate([samples("slt", "door-4"), np.zeros(16_000 * 5)]), None))
    locking = ("--lock-after", "3", "--lock-command", lock)
    outcome = lines(enrolled("listen", "alice", "--continuous", "--json", *locking))
    assert json.loads(locked.read_text()) == {"absent_s": 3.0}
    assert [line for line in outcome if line["type"] == "absent"] == [{"type": "absent", "absent_s": 3.0}]


def test_lock_needs_a_continuous_session(shell: Shell, takes: list[tuple[Any, StreamAuthError | None]]) -> None:
    for option in ("--lock", "--lock-after=60"):
        assert shell.json("listen", "alice", option).error == "bad_input"


def test_a_microphone_that_comes_back(
    enrolled: Shell, takes: list[tuple[Any, StreamAuthError | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = iter([MicrophoneUnplugged(), None])

    def refresh() -> None:
        if (error := next(looked)) is not None:
            raise error

    monkeypatch.setattr(source, "refresh_devices", refresh)
    monkeypatch.setattr(source, "list_devices", list)
    monkeypatch.setattr(source, "choose_device", lambda devices, wanted: None)
    takes.append((samples("slt", "door-4"), MicrophoneUnplugged()))
    takes.append((samples("slt", "door-3"), None))
    outcome = enrolled("listen", "alice", "--continuous")
    assert outcome.code == 0
    assert "Waiting for it." in outcome.err
    assert "It is back." in outcome.err
    assert len(FakeMicrophone.opened) == 2


def test_without_an_accept_a_lost_microphone_is_an_error(
    enrolled: Shell, takes: list[tuple[Any, StreamAuthError | None]]
) -> None:
    takes.append((np.zeros(1600), MicrophoneUnplugged()))
    assert lines(enrolled("listen", "alice", "--continuous", "--json"))[-1]["error"]["code"] == "microphone_unplugged"


def test_the_daemon_listens_where_it_runs(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: list[tuple[Any, StreamAuthError | None]]
) -> None:
    """Nothing is loaded here: the microphone and the store of this folder are not touched."""
    with running(tmp_path / "daemon", phrase=PHRASE) as rig:
        monkeypatch.setattr(protocol, "SOCKET", str(rig.path))
        accept, accepted = script(tmp_path, "accept")
        rig.microphone.audio = spoken(PHRASE)
        outcome = shell("listen", me().name, "--json", "--on-accept", accept)
        first, *_, last = lines(outcome)
        assert (outcome.code, last["decision"]) == (0, "accept")
        assert first == {"type": "prompt", "say": "", "after_phrase": True}
        assert "Say:  your pass phrase" in outcome.err
        assert decisions(accepted) == ["accept"]
        rig.microphone.audio = spoken(PHRASE, OTHER)
        assert lines(shell("listen", me().name, "--json"))[-1]["decision"] == "reject"
        assert FakeMicrophone.opened == []
        takes += [(np.zeros(1600), None)] * 2
        assert shell.json("listen", "nobody-of-this-name").error == "unknown_profile"
        assert shell.json("listen", me().name, "--local").error == "unknown_profile"


def decided(verdict: Verdict) -> Decided:
    return Decided(0, verdict, (Reason.VOICE_MATCH,), None, None, 1.0)


def test_hooks_follow_the_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Sequence[str]] = []
    monkeypatch.setattr("streamauth.cli.hooks.problem_of", lambda words, line, timeout_s: ran.append(words))
    hooks = Hooks(("accept",), ("reject",), ("change",), ("lock",))
    for verdict in (Verdict.ACCEPT, Verdict.REJECT, Verdict.ACCEPT, Verdict.UNDECIDED):
        hooks.decided(decided(verdict))
    assert [words[0] for words in ran] == ["accept", "lock", "change", "change", "lock", "change"]
    hooks.begin_again()
    hooks.decided(decided(Verdict.REJECT))
    assert ran[-1] == ("reject",)


@pytest.mark.parametrize("width", [30, 44, 60, 120])
def test_the_view_fits_a_narrow_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    view = LiveView(console, 0.0, limit_s=30.0)
    view.show(LevelMeasured(16_000, -12.0, 0.5, clipped=False))
    view.show(ScoreUpdated(32_000, 0.7, 12.3, 2.0))
    view.show(WordsHeard(32_000, "open the door", final=False))
    with console.capture() as captured:
        console.print(view.render())
    lines = captured.get().splitlines()
    assert len(lines) == (5 if width < 68 else 4)
    assert "28 s left" in lines[-1]


def test_absence_is_told_once_and_counted_anew() -> None:
    absence = Absence(10.0, threshold=2.0)

    def at(second: int, llr: float | None = None) -> bool:
        sample = second * 16_000
        event = LevelMeasured(sample, -60.0, 0.0, clipped=False) if llr is None else ScoreUpdated(sample, 0.5, llr, 1.0)
        return absence.begins_with(event)

    assert not at(100)  # nobody was accepted yet
    assert not absence.begins_with(decided(Verdict.ACCEPT))
    assert not at(5, llr=3.0)
    assert not at(12, llr=-3.0)  # somebody else's
    assert not at(14)
    assert at(15)
    assert not at(30)
    assert not at(40, llr=3.0)
    assert at(50)
    assert not absence.begins_with(decided(Verdict.REJECT))  # that has locked already
    assert not at(99)
