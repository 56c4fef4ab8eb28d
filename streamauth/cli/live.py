"""What a person sees while an attempt runs: level, score against the threshold, words, decision."""

from collections.abc import Callable
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from streamauth.cli.output import Output
from streamauth.core.events import (
    REASON_TEXTS,
    Decided,
    Event,
    LevelMeasured,
    RankingUpdated,
    ScoreUpdated,
    SpeechEnded,
    SpeechStarted,
    UtteranceTaken,
    Verdict,
    WordsHeard,
)
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.protocol.events import event_object

_WIDTH = 30
_BESIDE_BAR = 18  # its name, and "  silence" of the level
_LLR_SPAN = 20.0  # the bar reaches this far on both sides of the threshold
_LEVEL_FLOOR_DBFS = -60.0
QUIET_DBFS = -39.0
"""Loudest tenths of a second of a voice whose mean level is -45 dB of full scale or less."""
SILENT_DBFS = -70.0
_TOLD_AFTER_S = 2.5
_CLIPPED_S = 1.5
_STYLES = {Verdict.ACCEPT: "bold green", Verdict.REJECT: "bold red", Verdict.UNDECIDED: "bold yellow"}


def score_bar(llr: float | None, threshold: float, width: int = _WIDTH) -> str:
    """The LLR as a bar around its threshold, which is the mark in the middle."""
    middle = width // 2
    cells = ["·"] * (2 * middle + 1)
    if llr is not None:
        share = max(-1.0, min(1.0, (llr - threshold) / _LLR_SPAN))
        reach = middle + round(share * middle)
        for cell in range(min(middle, reach), max(middle, reach) + 1):
            cells[cell] = "█"
    cells[middle] = "│"
    return "".join(cells)


def score_line(event: ScoreUpdated, threshold: float) -> str:
    """One line for one score."""
    return f"{event.speech_s:5.1f} s  {score_bar(event.llr, threshold)}  LLR {event.llr:+6.1f}  score {event.score:.2f}"


def decision_text(decided: Decided) -> str:
    """The decision for people: verdict, then one sentence per reason."""
    who = f" {decided.name}" if decided.name is not None else ""
    lines = [f"{decided.verdict.upper()}{who}  (after {decided.speech_s:.1f} s of speech)"]
    lines += [f"  {REASON_TEXTS[reason]}" for reason in decided.reasons]
    if decided.phrase_matched is False and decided.phrase_heard is not None:
        lines.append(f"  Heard: “{decided.phrase_heard}”")
    return "\n".join(lines)


class Loudness:
    """What is to be said of the level while somebody speaks, or does not."""

    def __init__(self) -> None:
        self._at_s = self._loud_s = self._heard_s = 0.0
        self._clipped_s = -_CLIPPED_S

    def take(self, level: LevelMeasured) -> None:
        """Take the next level."""
        self._at_s = level.at_sample / SAMPLE_RATE_HZ
        if level.clipped:
            self._clipped_s = self._at_s
        if level.rms_dbfs > SILENT_DBFS:
            self._heard_s = self._at_s
        if level.rms_dbfs > QUIET_DBFS:
            self._loud_s = self._at_s

    @property
    def hint(self) -> str:
        """What to do; empty where the level is good."""
        if self._clipped_s > 0 and self._at_s - self._clipped_s < _CLIPPED_S:
            return "too loud: step back, or lower the input level"
        if self._at_s - self._heard_s > _TOLD_AFTER_S:
            return "nothing is heard: is it the right microphone, and not muted?"
        if self._at_s - self._loud_s > _TOLD_AFTER_S:
            return "too quiet: come closer, or speak up"
        return ""


