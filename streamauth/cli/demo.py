"""``streamauth demo``: the whole product on synthetic voices, without a microphone or a network."""

import json as json_module
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_INTERNAL, EXIT_OK, Output

if TYPE_CHECKING:
    from streamauth.core.events import Decided, Event

_PEOPLE = {"Alice": "slt", "Bob": "rms"}
_MAX_S = 60.0
_IMPOSTOR, _STRANGER = "awb", "kal16"


@dataclass(frozen=True)
class _Scene:
    title: str
    claim: str | None
    voice: str
    utterance: str
    expected: str


_SCENES = (
    _Scene("Alice says her pass phrase", "Alice", "slt", "door-4", "accept"),
    _Scene("An impostor says Alice's pass phrase", "Alice", _IMPOSTOR, "door-4", "reject"),
    _Scene("Alice says another phrase", "Alice", "slt", "coffee", "reject"),
    _Scene("Who is this? Bob, saying something else", None, "rms", "long-2", "accept"),
    _Scene("Who is this? A stranger", None, _STRANGER, "long-2", "reject"),
)


def demo(
    speed: Annotated[
        float, typer.Option("--speed", min=0, help="Times real-time pace; 0 is as fast as it goes.")
    ] = 1.0,
    json: options.Json = False,
) -> int:
    """Enroll two synthetic voices, run a server, show an accept, three rejections and an identification."""
    output = Output(json)
    right = 0
    scenes = []
    with tempfile.TemporaryDirectory(prefix="streamauth-demo-") as home:
        threshold = _enroll(Path(home), output)
        with _server(Path(home)) as url:
            for scene in _SCENES:
                if not json:
                    output.console.print(f"\n{scene.title}", style="bold", markup=False)
                decided = _play(scene, url, speed, threshold, output)
                correct = decided.verdict == scene.expected and (scene.claim is not None or _named(decided, scene))
                right += correct
                scenes.append({"title": scene.title, "decision": str(decided.verdict), "correct": correct})
    text = f"\n{right} of {len(_SCENES)} decisions are right."
    output.result({"correct": right, "of": len(_SCENES), "scenes": scenes}, text)
    return EXIT_OK if right == len(_SCENES) else EXIT_INTERNAL


def _named(decided: "Decided", scene: _Scene) -> bool:
    return decided.name == next((name for name, voice in _PEOPLE.items() if voice == scene.voice), None)


def _enroll(home: Path, output: Output) -> float:
    """Enroll the people of the demo; the LLR that an accept takes."""
    from streamauth.cli.attempt import Recording, feed
    from streamauth.core.voice.operating_point import accept_bound
    from streamauth.demo_data import demo_utterances
    from streamauth.service.authenticator import Authenticator
    from streamauth.settings import Settings
    from streamauth.sources.files import open_audio

    utterances = demo_utterances()
    # the defaults, whatever the user's own settings are: the demo shows the product as it is shipped
    authenticator = Authenticator.open(home, Settings())
    for name, voice in _PEOPLE.items():
        for number in (1, 2, 3):
            spoken = utterances[voice, f"door-{number}"]
            with (
                open_audio(spoken.path, max_s=_MAX_S) as audio,
                authenticator.enroll(name, audio.format, phrase=spoken.text) as attempt,
            ):
                list(feed(attempt, Recording(spoken.name, audio.format, audio)))
                complete = attempt.session.complete
        output.messages.print(f"{name} is {'enrolled' if complete else 'NOT enrolled'} with “{spoken.text}”.")
    authenticator.close()
    models = authenticator.engines.models(with_words=False)
    return accept_bound(authenticator.settings.decision, models.calibration)


@contextmanager
def _server(home: Path) -> Iterator[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STREAMAUTH_")}
    environment["STREAMAUTH_HOME"] = str(home)
    if models := os.environ.get("STREAMAUTH_MODELS"):
        environment["STREAMAUTH_MODELS"] = models
    command = [sys.executable, "-m", "streamauth", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            yield json_module.loads(process.stdout.readline())["url"]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _play(scene: _Scene, url: str, speed: float, threshold: float, output: Output) -> "Decided":
    from streamauth.cli.live import decision_text, score_line
    from streamauth.cli.remote import decide_remotely
    from streamauth.client import Mode, Start
    from streamauth.core.events import RankingUpdated, ScoreUpdated, WordsHeard
    from streamauth.demo_data import demo_utterances
    from streamauth.sources.files import open_audio

    words = ""

    def show(event: "Event") -> None:
        nonlocal words
        if output.json:
            return
        if isinstance(event, RankingUpdated):
            event = ScoreUpdated(event.at_sample, event.ranking[0].score, event.ranking[0].llr, event.speech_s)
        if isinstance(event, ScoreUpdated):
            output.console.print(f"{score_line(event, threshold)}  {words}", markup=False, soft_wrap=True)
        elif isinstance(event, WordsHeard):
            words = event.text

    spoken = demo_utterances()[scene.voice, scene.utterance]
    with open_audio(spoken.path, max_s=_MAX_S) as audio:
        mode = Mode.IDENTIFY if scene.claim is None else Mode.VERIFY
        start = Start(mode, audio.format, name=scene.claim)
        decided = decide_remotely(url, start, audio, speed, show)
    if not output.json:
        output.console.print(decision_text(decided), markup=False)
    return decided