class LiveView:
    """Follows the events of one attempt on a terminal; prints nothing elsewhere.

    Args:
        console: Where to draw.
        threshold: The LLR to reach; None where nothing is compared, as in an enrollment.
        limit_s: Audio after which the attempt is over, to count down; None where it goes on.
        speech_s: Free speech that an enrollment takes; 0 where it takes none.
    """

    def __init__(
        self, console: Console, threshold: float | None, limit_s: float | None = None, speech_s: float = 0.0
    ) -> None:
        self.console = console
        self._threshold = threshold
        self._limit_s = limit_s
        self._at_s = 0.0
        self._speaking: bool | None = None  # unknown until somebody spoke
        self._level = _LEVEL_FLOOR_DBFS
        self._clipped = False
        self._loudness = Loudness()
        self._free_s = self._left_s = speech_s
        self._spoken_from_s = 0.0
        self._score: ScoreUpdated | None = None
        self._leader = ""
        self._words = ""
        self._decided: Decided | None = None
        self._live = Live(console=console, refresh_per_second=12, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._live.update(self.render())
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Take the next event."""
        self._at_s = max(self._at_s, event.at_sample / SAMPLE_RATE_HZ)
        match event:
            case LevelMeasured(rms_dbfs=level, clipped=clipped):
                self._level, self._clipped = level, clipped
                self._loudness.take(event)
            case SpeechStarted():
                self._speaking, self._spoken_from_s = True, self._at_s
            case SpeechEnded():
                self._speaking = False
            case ScoreUpdated():
                self._score = event
            case RankingUpdated(ranking=ranking, speech_s=speech_s):
                self._score = ScoreUpdated(event.at_sample, ranking[0].score, ranking[0].llr, speech_s)
                self._leader = ranking[0].name
            case WordsHeard(text=text):
                self._words = text
            case UtteranceTaken(needed_speech_s=left_s):
                self._left_s, self._spoken_from_s = left_s, self._at_s
            case Decided():
                self._decided = event
        if self._live is not None:
            self._live.update(self.render())

    def render(self) -> Group:
        """The picture of the moment; what does not fit into a narrow terminal goes to a line of its own."""
        width = max(8, min(_WIDTH, self.console.width - _BESIDE_BAR))
        filled = round((min(max(self._level, _LEVEL_FLOOR_DBFS), 0.0) / -_LEVEL_FLOOR_DBFS + 1.0) * width)
        level = Text("level   ") + Text("▮" * filled, style="red" if self._clipped else "cyan")
        told = "" if self._speaking is None else "  speech" if self._speaking else "  silence"
        state = Text(told, style="bold" if self._speaking else "dim")
        score, lines = self._score, [level + state]
        if self._decided is None and (hint := self._loudness.hint):
            lines.append(Text(f"        {hint}", style="yellow"))
        if self._threshold is not None:
            bar = Text("score   " + score_bar(score.llr if score else None, self._threshold, width))
            lines.append(bar)
        if self._threshold is not None and score is not None:
            detail = f"  LLR {score.llr:+.1f}, {score.speech_s:.1f} s of speech {self._leader}".rstrip()
            if bar.cell_len + len(detail) <= self.console.width:
                bar.append(detail)
            else:
                lines.append(Text(detail))
        if self._free_s:
            # what is being said counts once it is taken; until then by the clock
            since_s = self._at_s - self._spoken_from_s if self._speaking else 0.0
            left_s = max(0.0, self._left_s - since_s)
            done = round((1.0 - left_s / self._free_s) * width)
            lines.append(Text(f"speech  {'▮' * done}{'·' * (width - done)}"))
            lines.append(
                Text(f"        about {left_s:.0f} s to go" if left_s else "        that is enough", style="dim")
            )
        if self._words:
            lines.append(Text(f"heard   {self._words}"))
        if self._limit_s is not None and self._decided is None:
            lines.append(Text(f"time    {max(0.0, self._limit_s - self._at_s):.0f} s left", style="dim"))
        if self._decided is not None:
            lines.append(Text(decision_text(self._decided), style=_STYLES[self._decided.verdict]))
        return Group(*lines)


def follower(view: LiveView, output: Output, live: bool) -> Callable[[Event], None]:
    """What takes each event of an attempt: shows it, and with ``--json`` prints it where the audio is live.

    The decision is not printed here but by whoever prints the outcome.
    """

    def take(event: Event) -> None:
        view.show(event)
        if live and not isinstance(event, Decided):
            output.event(event_object(event))

    return take
